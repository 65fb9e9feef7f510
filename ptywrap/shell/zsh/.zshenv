# Tells ptywrap of each command of zsh, in the records of ptywrap/marks.py, without a fork.
# ZDOTDIR led here; from now on it is the user's again, and so is every other file.

# The file is opened by name each time: the observer may have taken the last one away.
# A line that starts with a space is told nowhere.
__pw_preexec() {
  builtin emulate -L zsh
  (( __pw_at = EPOCHREALTIME * 1000000 ))
  __pw_line=$1 __pw_open=0
  if [[ $1 != ' '* ]]; then
    __pw_open=1 __pw_cwd=$PWD
    if [[ $PWD == *$~__pw_odd* || ! -e $__pw_f ]]; then __pw_unusual __pw_cwd; fi
    # The braces keep zsh's own word on a file it cannot open from the terminal.
    { print -rn -- $'\x1eS\t'$$$'\t'$__pw_at$'\t'$__pw_cwd$'\x1f\n' >>| $__pw_f } 2>/dev/null
  fi
  if [[ $precmd_functions[1] != __pw_precmd ]]; then __pw_first; fi
}
# The first statement reads what any command would change.
__pw_precmd() {
  local s=$? p="${(j: :)pipestatus[@]}"
  builtin emulate -L zsh
  (( __pw_at = EPOCHREALTIME * 1000000 ))
  if (( __pw_open )); then
    __pw_open=0 __pw_cwd=$PWD
    # Status 127 in any part: nothing ran there, it may have been a password.
    if [[ "$__pw_text $p " == *' 127 '* ]]; then __pw_line=; fi
    if [[ $__pw_line$PWD == *$~__pw_odd* || ! -e $__pw_f ]]; then __pw_unusual __pw_cwd __pw_line; fi
    { print -rn -- $'\x1eE\t'$$$'\t'$__pw_at$'\t'$s$'\t'$p$'\t'$__pw_cwd$'\t'$__pw_line$'\x1f\n' \
        >>| $__pw_f } 2>/dev/null
  fi
  if [[ $precmd_functions[1]$preexec_functions[1] != __pw_precmd__pw_preexec ]]; then __pw_first; fi
}
# A new file is made for its owner alone; fields hold no tab, newline, 1e or 1f.
__pw_unusual() {
  local name fd
  if [[ ! -e $__pw_f ]] && sysopen -a -o creat,cloexec -m 600 -u fd -- $__pw_f 2>/dev/null; then
    exec {fd}>&-
  fi
  for name; do
    typeset -g $name=${${${(P)name}//\\/\\\\}//$'\t'/\\t}
    typeset -g $name=${${${(P)name}//$'\n'/\\n}//$'\x1e'/\\^}
    typeset -g $name=${(P)name//$'\x1f'/\\_}
  done
}
# Comes first in both arrays: when the user's files have been read, and once more.
__pw_first() {
  builtin emulate -L zsh
  if (( __pw_left-- > 0 )); then
    precmd_functions=(__pw_precmd ${precmd_functions:#__pw_(first|precmd)})
    preexec_functions=(__pw_preexec ${preexec_functions:#__pw_preexec})
    zshaddhistory_functions=(${zshaddhistory_functions:#__pw_first})
    if (( ! $#zshaddhistory_functions )); then unset zshaddhistory_functions; fi
  fi
  return 0
}

builtin typeset -g __pw_f=$PTYWRAP_MARKS/$PTYWRAP_SESSION.$$ __pw_text= __pw_line= __pw_cwd=
builtin typeset -g __pw_odd=$'[\\\\\t\n\x1e\x1f]'
builtin typeset -gi __pw_at=0 __pw_open=0 __pw_left=2
if [[ $PTYWRAP_MARKS_TEXT == 0 ]]; then __pw_text=' 127'; fi # no text, as if nothing ever ran
builtin unset PTYWRAP_MARKS_TEXT
if (( $+PTYWRAP_ZDOTDIR )); then
  builtin export ZDOTDIR=$PTYWRAP_ZDOTDIR
  builtin unset PTYWRAP_ZDOTDIR
else
  builtin unset ZDOTDIR
fi
if [[ -o interactive ]] && zmodload zsh/datetime zsh/system 2>/dev/null; then
  # The second is for files that assign to the first; it runs once a line has been typed.
  builtin typeset -ga precmd_functions zshaddhistory_functions
  precmd_functions+=(__pw_first)
  zshaddhistory_functions+=(__pw_first)
fi
if [[ -r ${ZDOTDIR-$HOME}/.zshenv ]]; then
  builtin source ${ZDOTDIR-$HOME}/.zshenv
fi

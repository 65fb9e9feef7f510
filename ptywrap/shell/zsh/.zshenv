# Tells ptywrap of each command of zsh, in the records of ptywrap/marks.py, without a fork.
# ZDOTDIR led here; from now on it is the user's again, and so is every other file.

# The file is opened by name each time: the observer may have taken the last one away.
__pw_write() {
  if [[ ! -e $__pw_f ]]; then
    local fd
    sysopen -a -o creat,cloexec -m 600 -u fd -- $__pw_f 2>/dev/null && exec {fd}>&-
  fi
  # The braces keep zsh's own word on a file it cannot open from the terminal.
  { print -rn -- $1 >>| $__pw_f } 2>/dev/null
}
__pw_escape() {
  REPLY=$1
  if [[ $REPLY == *[$'\\\t\n\x1e\x1f']* ]]; then
    REPLY=${${${REPLY//\\/\\\\}//$'\t'/\\t}//$'\n'/\\n}
    REPLY=${${REPLY//$'\x1e'/\\^}//$'\x1f'/\\_}
  fi
}
# A line that starts with a space is told nowhere.
__pw_preexec() {
  builtin emulate -L zsh
  local -i at=$(( EPOCHREALTIME * 1000000 ))
  local REPLY
  __pw_line=$1 __pw_open=0
  if [[ $1 != ' '* ]]; then
    __pw_open=1
    __pw_escape $PWD
    __pw_write $'\x1eS\t'$$$'\t'$at$'\t'$REPLY$'\x1f\n'
  fi
  __pw_first
}
__pw_precmd() {
  # Reads first what any command would change.
  local s=$? p="${(j: :)pipestatus[@]}"
  builtin emulate -L zsh
  local -i at=$(( EPOCHREALTIME * 1000000 ))
  if (( __pw_open )); then
    local REPLY line cwd
    # Status 127 in any part: nothing ran there, it may have been a password.
    if [[ $__pw_text != 0 && " $s $p " != *' 127 '* ]]; then
      __pw_escape $__pw_line
      line=$REPLY
    fi
    __pw_escape $PWD
    __pw_write $'\x1eE\t'$$$'\t'$at$'\t'$s$'\t'$p$'\t'$REPLY$'\t'$line$'\x1f\n'
    __pw_line= __pw_open=0
  fi
  __pw_first
}
# Comes first in both arrays: when the user's files have been read, and once more.
__pw_first() {
  builtin emulate -L zsh
  if [[ $precmd_functions[1] != __pw_precmd || $preexec_functions[1] != __pw_preexec ]] &&
    (( __pw_left-- > 0 )); then
    precmd_functions=(__pw_precmd ${precmd_functions:#__pw_(first|precmd)})
    preexec_functions=(__pw_preexec ${preexec_functions:#__pw_preexec})
    zshaddhistory_functions=(${zshaddhistory_functions:#__pw_first})
    if (( ! $#zshaddhistory_functions )); then unset zshaddhistory_functions; fi
  fi
  return 0
}

builtin typeset -g __pw_f=$PTYWRAP_MARKS/$PTYWRAP_SESSION.$$ __pw_text=$PTYWRAP_MARKS_TEXT
builtin typeset -g __pw_line= __pw_open=0 __pw_left=2
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

# Tells ptywrap of each command of bash, in the records of ptywrap/marks.py; forks for a new file.
# Read in place of ~/.bashrc (--rcfile), or by a login shell in place of all (--posix, ENV).
# shellcheck disable=SC2015,SC2016,SC2059,SC2124,SC2178 # Each is meant, mostly for speed.
# First in PROMPT_COMMAND, all output on /dev/null: failures, traces of `set -x`, what a DEBUG trap
# says of us. (Alone in its line, as bash-preexec asks.) Alone in its element (bash 5.1) it says 0:
# later ones get the user's $? and PIPESTATUS all the same, and ERR traps and `set -e` see nothing.
__pw_prompt() {
  __pw_status=$? __pw_pipe="${PIPESTATUS[@]}" __pw_ended=$EPOCHREALTIME __pw_now=${!__pw_counter-0}
  if [[ $__pw_began != -1 ]]; then
    __pw_kept=$__pw_known-$((__pw_number - 1)) __pw_entries=$((__pw_number - __pw_known))
    [[ $__pw_prompts == 1 && $__pw_entries -gt 0 && $__pw_number == "$__pw_now" && -e $__pw_file &&
      "$__pw_hidden $__pw_pipe " != *' 127 '* && $__pw_cwd != *[\\$'\t\n\036\037']* ]] || __pw_unusual || :
    {
      builtin printf "\036C\t$$\t$__pw_began\t$__pw_ended\t$__pw_status\t$__pw_pipe\t$__pw_kept\t%s\t" "$__pw_cwd"
      if [[ $__pw_entries != 0 && ${HISTTIMEFORMAT-} ]]; then HISTTIMEFORMAT='' builtin history "$__pw_entries"
      elif [[ $__pw_entries != 0 ]]; then builtin history "$__pw_entries"; fi
      builtin printf "\037$__pw_ended\037\n"
    } >>"$__pw_file" || :
  fi
  __pw_began=$__pw_idle __pw_prompts=0 __pw_known=$__pw_now __pw_cwd=${PWD-}
  builtin [ "${PROMPT_COMMAND-}${PS0-}" = "$__pw_seen" ] && builtin shopt -q promptvars || __pw_mend
  [[ $__pw_alone == 1 || $- == *e* ]] || builtin return "$__pw_status"
}
# Seldom: PS0 planted us again and the first start is long gone; the line is not in the history, or
# its program is not there (a password?); the directory has odd bytes; the file is new.
__pw_unusual() {
  [[ $__pw_prompts -lt 2 || $PROMPT_COMMAND == *"$__pw_ours"* ]] || __pw_began=$__pw_last __pw_entries=0 __pw_kept=u
  if [[ $__pw_entries -le 0 || $__pw_number != "$__pw_now" ]]; then
    __pw_entries=0 __pw_kept=u
    [[ -o history && -z ${HISTIGNORE-} && $__pw_counter == HISTCMD ]] && case ${HISTCONTROL-} in
      *ignoreboth* | *space*dups* | *dups*space*) ;; *space*) __pw_kept=s ;; *dups*) __pw_kept=0 ;; esac
  fi
  [[ "$__pw_hidden $__pw_pipe " != *' 127 '* ]] || __pw_entries=0
  __pw_cwd=${__pw_cwd//\\/\\\\} __pw_cwd=${__pw_cwd//$'\t'/\\t} __pw_cwd=${__pw_cwd//$'\n'/\\n}
  __pw_cwd=${__pw_cwd//$'\036'/\\^} __pw_cwd=${__pw_cwd//$'\037'/\\_}
  # Unlike ( ), this leaves the terminal its foreground group.
  [[ -e $__pw_file || ! -d ${__pw_file%/*} ]] || : "$(umask 077 && : >>"$__pw_file")"
}
# Puts back what another tool has overwritten, as if we had never been in its way.
__pw_mend() {
  if __pw_free; then
    PS0=${PS0-} PS0=${PS0//"$__pw_ps0"/} __pw_seen=
    builtin shopt -q promptvars || builtin return 0 # PS0 is printed as it is: have a look each time
    PS0+=$__pw_ps0
    [[ ${PROMPT_COMMAND-} == "$__pw_ours"$__pw_scalar ]] || __pw_first
  fi
  [[ ${PROMPT_COMMAND-} == "$__pw_ours" ]] && __pw_alone=1 || __pw_alone=0
  __pw_seen=${PROMPT_COMMAND-}${PS0-}
}
__pw_free() { builtin local PROMPT_COMMAND PS0; } # fails where one is readonly
# Tools assign to a scalar: element 0. Where they quote us, they mean what stood there before. One that
# comes before us again is left there: bash-preexec insists.
__pw_first() {
  builtin local first rest && first=${PROMPT_COMMAND//"$__pw_ours"/"$__pw_former"}
  [[ $__pw_scalar ]] || builtin unset 'PROMPT_COMMAND[999]'
  if [[ $PROMPT_COMMAND == *"$__pw_ours"* ]]; then
    [[ $__pw_before == 1 ]] && __pw_before=0 || { __pw_at["x$PROMPT_COMMAND"]=0 && builtin return; }
  fi
  while [[ $first == [$' \t\n;']* ]]; do first=${first:1}; done
  [[ ! $__pw_scalar ]] || { PROMPT_COMMAND="$__pw_ours${first:+;$first}" && builtin return; }
  rest=("${PROMPT_COMMAND[@]:1}")
  [[ ${rest[0]-} != "$__pw_former" ]] || rest=("${rest[@]:1}")
  PROMPT_COMMAND=("$__pw_ours" ${first:+"$first"} "${rest[@]}") __pw_former=$first
}
# Below 5.1 no array is run and HISTCMD is hidden, below 5.0 is no clock, below 4.4 no PS0 (there
# each prompt is told). PS0 expands to nothing; if no prompt of ours came since the last, it plants us
# at 999 where others stand at 0, unless that is readonly: the error would cost the command.
__pw_install() {
  __pw_began=-1 __pw_idle=-1 __pw_last=0 __pw_number=0 __pw_prompts=0 __pw_known=9999999 __pw_ps0=''
  __pw_alone=1 __pw_before=1 __pw_scalar='*' __pw_counter=__pw_number __pw_twice[1]=1
  __pw_ours=$'{\n__pw_prompt\n} &>/dev/null' __pw_former=${PROMPT_COMMAND-}
  builtin local version="$((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1]))"
  [[ $version -ge 500 ]] || EPOCHREALTIME=0
  [[ $version -lt 404 ]] && __pw_idle=0 || __pw_ps0='${__pw_twice[__pw_last=${EPOCHREALTIME/[^0-9]/}+0,__pw_began=__pw_began<0?__pw_last:__pw_began,__pw_number=${HISTCMD-0},++__pw_prompts>1]+}'
  if [[ $version -lt 501 ]]; then PROMPT_COMMAND="$__pw_ours${__pw_former:+;$__pw_former}"
  else
    __pw_scalar='' __pw_counter=HISTCMD __pw_at=([a]=999 [aa]=999 ["x$__pw_ours"]=0)
    __pw_ps0=${__pw_ps0%\}}'${PROMPT_COMMAND+${__pw_at["y${PROMPT_COMMAND[${__pw_at["x$PROMPT_COMMAND"]-${__pw_at["a${PROMPT_COMMAND@a}"]-0}}]=$__pw_ours}"]-}}}'
    PROMPT_COMMAND=("$__pw_ours" "${PROMPT_COMMAND[@]}")
  fi
  __pw_mend
}
builtin declare -a __pw_{alone,before,began,counter,cwd,ended,entries,file,former,hidden,idle,kept,known} \
  __pw_{last,now,number,ours,pipe,profile,prompts,ps0,scalar,seen,status,twice}
builtin declare -A __pw_at 2>/dev/null # all arrays, as `set -a` would export others
__pw_file=${PTYWRAP_MARKS:+$PTYWRAP_MARKS/${PTYWRAP_SESSION-}.$$}
[[ ${PTYWRAP_MARKS_TEXT-} == 0 ]] && __pw_hidden=' 127' || __pw_hidden='' # as if nothing ever ran
builtin unset PTYWRAP_MARKS_TEXT
if [[ -o posix ]]; then # undo the detour: the mode and what it turns on, ENV, defaults
  builtin set +o posix && builtin shopt -u inherit_errexit 2>/dev/null
  [[ ${PTYWRAP_ENV+x} ]] && builtin export ENV="$PTYWRAP_ENV" || builtin unset ENV
  builtin unset PTYWRAP_ENV
  [[ ${HISTFILE-} != "${HOME-}/.sh_history" ]] || HISTFILE=${HOME-}/.bash_history
  [[ ${MAILCHECK-} != 600 ]] || MAILCHECK=60
  [[ ! -r /etc/profile ]] || builtin . /etc/profile
  for __pw_profile in ~/.bash_{profile,login} ~/.profile /dev/null; do [[ ! -r $__pw_profile ]] || break; done
  builtin . "$__pw_profile"
elif [[ -r ~/.bashrc ]]; then builtin . ~/.bashrc; fi
{ builtin shopt -q promptvars && __pw_free && __pw_install; } &>/dev/null

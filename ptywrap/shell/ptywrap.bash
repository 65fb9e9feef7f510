# Tells ptywrap of each command of bash, in the records of ptywrap/marks.py; forks for a new file.
# Read in place of ~/.bashrc (--rcfile), or by a login shell in place of all (--posix, ENV).
# First in PROMPT_COMMAND, all output on /dev/null: failures, the trace of `set -x`, what a DEBUG trap
# says of us. (Alone in its line, as bash-preexec asks.) Alone in its element (bash 5.1) it says 0:
# later ones get the user's $? and PIPESTATUS all the same, and ERR traps and `set -e` see nothing.
__pw_prompt() {
  __pw_s=$? __pw_q="${PIPESTATUS[@]}" __pw_e=$EPOCHREALTIME __pw_w=${!__pw_j-0}
  if [[ $__pw_t != -1 ]]; then
    __pw_k=$__pw_h-$((__pw_m - 1)) __pw_n=$((__pw_m - __pw_h)) # pasted lines are several entries
    [[ $__pw_r == 1 && $__pw_n -gt 0 && $__pw_m == "$__pw_w" && "$__pw_y $__pw_q " != *' 127 '* &&
      $__pw_d != *[\\$'\t\n\036\037']* && -e $__pw_f ]] || __pw_unusual || :
    {
      builtin printf "\036C\t$$\t$__pw_t\t$__pw_e\t$__pw_s\t$__pw_q\t$__pw_k\t%s\t" "$__pw_d"
      if [[ $__pw_n != 0 && ${HISTTIMEFORMAT-} ]]; then HISTTIMEFORMAT= builtin history "$__pw_n"
      elif [[ $__pw_n != 0 ]]; then builtin history "$__pw_n"; fi
      builtin printf "\037$__pw_e\037\n"
    } >>"$__pw_f" || :
  fi
  __pw_t=$__pw_v __pw_r=0 __pw_h=$__pw_w __pw_d=${PWD-}
  builtin [ "${PROMPT_COMMAND-}${PS0-}" = "$__pw_z" ] && builtin shopt -q promptvars || __pw_mend
  [[ $__pw_a == 1 || $- == *e* ]] || builtin return "$__pw_s"
}
# Seldom: PS0 (below) has just planted us again and the first start is long gone, the line is not in
# the history or its program not there (a password?), the directory has odd bytes, the file is new.
__pw_unusual() {
  [[ $__pw_r -lt 2 || $PROMPT_COMMAND == *"$__pw_c"* ]] || __pw_t=$__pw_l __pw_n=0 __pw_k=u
  if [[ $__pw_n -le 0 || $__pw_m != "$__pw_w" ]]; then
    __pw_n=0 __pw_k=u
    [[ -o history && -z ${HISTIGNORE-} && $__pw_j == HISTCMD ]] && case ${HISTCONTROL-} in
      *ignoreboth* | *space*dups* | *dups*space*) ;; *space*) __pw_k=s ;; *dups*) __pw_k=0 ;;
    esac
  fi
  [[ "$__pw_y $__pw_q " != *' 127 '* ]] || __pw_n=0
  __pw_d=${__pw_d//\\/\\\\} __pw_d=${__pw_d//$'\t'/\\t} __pw_d=${__pw_d//$'\n'/\\n}
  __pw_d=${__pw_d//$'\036'/\\^} __pw_d=${__pw_d//$'\037'/\\_}
  # In ( ) this would move the terminal's foreground group.
  [[ -e $__pw_f || ! -d ${__pw_f%/*} ]] || : "$(umask 077 && : >>"$__pw_f")"
}
# Puts back what another tool has overwritten, as if we had never been in its way.
__pw_mend() {
  if __pw_free; then
    PS0=${PS0-} PS0=${PS0//"$__pw_0"/} __pw_z=
    builtin shopt -q promptvars || builtin return 0 # PS0 is printed as it is: have a look each time
    PS0+=$__pw_0
    [[ ${PROMPT_COMMAND-} == "$__pw_c"$__pw_g ]] || __pw_first
  fi
  [[ ${PROMPT_COMMAND-} == "$__pw_c" ]] && __pw_a=1 || __pw_a=0
  __pw_z=${PROMPT_COMMAND-}${PS0-}
}
__pw_free() { builtin local PROMPT_COMMAND PS0; } # fails where one is readonly
# Tools assign to a scalar, so to element 0; where they quote us, they mean what stood there before.
# One that comes before us again is left there: bash-preexec insists.
__pw_first() {
  builtin local first rest && first=${PROMPT_COMMAND//"$__pw_c"/"$__pw_o"}
  [[ $__pw_g ]] || builtin unset 'PROMPT_COMMAND[999]'
  if [[ $PROMPT_COMMAND == *"$__pw_c"* ]]; then
    [[ $__pw_b == 1 ]] && __pw_b=0 || { __pw_i["x$PROMPT_COMMAND"]=0 && builtin return; }
  fi
  while [[ $first == [$' \t\n;']* ]]; do first=${first:1}; done
  [[ ! $__pw_g ]] || { PROMPT_COMMAND="$__pw_c${first:+;$first}" && builtin return; }
  rest=("${PROMPT_COMMAND[@]:1}")
  [[ ${rest[0]-} != "$__pw_o" ]] || rest=("${rest[@]:1}")
  PROMPT_COMMAND=("$__pw_c" ${first:+"$first"} "${rest[@]}") __pw_o=$first
}
# Below 5.1 no array is run and HISTCMD is hidden, below 5.0 is no clock, below 4.4 no PS0 (each prompt
# is told). PS0 expands to nothing; if no prompt of ours came since the last, it plants us at 999 where
# others stand at 0, unless that is readonly: the error would cost the command.
__pw_install() {
  __pw_t=-1 __pw_v=-1 __pw_l=0 __pw_m=0 __pw_r=0 __pw_h=9999999 __pw_a=1 __pw_b=1 __pw_g=* __pw_j=__pw_m
  __pw_c=$'{\n__pw_prompt\n} &>/dev/null' __pw_o=${PROMPT_COMMAND-} __pw_0= __pw_u[1]=1
  builtin local version="$((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1]))"
  [[ $version -ge 500 ]] || EPOCHREALTIME=0
  [[ $version -lt 404 ]] && __pw_v=0 || __pw_0='${__pw_u[__pw_l=${EPOCHREALTIME/[^0-9]/}+0,__pw_t=__pw_t<0?__pw_l:__pw_t,__pw_m=${HISTCMD-0},++__pw_r>1]+}'
  if [[ $version -lt 501 ]]; then
    PROMPT_COMMAND="$__pw_c${__pw_o:+;$__pw_o}"
  else
    __pw_g= __pw_j=HISTCMD __pw_i=([a]=999 [aa]=999 ["x$__pw_c"]=0)
    __pw_0=${__pw_0%\}}'${PROMPT_COMMAND+${__pw_i["y${PROMPT_COMMAND[${__pw_i["x$PROMPT_COMMAND"]-${__pw_i["a${PROMPT_COMMAND@a}"]-0}}]=$__pw_c}"]-}}}'
    PROMPT_COMMAND=("$__pw_c" "${PROMPT_COMMAND[@]}")
  fi
  __pw_mend
}
builtin declare -A __pw_i 2>/dev/null # the others are arrays as `set -a` would export them else
builtin declare -a __pw_{0,a,b,c,d,e,f,g,h,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x,y,z}
__pw_f=${PTYWRAP_MARKS:+$PTYWRAP_MARKS/${PTYWRAP_SESSION-}.$$}
[[ ${PTYWRAP_MARKS_TEXT-} == 0 ]] && __pw_y=' 127' || __pw_y= # no text, as if nothing ever ran
builtin unset PTYWRAP_MARKS_TEXT
if [[ -o posix ]]; then
  # What the detour changed: the mode and what it turns on, ENV, defaults.
  builtin set +o posix && builtin shopt -u inherit_errexit 2>/dev/null
  [[ ${PTYWRAP_ENV+x} ]] && builtin export ENV="$PTYWRAP_ENV" || builtin unset ENV
  builtin unset PTYWRAP_ENV
  [[ ${HISTFILE-} != "${HOME-}/.sh_history" ]] || HISTFILE=${HOME-}/.bash_history
  [[ ${MAILCHECK-} != 600 ]] || MAILCHECK=60
  [[ ! -r /etc/profile ]] || builtin . /etc/profile
  for __pw_x in ~/.bash_{profile,login} ~/.profile /dev/null; do [[ ! -r $__pw_x ]] || break; done
  builtin . "$__pw_x"
elif [[ -r ~/.bashrc ]]; then builtin . ~/.bashrc; fi
{ builtin shopt -q promptvars && __pw_free && __pw_install; } &>/dev/null

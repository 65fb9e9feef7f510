#!/bin/sh
# ptywrap: the launcher. Becomes the real shell by exec whenever it may not or cannot observe;
# else starts the wrapper, stays as its fallback, and leaves with the shell's own status.
# No external program stands on the way to an exec. Every name starts with _pw_: a variable that
# happens to be exported already would reach the shell otherwise.
# shellcheck disable=SC3013 # -ef is POSIX since 2024, and was in dash and others long before

# Reads `enabled` and `shell` from the top of a settings file, and whether it locks the latter; the
# rest is the verbs' business. What one layer has switched off no later one can switch on.
_pw_settings() {
    [ -r "$1" ] || return 0
    _pw_table=
    while IFS='= 	' read -r _pw_key _pw_value || [ -n "$_pw_key" ]; do
        case $_pw_key$_pw_value in \[locked[]\ ]*) _pw_table=locked. ;; \[*) _pw_table=- ;; esac
        _pw_key=${_pw_key#[\"\']}
        case $_pw_table${_pw_key%[\"\']}:$_pw_value in
            locked.shell:true*) _pw_locked=1 ;;
            enabled:false | enabled:false[!a-z0-9_]*) _pw_off=1 ;;
            shell:[\"\']/*[\"\']*) _pw_value=${_pw_value#?} _pw_shell=${_pw_value%%[\"\']*} ;;
        esac
    done <"$1"
}

# Sets _pw_off when any off switch is on, and _pw_shell to a configured shell.
_pw_configured() {
    _pw_settings /etc/ptywrap/config.toml
    _pw_settings '/Library/Application Support/ptywrap/config.toml'
    _pw_system_shell=$_pw_shell _pw_system_locked=$_pw_locked
    _pw_settings "${XDG_CONFIG_HOME:-${HOME-}/.config}/ptywrap/config.toml"
    _pw_shell=${PTYWRAP_SHELL:-$_pw_shell}
    if [ -n "$_pw_system_locked" ]; then _pw_shell=$_pw_system_shell; fi
    if [ "${PTYWRAP_DISABLE-}" = 1 ] || [ "${DO_NOT_TRACK-}" = 1 ] ||
        [ "${PTYWRAP_ENABLED-}" = false ] || [ -e /etc/ptywrap/disabled ]; then
        _pw_off=1
    fi
}

# Takes $1 as the shell where it is a program, and not ourselves through a link or as a copy. A
# $SHELL that is none is taken all the same, and fails as it does without us.
_pw_take() {
    case ${1##*/} in '' | ptywrap | ptywrap.sh | ptywrap-login) return 1 ;; esac
    if [ "$1" -ef "$_pw_file" ]; then return 1; fi
    case $1 in "${SHELL-}") ;; /*) [ -f "$1" ] && [ -x "$1" ] ;; *) false ;; esac && _pw_shell=$1
}

# Completes _pw_shell: configured, $SHELL, the shell saved when we became the login shell, any.
_pw_real_shell() {
    _pw_take "$_pw_shell" && return
    _pw_take "${SHELL-}" && return
    _pw_saved=${XDG_STATE_HOME:-${HOME-}/.local/state}/ptywrap/former-shell
    if [ -z "$_pw_scarce" ] && [ -r "$_pw_saved" ]; then
        { IFS= read -r _pw_name || :; } <"$_pw_saved"
        _pw_take "$_pw_name" && return
    fi
    for _pw_name in zsh bash sh; do
        for _pw_bin in /bin /usr/bin /usr/local/bin; do
            _pw_take "$_pw_bin/$_pw_name" && return
        done
    done
}

# Sets _pw_login to -l when the shell has to be a login shell. A script never sees the dash in its
# own argv[0] (the kernel replaces it by the path), so the parent decides; $1 is `c` for a -c line,
# which sshd gives to a shell that is none.
_pw_decide_login() {
    [ -z "$_pw_login" ] || return 0
    _pw_parent=
    if [ -r "/proc/$PPID/comm" ]; then
        IFS= read -r _pw_parent <"/proc/$PPID/comm" || :
    elif ! [ -d /proc/self ]; then
        _pw_parent=$(ps -o comm= -p "$PPID")
    fi
    case $1:${_pw_parent##*/} in
        :login | :sshd | :sshd-session | :mosh-server | ':tmux: server') _pw_login=-l ;;
        *:su | *:sudo) _pw_parent=$_pw_parent:$(tr '\0' '|' <"/proc/$PPID/cmdline") || return 0 ;;
    esac
    case $_pw_parent in
        su:*'|-|'* | su:*'|-l|'* | su:*'|--login|'*) _pw_login=-l ;;
        sudo:*'|-i'* | sudo:*'|-'?'i|'* | sudo:*'|--login|'*) _pw_login=-l ;;
    esac
}

_pw_become_shell() {
    export SHELL="$_pw_shell"
    exec "$_pw_shell" $_pw_login "$@"
}

# Whether three descriptors above 9 are free. Without one dash loses the descriptor that it cannot
# save for the time of a redirection: stdin, say. 9 is only borrowed where it is free.
_pw_room() {
    [ -e /dev/fd/9 ] && return
    command exec 9</dev/null || return
    { { { :; } 9</dev/null; } 9</dev/null; } 9</dev/null || return
    exec 9<&-
}

# Through links, so that we are never our own shell and find what lies beside us.
_pw_file=$0
while [ -h "$_pw_file" ]; do
    _pw_link=$(readlink -- "$_pw_file") || break
    case $_pw_link in /*) ;; *) _pw_link=${_pw_file%/*}/$_pw_link ;; esac
    _pw_file=$_pw_link
done
case $_pw_file in /*) ;; *) _pw_file=$PWD/$_pw_file ;; esac
_pw_login='' _pw_quiet='' _pw_json='' _pw_shell='' _pw_off='' _pw_scarce=''
_pw_said='' _pw_sent='' _pw_locked=''
if ! _pw_room; then
    case ${1-} in --*) while [ $# -gt 1 ] && [ "$1" != -- ]; do shift; done ;; esac
    if [ "${1-}" = -- ]; then shift && exec "$@"; fi
    _pw_scarce=1 && _pw_real_shell && _pw_become_shell "$@"
fi

# What is asked: a shell to launch; the real one, by a -c line or an option that we do not know;
# a run or a verb, by other words.
_pw_kind=shell
for _pw_word in "$@"; do
    case $_pw_word in
        -l | --login | -il | -li) _pw_login=-l ;;
        -i) ;;
        --*) _pw_kind=words ;;
        -*c*) _pw_kind=line ;;
        [-+]?*) _pw_kind=foreign ;;
        *) _pw_kind=words ;;
    esac
    if [ "$_pw_kind" != shell ]; then break; fi
done
_pw_configured
_pw_real_shell
case $_pw_kind in
    line) _pw_login='' && _pw_decide_login c && _pw_become_shell "$@" ;;
    foreign) _pw_login='' && _pw_become_shell "$@" ;;
    shell) _pw_decide_login '' ;;
esac

# Finds the environment's Python and wrapper.py, installed or in a checkout.
_pw_locate() {
    _pw_folder=${_pw_file%/*}
    _pw_environment=${_pw_folder%/*}
    _pw_wrapper=
    if [ -f "$_pw_folder/wrapper.py" ]; then
        _pw_wrapper=$_pw_folder/wrapper.py
        case $_pw_folder in
            */site-packages/*) _pw_environment=${_pw_folder%/lib/python3*} ;;
            *) _pw_environment=${PTYWRAP_VENV:-${_pw_folder%/ptywrap/launch}/.venv} ;;
        esac
    fi
    _pw_python=$_pw_environment/bin/python
    # Installed: the package is in site-packages, or an editable install names its folder there.
    for _pw_site in "$_pw_environment"/lib/python3*/site-packages; do
        [ -z "$_pw_wrapper" ] || break
        for _pw_pth in "$_pw_site"/*ptywrap*.pth; do
            _pw_line=$_pw_site
            { [ -r "$_pw_pth" ] && IFS= read -r _pw_line <"$_pw_pth"; } || :
            _pw_line=$_pw_line/ptywrap/launch/wrapper.py
            if [ -f "$_pw_line" ]; then _pw_wrapper=$_pw_line; fi
        done
    done
}

# `ptywrap log` and the like, and every wrong word: Python knows the verbs and offers the nearest.
_pw_verb() {
    if [ -x "$_pw_python" ]; then exec "$_pw_python" -I -m ptywrap "$@"; fi
    echo "ptywrap: no Python at $_pw_python
ptywrap: install it again, or set PTYWRAP_VENV to an environment that has it" >&2
    exit 1
}

# Sets _pw_inside to `i` when this terminal is the one a living session gave to its shell. The
# variables alone prove nothing: a tmux server inherits them and outlives us. A run without a
# terminal is inside whatever session it inherits.
_pw_look_inside() {
    _pw_inside=
    if [ -z "${PTYWRAP_SESSION-}" ] || ! kill -0 "${PTYWRAP_KEEPER:-x}" 2>/dev/null; then return; fi
    [ /dev/fd/0 -ef "${PTYWRAP_TTY:-/}" ] || { [ "$_pw_mode" = run ] && ! [ -t 0 ]; } || return
    _pw_inside=i
}

# Sets three numbers to descriptors that are free, for the status pipe, stdin and stderr: the
# caller's own, from 3 on, are the command's. Sh knows no number above 9, so there may be none.
_pw_numbers() {
    set --
    for _pw_number in 5 7 8 9 6 4 3; do
        [ -e "/dev/fd/$_pw_number" ] || set -- "$@" "$_pw_number"
    done
    _pw_status=${1-} _pw_input=${2-} _pw_errors=${3-}
    [ $# -gt 2 ]
}

# In the process that becomes the wrapper: starts the watchdog, says its pid, becomes Python.
# A start that hangs is killed after 2 s; the wrapper ends the watchdog once the shell runs.
# What a broken Python has to say goes nowhere; the wrapper takes its stderr from _pw_errors.
_pw_become_wrapper() {
    eval "exec $_pw_input>&-"
    (eval "exec $_pw_status>&- $_pw_errors>&- >/dev/null" &&
        exec sh -c 'trap "kill \$!; wait; exit" TERM; sleep 2 & wait $!; kill -9 $PPID') &
    echo "$!" >&"$_pw_status"
    exec "$_pw_python" -I -S "$_pw_wrapper" "$_pw_mode" "$!" "$PPID" "$_pw_environment" \
        "$_pw_flags$_pw_status$_pw_errors" "$_pw_json" "$_pw_shell" "$@"
}

# Runs the wrapper, if there is one; returns when it never came to run a shell or command.
# `command eval` turns what would end this script (no process, no descriptor left) into a status.
_pw_observe() {
    if [ -x "$_pw_python" ] && [ -f "$_pw_wrapper" ] && _pw_numbers; then
        eval "{ command eval '_pw_wrap \"\$@\"'; } $_pw_errors>&2 2>/dev/null"
    fi
}

# Runs the wrapper and leaves as the shell or command left.
# The status pipe is held by keeper and pump, so it ends when both are gone. Who is sent SIGTERM
# is this script, so it must pass it on at once. A trap runs at once only during `wait`; in a
# command substitution it is held back until the shell has ended. A child that can be waited for is
# a background child, with stdin on /dev/null and SIGINT ignored: stdin is given back here, the
# signals by the wrapper (newborn.py).
_pw_wrap() {
    eval "exec $_pw_status<<X
-
X
"
    trap : INT QUIT
    if [ -p "/dev/fd/$_pw_status" ] && [ -d /proc/self/fd ]; then
        eval "{ (_pw_become_wrapper \"\$@\" <&$_pw_input) $_pw_status>/dev/fd/$_pw_status & }" \
            "$_pw_input<&0"
        _pw_pid=$!
        trap '_pw_pass TERM 41' TERM && trap '_pw_pass HUP 42' HUP
        trap '_pw_pass INT 43' INT && trap '_pw_pass QUIT 44' QUIT
        [ "$_pw_mode" = bare ] || trap '_pw_pass TSTP 45' TSTP
        while wait "$_pw_pid" || :; kill -0 "$_pw_pid"; do :; done
        # Whatever else holds the pipe open, there is only something to wait for once a shell runs.
        echo end >"/dev/fd/$_pw_status"
        while IFS= read -r _pw_line <&"$_pw_status"; do
            case $_pw_line:$_pw_said in
                end:*exit* | end:*signal* | end:*failed*) break ;;
                end:*started*) ;; # the keeper was killed, and the pump goes on
                end:*) break ;;
                *) _pw_said="$_pw_said
$_pw_line" ;;
            esac
        done
        trap - TERM HUP TSTP
    else
        # No pipe can be opened by name (macOS): a substitution makes one.
        eval "exec $_pw_status<&-
            { _pw_said=\$(_pw_become_wrapper \"\$@\" $_pw_status>&1 1>&$_pw_input); } $_pw_input>&1"
    fi
    trap - INT QUIT
    _pw_leave
}

# Passes a signal on to the wrapper under the number that signals.py knows; with the keeper dead,
# dies of it, which the pump will see.
_pw_pass() {
    _pw_sent=$1
    kill "-$2" "$_pw_pid" || { trap - "$1" && kill "-$1" $$; }
}

# Leaves as the wrapper said the shell left; returns when it said that none was started.
# shellcheck disable=SC3045 # where ulimit knows no -c a core may be left: no harm but that
_pw_leave() {
    case $_pw_said in
        *exit*) exit "${_pw_said##*exit }" ;;
        *signal*) { ulimit -c 0 || :; } && kill -"${_pw_said##*signal }" $$ && exit 255 ;;
        *failed*) ;;
        *started*) echo 'ptywrap: the session was lost' >&"$_pw_errors" && exit 255 ;;
    esac
    _pw_said=${_pw_said#*-?}
    case $_pw_said in [0-9]*) kill "${_pw_said%%[!0-9]*}" ;; esac
    eval "exec $_pw_status<&-"
    case $_pw_mode$_pw_sent in *TERM | *HUP | bareINT | bareQUIT) kill "-$_pw_sent" $$ ;; esac
}

if [ "$_pw_kind" = shell ]; then
    if [ -n "$_pw_off" ] || ! [ -t 0 ] || ! [ -t 1 ]; then _pw_become_shell; fi
    _pw_mode=shell && _pw_locate
    _pw_look_inside
    _pw_flags=${_pw_login#-}
    if [ -z "$_pw_inside" ]; then _pw_observe; fi
    _pw_become_shell
fi
_pw_locate
case ${1-} in -- | --json | --json=?* | --quiet) ;; *) _pw_verb "$@" ;; esac
while [ "${1-}" != -- ]; do
    case ${1-} in
        --quiet) _pw_quiet=q ;;
        --json=?*) _pw_json=${1#--json=} ;;
        --json) case ${2:---} in --) _pw_verb -- ;; *) _pw_json=$2 && shift ;; esac ;;
        *) _pw_verb -- ;;
    esac
    shift
done
if [ $# -lt 2 ]; then _pw_verb --; fi
shift
# "$@" is the command now.
_pw_mode=run
if [ -n "$_pw_off" ]; then exec "$@"; fi
_pw_look_inside
_pw_flags=$_pw_quiet$_pw_inside
if [ -n "$_pw_inside" ] || ! [ -t 0 ] || ! [ -t 1 ]; then _pw_mode=bare; fi
_pw_observe "$@"
exec "$@"

# Tells ptywrap of each command of fish, in the records of ptywrap/marks.py, without a fork.
# XDG_DATA_DIRS led here; our folder goes from it again, and from what fish derived from it.

set -l hooks (builtin string replace -r '/fish/vendor_conf.d/[^/]*$' '' -- (builtin status filename))
if set -q XDG_DATA_DIRS
    set -l folders (builtin string split : -- $XDG_DATA_DIRS)
    if set -l place (builtin contains -i -- $hooks $folders)
        set -e folders[$place]
    end
    if set -q folders[1]
        set -gx XDG_DATA_DIRS (builtin string join : -- $folders)
    else
        set -e XDG_DATA_DIRS
    end
end
for name in fish_function_path fish_complete_path __fish_vendor_{completions,functions,conf}dirs
    set $name (builtin string match -v -r -- '^'(builtin string escape --style=regex -- $hooks/) $$name)
end

set -g __pw_file "$PTYWRAP_MARKS"/$PTYWRAP_SESSION.$fish_pid
set -g __pw_text "$PTYWRAP_MARKS_TEXT"
set -g __pw_line
set -e PTYWRAP_MARKS_TEXT

# The file is opened by name each time: the observer may have taken the last one away.
# fish says what fails on its own stderr: so look before, and give up after a disk was full.
function __pw_write
    if not builtin test -e "$__pw_file"
        if not builtin test -w "$PTYWRAP_MARKS" -a -n "$__pw_file"
            return
        end
        set -l mask $umask
        set -g umask 0077
        builtin true >>$__pw_file
        set -g umask $mask
    end
    if not builtin printf '%s\x1f\n' "$argv" >>$__pw_file
        set -g __pw_file
    end
end

# Sets __pw_plain to a text that holds no tab, newline, 1e or 1f.
function __pw_escape
    set -g __pw_plain $argv[1]
    if builtin string match -q -r '[\\\\\t\n\x1e\x1f]' -- $argv[1]
        set -l lines (builtin string split -- \n $argv[1])
        set lines (builtin string replace -a -- \\ \\\\ $lines)
        set lines (builtin string replace -a -- \t \\t $lines)
        set lines (builtin string replace -a -- \x1e '\\^' $lines)
        set __pw_plain (builtin string join -- '\\n' (builtin string replace -a -- \x1f '\\_' $lines))
    end
end

# There is no clock: 0. A line that starts with a space is told nowhere, nor is a private session.
function __pw_preexec --on-event fish_preexec
    set -g __pw_line $argv[1]
    if builtin string match -q -- ' *' $argv[1]; or set -q fish_private_mode
        set __pw_line
        return
    end
    __pw_escape $PWD
    __pw_write \x1eS\t$fish_pid\t0\t$__pw_plain
end

function __pw_postexec --on-event fish_postexec
    set -l codes $status $pipestatus
    if not set -q __pw_line[1]
        return
    end
    set -l line
    # Status 127 in any part: nothing ran there, it may have been a password.
    if builtin test "$__pw_text" != 0; and not builtin contains -- 127 $codes
        __pw_escape $__pw_line
        set line $__pw_plain
    end
    set __pw_line
    __pw_escape $PWD
    __pw_write \x1eE\t$fish_pid\t+"$CMD_DURATION"000\t$codes[1]\t"$codes[2..]"\t$__pw_plain\t"$line"
end

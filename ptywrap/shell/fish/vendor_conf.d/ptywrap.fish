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
set -g __pw_none # 127 where no text may be written: as if nothing ever ran
if builtin test "$PTYWRAP_MARKS_TEXT" = 0
    set __pw_none 127
end
set -e PTYWRAP_MARKS_TEXT

# Says a text that holds no tab, newline, 1e or 1f.
function __pw_escape
    set -l lines (builtin string split -- \n $argv[1])
    set lines (builtin string replace -a -- \\ \\\\ $lines)
    set lines (builtin string replace -a -- \t \\t $lines)
    set lines (builtin string replace -a -- \x1e '\\^' $lines)
    builtin string join -- '\\n' (builtin string replace -a -- \x1f '\\_' $lines)
end

function __pw_moved --on-variable PWD
    set -g __pw_cwd (__pw_escape $PWD)
end
__pw_moved

# A private session is told nowhere, as if each line started with a space.
function __pw_hide --on-variable fish_private_mode
    set -g __pw_hidden
    if set -q fish_private_mode
        set __pw_hidden ' '
    end
end
__pw_hide

# The file is opened by name each time: the observer may have taken the last one away.
# fish says what fails on its own stderr: so look before, and give up after a disk was full.
function __pw_make
    if not builtin test -w "$PTYWRAP_MARKS" -a -n "$__pw_file"
        return 1
    end
    set -l mask $umask
    set -g umask 0077
    builtin true >>$__pw_file
    set -g umask $mask
end

# There is no clock: 0. A line that starts with a space is told nowhere.
function __pw_preexec --on-event fish_preexec
    if not builtin string match -q ' *' -- "$__pw_hidden$argv"
        if builtin test -e "$__pw_file"; or __pw_make
            builtin echo \x1eS\t$fish_pid\t0\t$__pw_cwd\x1f >>$__pw_file
            or set __pw_file
        end
    end
end

function __pw_postexec --on-event fish_postexec
    set -l codes $status $pipestatus
    set -l line "$__pw_hidden$argv"
    if builtin string match -q -r '^ |[\\\\\t\n\x1e\x1f]' -- $line
        if builtin string match -q ' *' -- $line
            return
        end
        set line (__pw_escape $line)
    end
    # Status 127 in any part: nothing ran there, it may have been a password.
    if builtin contains 127 $__pw_none $codes
        set line
    end
    if builtin test -e "$__pw_file"; or __pw_make
        builtin echo \x1eE\t$fish_pid\t+"$CMD_DURATION"000\t$codes[1]\t"$codes[2..]"\t$__pw_cwd\t"$line"\x1f >>$__pw_file
        or set __pw_file
    end
end

#!/bin/sh
# Makes the Python environment of this checkout when it is missing or stale.
# usage: sh scripts/environment.sh ROOT [--dev]      prints the environment's folder on stdout
#
# Only finds a Python that can do it; environment.py does the work. The system's own Python comes
# first because it can be read by every account, which one under somebody's home often cannot.
umask 022
root=$1
for python in /usr/bin/python3 python3 python3.14 python3.13 python3.12 python3.11; do
    "$python" -I -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
        2>/dev/null || continue
    # shellcheck disable=SC2093 # the loop goes on only to look for a Python
    exec "$python" -I "$root/scripts/environment.py" "$@"
done
echo 'ptywrap: no Python 3.11 or newer that makes environments (Debian: python3-venv) was found' >&2
exit 1

#!/bin/sh
# Until the launcher is here, this is the real shell.
exec "${SHELL:-/bin/sh}"

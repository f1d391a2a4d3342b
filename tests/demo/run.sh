#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The demonstration. In a namespace where the machine allows it, so that clients have real source
# addresses; with KEEP=1 on ports of 127.0.0.1, where people can reach them.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
demo="/usr/bin/python3 $here/demo.py"
case ${KEEP:-0} in
'' | 0) ;;
*) exec $demo ;;
esac
if unshare --net --mount --uts --pid --fork --mount-proc true 2>/dev/null; then
    exec "$here/../e2e/namespace.sh" $demo
fi
exec $demo

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# End-to-end tests in a namespace of their own: tests/e2e/run.sh [pytest arguments]
# All of them, or those of the files that are named. MAILREEVE_BUILD names the folder of the programs
# (default: build).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
export PYTHONDONTWRITEBYTECODE=1
named=
for argument in "$@"; do
    if [ -e "${argument%%::*}" ]; then named=yes; fi
done
[ -n "$named" ] || set -- "$@" "$here"
exec "$here/namespace.sh" /usr/bin/python3 -m pytest -p no:cacheprovider --rootdir "$here" "$@"

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# From fields of real mail, and generated ones beside Python's email package:
# tests/header_suite/run.sh [BUILD]
set -eu
cd "$(dirname "$0")/../.."
BUILD=${1:-build}
export BUILD
exec /usr/bin/python3 -m pytest -q -p no:cacheprovider tests/header_suite

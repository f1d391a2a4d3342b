#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The public SPF suites and what goes beyond them, live over DNS: tests/spf_suite/run.sh [BUILD]
set -eu
cd "$(dirname "$0")/../.."
BUILD=${1:-build}
export BUILD
exec /usr/bin/python3 -m pytest -q -p no:cacheprovider tests/spf_suite

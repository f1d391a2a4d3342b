#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# All that reads the code without running it. Prints a line for each part and ends with
# "N passed, N failed".
set -u
cd "$(dirname "$0")/../.."
LLVM=${LLVM:-19}
passed=0
failed=0
output=$(mktemp)
trap 'rm -f "$output"' EXIT

part() {
    name=$1
    shift
    if "$@" >"$output" 2>&1; then
        passed=$((passed + 1))
        echo "lint: $name: ok"
    else
        failed=$((failed + 1))
        echo "lint: $name: FAILED"
        grep -vE 'warnings? generated|Processing file' "$output" | sed 's/^/    /'
    fi
}

formatting() {
    "clang-format-$LLVM" --dry-run --Werror $(find filter policies tests -name '*.[ch]')
}

# Exceptions, each with its reason, stand in tests/lint/cppcheck.txt.
static_cppcheck() {
    cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability \
        --inline-suppr --suppressions-list=tests/lint/cppcheck.txt -D_GNU_SOURCE \
        -DMAILREEVE_VERSION='"x"' -DMAILREEVE_SYSCONF='"/etc"' $(printf -- "-I%s " filter/*) -j 2 filter policies
}

static_clang_tidy() {
    files=$(ls filter/*/*.c policies/*.c | grep -v '_test\.c$')
    # The files stand before "--", so xargs needs a shell to put them there.
    printf '%s\n' $files | xargs -P 2 -n 8 sh -c 'exec "$0" --quiet "$@" -- -std=c11 \
        -D_GNU_SOURCE -DMAILREEVE_VERSION="\"x\"" -DMAILREEVE_SYSCONF="\"/etc\"" $(printf -- "-I%s " filter/*) \
        -I"${BUILD:-build}"' "clang-tidy-$LLVM"
}

manuals() {
    for page in packaging/man/*; do
        mandoc -Tlint -Wwarning "$page" || return 1
    done
}

licence_lines() {
    ! find filter policies tests -name '*.[ch]' -o -name '*.sh' -o -name '*.py' -o -name '*.lua' |
        xargs grep -L 'SPDX-License-Identifier' | grep .
}

part "floors and single inclusion of each library" sh tests/lint/floors.sh
part "formatting (clang-format)" formatting
part "licence lines" licence_lines
part "cppcheck" static_cppcheck
part "packages ask for the same libraries" sh tests/lint/packages.sh
part "manual pages (mandoc)" manuals
part "every command and option is documented" sh tests/lint/options.sh
[ "${LINT_FAST:-}" ] || part "clang-tidy" static_clang_tidy
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]

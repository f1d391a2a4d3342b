#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What the compiler and linker were asked for is in the programs: tests/hardening.sh BUILD
set -u
build=$1
passed=0
failed=0

holds() { # holds WHAT COMMAND...
    what=$1
    shift
    if "$@" >/dev/null 2>&1; then
        passed=$((passed + 1))
    else
        echo "$program: $what is missing" >&2
        failed=$((failed + 1))
    fi
}
dynamic_has() { readelf -dW "$program" | grep -qE "$1"; }
segment_has() { readelf -lW "$program" | grep -qE "$1"; }
symbol() { readelf --dyn-syms -W "$program" | grep -qE "$1"; }
stack_is_data() { readelf -lW "$program" | grep -E 'GNU_STACK' | grep -qE ' RW +0x'; }
no_search_path() { ! dynamic_has 'RPATH|RUNPATH'; }
no_text_relocations() { ! dynamic_has 'TEXTREL'; }
no_bare_copies() { ! symbol ' (strcpy|strcat|sprintf|vsprintf|gets)@'; }

indirect_branches_land() { [ "$(objdump -d "$program" | grep -c endbr64)" -gt 50 ]; }

for program in "$build/mailreeve" "$build/mailreevectl"; do
    holds "position independent code (PIE)" dynamic_has 'FLAGS_1.*PIE'
    holds "binding of all symbols at start" dynamic_has 'BIND_NOW'
    holds "read-only relocations (RELRO)" segment_has 'GNU_RELRO'
    holds "a stack without code" stack_is_data
    holds "the stack protector" symbol '__stack_chk_fail'
    holds "checked copies (FORTIFY)" symbol '__(memcpy|snprintf|vsnprintf|fprintf|read|memset)_chk'
    holds "no search path for libraries" no_search_path
    holds "no relocations in code" no_text_relocations
    holds "no unbounded copies" no_bare_copies
    # The linker's note of it is lost where libc's own start files lack it, as Debian's do.
    case $(uname -m) in
    x86_64) holds "control flow protection" indirect_branches_land ;;
    esac
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]

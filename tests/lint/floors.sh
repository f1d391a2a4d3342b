#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Proves the order of the house: tests/lint/floors.txt lists the files of filter/ and its folders from the lowest floor
# to the highest; a file may include only what stands above it in that list, or, as x.c does with x_y.h,
# a part of itself. Policies include floors 0 to 3 only and never each other. Each library is included
# by exactly one file.
set -eu
cd "$(dirname "$0")/../.."

awk '
function complain(text) { print text; bad = 1 }
FILENAME == "tests/lint/floors.txt" {
	if ($1 == "floor") floor = $2
	else if (NF && $1 !~ /^#/) for (i = 1; i <= NF; i++) { order[$i] = ++count; on[$i] = floor }
	next
}
FNR == 1 {
	name = FILENAME; sub(/.*\//, "", name); sub(/(_test)?\.[ch]$/, "", name)
	policy = FILENAME ~ /^policies\//
	if (!policy && !(name in order)) complain(FILENAME ": not in tests/lint/floors.txt; add it where it belongs")
}
/^#include "/ {
	split($0, part, "\""); included = part[2]; sub(/.*\//, "", included); sub(/\.h$/, "", included)
	if (included == name || included ~ /_lua$/) next
	if (index(included, name "_") == 1 && FILENAME ~ /\.c$/) next
	if (policy && !(included in order)) complain(FILENAME ":" FNR ": a policy includes " part[2])
	else if (policy && on[included] > 3) complain(FILENAME ":" FNR ": a policy includes " part[2] " of floor " on[included])
	else if (!policy && (included in order) && order[included] > order[name])
		complain(FILENAME ":" FNR ": includes " part[2] ", which stands higher in the house")
	else if (!policy && !(included in order)) complain(FILENAME ":" FNR ": includes unknown " part[2])
}
END { exit bad }
' tests/lint/floors.txt $(ls filter/*/*.[ch] policies/*.[ch] | grep -v '_test\.c$')

bad=0
for name in $(grep -v -e '^#' -e '^floor' tests/lint/floors.txt); do
    if [ "$(ls filter/*/"$name".[ch] 2>/dev/null | wc -l)" -eq 0 ]; then
        echo "tests/lint/floors.txt: there is no filter/*/$name"
        bad=1
    fi
done
for library in libmilter/ hiredis/ ldns/ spf2/ 'confuse\.h' 'openssl/ssl\.h' 'jansson\.h' 'microhttpd\.h'; do
    files=$(grep -lE "^#include <($library)" filter/*/*.[ch] policies/*.[ch] | tr '\n' ' ')
    if [ "$(echo $files | wc -w)" -ne 1 ]; then
        echo "<$library> must be included by exactly one file, not by: $files"
        bad=1
    fi
done
exit $bad

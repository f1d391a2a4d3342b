#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every command and option that the programs know stands in their help and in their manual: options of a
# command in the synopsis or the description of that command.
set -eu
cd "$(dirname "$0")/../.."
pages=packaging/man
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
checked=0

# options FILE: what is read from the command line there, short ones too.
options() {
    sed -n 's/.*{"\([a-z-]*\)", *[a-z]*_argument.*/--\1/p; s/.*strcmp([a-z]*\[.*\], "\(--*[a-z-]*\)").*/\1/p' "$1"
    sed -n 's/.*strcmp([a-z]*, "\(--*[a-z]*\)").*/\1/p; s/.*strcmp([a-z]*\[i\], "\(-[a-z]\)").*/\1/p' "$1"
    grep -o 'getopt\(_long\)*(argc, argv, "[^"]*"' "$1" | sed 's/.*"+*\([^"]*\)"/\1/' | tr -d ':' | fold -w 1 |
        sed 's/^/-/'
}

# about COMMAND: what mailreevectl(8) says of it.
about() {
    awk -v command="$1" '
        /^\.Sh / { inside = 0; synopsis = $2 == "SYNOPSIS"; held = "" }
        synopsis && /^\.Nm/ { if (hit) printf "%s", held; held = ""; hit = 0 }
        synopsis { held = held $0 "\n"; if ($1 == ".Cm" && $2 == command) hit = 1 }
        /^\.It Cm (status|top|reload|explain|why|report|limits|forget|lookup)/ { inside = $3 == command }
        /^The options are as follows/ { inside = 0 }
        inside { print }
        END { if (hit) printf "%s", held }
    ' "$pages/mailreevectl.8"
}

# told OPTION FILE WHERE: the manual's text in FILE has it.
told() {
    checked=$((checked + 1))
    name=${1#-}
    if ! grep -qE "^\.(It|Op|Cm|Fl|.*) *.*Fl ${name}( |\$|[^a-z-])|^\.(It|Op|Fl) Fl [A-Za-z]*${name}[A-Za-z]*( |\$)|^\.Fl ${name}\$|^\.Fl ${name} " "$2"; then
        echo "$1 is not in $3"
        status=1
    fi
}

# --help and --version stand for themselves everywhere, and so does -h of a command.
for option in $(options filter/daemon/main.c | sort -u | grep -vE '^--(help|version)$'); do
    told "$option" "$pages/mailreeve.8" mailreeve.8
    grep -qE "\"  $option[ ,]" filter/daemon/main.c || { echo "$option is not in mailreeve -h"; status=1; }
done
for option in $(options filter/ctl/ctl.c | sort -u | grep -vE '^--(help|version|json)$'); do
    told "$option" "$pages/mailreevectl.8" mailreevectl.8
    grep -qE "\"  $option[ ,]" filter/ctl/ctl.c || { echo "$option is not in mailreevectl -h"; status=1; }
done

commands=$(sed -n 's/.*strcmp(argv\[0\], "\([a-z]*\)").*/\1/p; s/.*|| strcmp(argv\[0\], "\([a-z]*\)").*/\1/p' filter/ctl/ctl.c)
commands="status reload $commands"
for command in $(printf '%s\n' $commands | sort -u); do
    about "$command" >"$work/about"
    if ! grep -qE "^\.It Cm $command" "$work/about" || ! grep -qE "^\.Cm $command" "$work/about"; then
        echo "mailreevectl $command is not in mailreevectl.8"
        status=1
    fi
    grep -qE "\"  $command " filter/ctl/ctl.c || { echo "$command is not in mailreevectl -h"; status=1; }
    file=filter/ctl/ctl_$command.c
    [ -e "$file" ] || file=filter/ctl/ctl.c
    for option in $(options "$file" | sort -u | grep -vE '^(--help|--version|-h|-s|-V)$'); do
        told "$option" "$work/about" "mailreevectl.8 under $command"
        grep -qE "\[?$option[] A-Z.]|$option\\\\n" "$file" || { echo "$option: not in the help of $command"; status=1; }
    done
done
# Sub-commands.
for word in $(sed -n '/"show", "predict"/s/NULL.*//p' filter/ctl/ctl_limits.c | tr -d ' "' | tr ',' ' '); do
    grep -qE "^\.It Cm limits $word" "$pages/mailreevectl.8" || { echo "limits $word is not in mailreevectl.8"; status=1; }
done
for word in $(sed -n 's/^\t{"\([a-z]*\)", "[a-zA-Z]*", ctl_lookup_.*/\1/p' filter/ctl/ctl_lookup.c); do
    grep -qE "^\.It Cm $word" "$pages/mailreevectl.8" || { echo "lookup $word is not in mailreevectl.8"; status=1; }
    checked=$((checked + 1))
done
if [ "$checked" -lt 40 ]; then
    echo "only $checked options were found: this test no longer reads the sources"
    status=1
fi
exit $status

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The packages ask for what the Makefile links: tests/deps.sh, the Debian package, the RPM and PACKAGES of
# the Makefile name the same libraries.
set -eu
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The name in an RPM distribution of what Debian calls so.
rpm_name() {
    case $1 in
    libmilter-dev) echo sendmail-milter-devel ;;
    libhiredis-dev) echo hiredis-devel ;;
    libldns-dev) echo ldns-devel ;;
    libjansson-dev) echo jansson-devel ;;
    libssl-dev) echo openssl-devel ;;
    *) echo "${1%-dev}-devel" ;;
    esac
}
# The Debian package of a name of pkg-config.
package_of() {
    case $1 in
    libcrypto) echo libssl-dev ;;
    lib*) echo "$1-dev" ;;
    *) echo "lib$1-dev" ;;
    esac
}

sed -n "/^build='/,/'\$/p" tests/deps.sh | tr -s "'= " '\n\n\n' | grep -E '^lib.*-dev$' | grep -v libc6-dev |
    sort >"$work/wanted"
[ -s "$work/wanted" ]
sed -n '/^Build-Depends:/,/^[A-Z].*:/p' packaging/debian/control | tr -s ' ,' '\n\n' | grep -E '^lib.*-dev$' |
    sort >"$work/debian"
while read -r package; do rpm_name "$package"; done <"$work/wanted" | sort >"$work/wanted_rpm"
sed -n 's/^BuildRequires: *\(.*-devel\).*/\1/p' packaging/rpm/mailreeve.spec | sort >"$work/rpm"
# libspf2 has no file for pkg-config, libunistring none on Debian.
{ echo libspf2-dev; echo libunistring-dev
  for name in $(sed -n 's/^PACKAGES *:= *//p' Makefile); do package_of "$name"; done; } | sort -u >"$work/linked"

status=0
compare() { # compare WHAT FILE WANTED
    diff -u --label "tests/deps.sh, group build" "$3" --label "$1" "$2" || status=1
}
compare packaging/debian/control "$work/debian" "$work/wanted"
compare packaging/rpm/mailreeve.spec "$work/rpm" "$work/wanted_rpm"
compare "Makefile, PACKAGES" "$work/linked" "$work/wanted"
exit $status

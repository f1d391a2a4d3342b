#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# RPM packages of this tree: packaging/build_rpm.sh FOLDER. Where the build's libraries are no RPMs (on
# Debian), they are taken as they are.
set -eu
cd "$(dirname "$0")/.."
out=$(realpath -m "$1")
version=$(sed -n 's/^VERSION *:= *//p' Makefile)
listed=$(sed -n 's/^Version: *//p' packaging/rpm/mailreeve.spec)
if [ "$version" != "$listed" ]; then
    echo "packaging/rpm/mailreeve.spec has version $listed, the Makefile $version; they must be the same" >&2
    exit 1
fi
rm -rf "$out"
mkdir -p "$out/SOURCES"
tar -c --exclude=./build --exclude='./build-*' --exclude=./.git --exclude=__pycache__ \
    --transform "s|^\.|mailreeve-$version|" . | gzip -n >"$out/SOURCES/mailreeve-$version.tar.gz"
nodeps=
if [ -e /etc/debian_version ]; then nodeps=--nodeps; fi
# shellcheck disable=SC2086
rpmbuild --define "_topdir $out" $nodeps -ba packaging/rpm/mailreeve.spec >"$out/build.log" 2>&1 || {
    tail -n 60 "$out/build.log"
    exit 1
}
find "$out" -name '*.rpm'

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Debian packages of this tree: packaging/build_deb.sh FOLDER. They go to FOLDER, checked by lintian.
set -eu
cd "$(dirname "$0")/.."
out=$(realpath -m "$1")
version=$(sed -n 's/^VERSION *:= *//p' Makefile)
listed=$(sed -n '1s/.*(\(.*\)).*/\1/p' packaging/debian/changelog)
if [ "$version" != "$listed" ]; then
    echo "packaging/debian/changelog has version $listed, the Makefile $version; they must be the same" >&2
    exit 1
fi
rm -rf "$out"
mkdir -p "$out/mailreeve-$version"
# What a release has: no builds, no history.
tar -c --exclude=./build --exclude='./build-*' --exclude=./.git --exclude=__pycache__ . |
    tar -x -C "$out/mailreeve-$version"
cp -R packaging/debian "$out/mailreeve-$version/debian"
cd "$out/mailreeve-$version"
dpkg-buildpackage -us -uc >"$out/build.log" 2>&1 || {
    tail -n 60 "$out/build.log"
    exit 1
}
cd "$out"
lintian --allow-root --fail-on error,warning --tag-display-limit 0 ./*.changes
ls -l ./*.deb

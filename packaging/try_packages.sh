#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The Debian packages from nothing to nothing, as root, in copies of a bare tree of Debian (debootstrap makes one;
# it must reach its mirror):
#   packaging/try_packages.sh TREE [FOLDER]
# Builds the packages in one copy. In others: does the first steps of the manual, installs, starts by hand, upgrades over configuration that was
# changed and that was not, looks at the debug symbols, runs the package's own tests, purges, and compares what is
# left. Ends with "N passed, N failed"; the copies go to FOLDER (default: a temporary one).
set -eu
cd "$(dirname "$0")/.."
if [ -z "${1-}" ] || [ ! -e "$1/etc/debian_version" ]; then
    echo "usage: packaging/try_packages.sh TREE [FOLDER], or make deb-try ROOT=TREE; TREE is a bare Debian, as" \
        "debootstrap makes it" >&2
    exit 64
fi
tree=$(realpath "$1")
made=
if [ -z "${2-}" ]; then made=$(mktemp -d "${TMPDIR:-/tmp}/mailreeve-packages.XXXXXX"); fi
work=$(realpath -m "${2:-$made}")
mkdir -p "$work"
trap '[ -z "$made" ] || rm -rf "$made"' EXIT
passed=0
failed=0

copy() { # copy NAME: another copy of the tree, that starts no service
    rm -rf "${work:?}/$1"
    mkdir -p "$work/$1"
    tar -C "$tree" --one-file-system --exclude=./proc/* --exclude=./src --exclude=./sys/* -cf - . |
        tar -C "$work/$1" -xf -
    printf '#!/bin/sh\nexit 101\n' >"$work/$1/usr/sbin/policy-rc.d"
    chmod 755 "$work/$1/usr/sbin/policy-rc.d"
}

# inside NAME COMMAND...: in that copy, with a /proc of its own; nothing outlives it.
inside() {
    name=$1
    shift
    # shellcheck disable=SC2016
    unshare --mount --pid --fork --kill-child=KILL sh -c 'mount -t proc proc "$0/proc" && exec chroot "$0" \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"' \
        "$work/$name" "$@"
}

holds() { # holds WHAT COMMAND...
    what=$1
    shift
    if "$@" >"$work/log" 2>&1 </dev/null; then
        passed=$((passed + 1))
        echo "ok: $what"
    else
        failed=$((failed + 1))
        echo "FAILED: $what"
        tail -n 40 "$work/log" | sed 's/^/    /'
    fi
}

apt() { inside "$1" apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 -o APT::Sandbox::User=root "$2" $3; }
files_of() { (cd "$work/$1" && find etc usr var/lib var/spool run -xdev | grep -vE \
    '^(var/lib/(dpkg|apt|systemd)|etc/(passwd|shadow|group|gshadow|subuid|subgid)-?$|run/adduser|var/lib/ucf)|/ld.so.cache$' |
    sort); }

copy building
mkdir "$work/building/src"
tar -c --exclude=./build --exclude='./build-*' --exclude=./.git --exclude=__pycache__ . | tar -x -C "$work/building/src"
inside building apt-get -qq update
holds "make deb, lintian has no error and no warning" inside building \
    sh -c 'cd /src && { command -v make >/dev/null || apt-get -qq -y --no-install-recommends install make; } && make deb'
rm -rf "$work/debs"
mkdir "$work/debs"
cp "$work"/building/src/build/deb/*.deb "$work/debs/"

# The same as a next release, whose sample configuration says something new.
mkdir "$work/next"
version=$(sed -n 's/^VERSION *:= *//p' Makefile)
dpkg-deb -R "$work"/debs/mailreeve_*.deb "$work/next"
sed -i "s/^Version: .*/Version: $version+next/" "$work/next/DEBIAN/control"
for file in mailreeve.conf strict.conf; do echo '# said by the next release' >>"$work/next/etc/mailreeve/$file"; done
dpkg-deb -b "$work/next" "$work/debs/next.deb" >/dev/null
rm -rf "$work/next"

copy using
inside using apt-get -qq update
apt using install "adduser postfix" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
mkdir "$work/using/debs"
cp "$work"/debs/*.deb "$work/using/debs/"
# What only our dependencies bring stays when we are purged.
inside using sh -c 'apt-get -qq -y --no-install-recommends install $(dpkg-deb -f /debs/mailreeve_*.deb Depends |
    sed -e "s/([^)]*)//g" -e "s/,/ /g")' >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
files_of using >"$work/before"
holds "installs" apt using install "/debs/$(cd "$work/debs" && ls mailreeve_*.deb)"
holds "its configuration is good" inside using mailreeve -n -m none

cat >"$work/using/start" <<'END'
set -e
ip link set lo up 2>/dev/null || true
install -d -o mailreeve -g mailreeve -m 755 /run/mailreeve
mailreeve -u mailreeve -P /run/mailreeve/mailreeve.pid
for turn in 1 2 3 4 5 6 7 8 9 10; do
    if mailreevectl status; then break; fi
    sleep 0.5
done
mailreevectl status >/dev/null
[ "$(stat -c %U "/proc/$(cat /run/mailreeve/mailreeve.pid)")" = mailreeve ]
kill "$(cat /run/mailreeve/mailreeve.pid)"
END
holds "starts by hand, as its user" inside using unshare --net sh /start

echo '# changed by hand' >>"$work/using/etc/mailreeve/mailreeve.conf"
holds "upgrades" inside using dpkg --force-confold -i /debs/next.deb
holds "changed configuration stays" grep -q 'changed by hand' "$work/using/etc/mailreeve/mailreeve.conf"
holds "and the new one lies beside it" grep -q 'next release' "$work/using/etc/mailreeve/mailreeve.conf.dpkg-dist"
holds "unchanged configuration is replaced" grep -q 'next release' "$work/using/etc/mailreeve/strict.conf"
holds "starts after the upgrade" inside using unshare --net sh /start
holds "goes back" inside using dpkg --force-confold --force-downgrade -i \
    "/debs/$(cd "$work/debs" && ls mailreeve_*.deb)"

copy symbols
inside symbols apt-get -qq update
mkdir "$work/symbols/debs"
cp "$work"/debs/*.deb "$work/symbols/debs/"
apt symbols install "gdb /debs/$(cd "$work/debs" && ls mailreeve_*.deb) /debs/$(cd "$work/debs" && ls mailreeve-dbgsym_*.deb)" \
    >"$work/log" 2>&1 || cat "$work/log"
holds "debug symbols name a line of the source" sh -c "$(printf %s 'chroot "$0" gdb -batch -ex "info line milter_serve" \
    /usr/sbin/mailreeve 2>&1 | grep -E "Line [0-9]+ of .*milter.*\.c"')" "$work/symbols"

holds "hardening of the packaged programs" sh tests/hardening.sh "$work/symbols/usr/sbin"

copy bare
inside bare apt-get -qq update
apt bare install "python3 iproute2" >"$work/log" 2>&1 || cat "$work/log"
mkdir "$work/bare/debs"
cp "$work"/debs/mailreeve_*.deb packaging/debian/tests/first-steps packaging/man/mailreeve-first-steps.7 "$work/bare/debs/"
holds "the first steps of the manual, on a bare machine" inside bare \
    sh -c 'cd /debs && ./first-steps mailreeve-first-steps.7'

if [ -d packaging/debian/tests ]; then
    copy testing
    inside testing apt-get -qq update
    apt testing install "autopkgtest dpkg-dev" >"$work/log" 2>&1 || cat "$work/log"
    mkdir "$work/testing/debs"
    cp "$work"/debs/mailreeve*_*.deb "$work/testing/debs/"
    cp -R "$work/building/src" "$work/testing/src"
    cp -R packaging/debian "$work/testing/src/debian"
    holds "the package's own tests (autopkgtest)" inside testing \
        sh -c 'cd / && autopkgtest -B --ignore-restrictions=isolation-container \
        /debs/mailreeve_*.deb /src -- null'
fi

holds "is removed" apt using remove mailreeve
holds "its configuration is there still" test -e "$work/using/etc/mailreeve/mailreeve.conf"
holds "is purged" apt using purge mailreeve
files_of using >"$work/after"
holds "and leaves nothing behind" diff -u "$work/before" "$work/after"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]

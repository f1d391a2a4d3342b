#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Installs the Debian packages that a group of make targets needs, those that are missing only:
#   tests/deps.sh build | demo | check | deb | rpm
# Quiet unless it fails. Starts no service. Works on a bare Debian 12 or 13 as root.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
tools=${MAILREEVE_TOOLS:-$here/../build/tools}
llvm=${LLVM:-19}

build='gcc libc6-dev make pkg-config libmilter-dev libhiredis-dev libspf2-dev libldns-dev
    libconfuse-dev libpsl-dev libidn2-dev libunistring-dev libssl-dev
    libjansson-dev libmicrohttpd-dev'
demo="$build postfix redis-server nsd python3 python3-dnspython swaks iproute2 util-linux procps"
check="$demo unbound prometheus zsh dovecot-core dovecot-lmtpd python3-pytest python3-yaml libcmocka-dev clang-$llvm
    python3-seccomp systemd strace apparmor libclang-rt-$llvm-dev clang-format-$llvm clang-tidy-$llvm cppcheck mandoc m4 dpkg-dev openssl opendkim"
deb="$build build-essential debhelper dh-apparmor dpkg-dev fakeroot lintian"
rpm="$build rpm"
# Valkey is not packaged for Debian 12; there its test says so.
if [ "$(. /etc/os-release && echo "${ID:-}${VERSION_ID:-}")" != debian12 ]; then check="$check valkey-server"; fi
services='postfix redis-server valkey-server nsd unbound dovecot prometheus opendkim'

work=$(mktemp -d)
made_policy=
cleanup() {
    rm -rf "$work"
    if [ -n "$made_policy" ]; then rm -f /usr/sbin/policy-rc.d; fi
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# Runs a command; shows what it said only when it fails.
quietly() {
    if ! "$@" >"$work/log" 2>&1 </dev/null; then
        cat "$work/log" >&2
        echo "tests/deps.sh: failed: $*" >&2
        return 1
    fi
}

missing_of() {
    for package in "$@"; do
        state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
        [ "$state" = installed ] || printf '%s ' "$package"
    done
}

need_root() {
    [ "$(id -u)" -eq 0 ] && return
    echo "tests/deps.sh: not root; please run: apt-get install $*" >&2
    exit 77
}

update_lists() {
    [ -e "$work/updated" ] && return
    quietly apt-get -qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=600 update
    : >"$work/updated"
}

# apt must not start what it installs: tests run private instances of their own.
forbid_starting() {
    [ -z "$made_policy" ] && [ ! -e /usr/sbin/policy-rc.d ] || return 0
    made_policy=yes
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
}

install_missing() {
    missing=$(missing_of "$@")
    [ -n "$missing" ] || return 0
    need_root "$missing"
    echo "installing: $missing"
    forbid_starting
    update_lists
    # --no-remove: another MTA of this machine must not be thrown out for a test.
    # shellcheck disable=SC2086
    quietly env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends --no-remove \
        -o Acquire::Retries=3 -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 install $missing
    # Nor shall the next boot start them.
    if [ -d /run/systemd/system ]; then
        for service in $services; do
            case " $missing " in
            *" $service "*) systemctl --quiet disable "$service" >/dev/null 2>&1 || true ;;
            esac
        done
    fi
}

# Sendmail conflicts with Postfix as a package, so it is unpacked beside it. Its libraries are
# installed by the names that this release gives them.
unpack_sendmail() {
    [ -x "$tools/sendmail/usr/libexec/sendmail/sendmail" ] && return
    need_root "(sendmail is unpacked by this script when it runs as root)"
    echo "unpacking: sendmail"
    mkdir -p "$work/deb" "$work/sendmail"
    chmod 755 "$work" "$work/deb"
    update_lists
    (cd "$work/deb" && quietly apt-get -qq -o Acquire::Retries=3 -o APT::Sandbox::User=root \
        download sendmail-bin sendmail-cf)
    libraries=$(dpkg-deb -f "$work"/deb/sendmail-bin_*.deb Depends | tr ',' '\n' |
        sed -n -e 's/^ *//' -e 's/[ |].*//' -e '/^lib/p')
    # shellcheck disable=SC2086
    install_missing $libraries
    for package in "$work"/deb/*.deb; do
        dpkg-deb -x "$package" "$work/sendmail"
    done
    # Set-gid would make it another user than the test is.
    chmod g-s "$work/sendmail/usr/libexec/sendmail/sendmail"
    mkdir -p "$tools"
    rm -rf "$tools/sendmail.new"
    cp -R "$work/sendmail" "$tools/sendmail.new"
    rm -rf "$tools/sendmail"
    mv "$tools/sendmail.new" "$tools/sendmail"
}

case ${1-} in
build) packages=$build ;;
demo) packages=$demo ;;
check) packages=$check ;;
deb) packages=$deb ;;
rpm) packages=$rpm ;;
*)
    echo "usage: tests/deps.sh build | demo | check | deb | rpm" >&2
    exit 64
    ;;
esac
# shellcheck disable=SC2086
install_missing $packages
if [ "$1" = check ]; then unpack_sendmail; fi

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Runs a command in a private network, mount, host name and process namespace: all addresses of the
# test world are on lo, real ports are free, /etc/resolv.conf, /etc/hosts and /dev/log are our own,
# and nothing outlives the command.
#   tests/e2e/namespace.sh COMMAND ARGUMENT...
# Exit code 69 when this machine does not allow namespaces.
set -eu

if [ -z "${MAILREEVE_NAMESPACE-}" ]; then
    if ! unshare --net --mount --uts --pid --fork --mount-proc true 2>/dev/null; then
        echo "namespace.sh: no namespaces here (needs root and CAP_SYS_ADMIN)" >&2
        exit 69
    fi
    work=$(mktemp -d)
    chmod 755 "$work"
    export MAILREEVE_NAMESPACE="$work"
    unshare --net --mount --uts --pid --fork --kill-child=KILL --mount-proc --propagation private \
        "$0" "$@" &
    child=$!
    # unshare itself ignores other signals; its end is the end of all in the namespace.
    trap 'kill -KILL "$child" 2>/dev/null || true; rm -rf "$work"' EXIT
    trap 'exit 130' INT TERM HUP
    status=0
    wait "$child" || status=$?
    exit "$status"
fi

work=$MAILREEVE_NAMESPACE
hostname mx.example.test
ip link set lo up
for address in 192.0.2.25 192.0.2.26 192.0.2.53 192.0.2.54; do
    ip address add "$address/32" dev lo
done
# Clients can have any of these, though no interface does: they must not look like our own.
for network in 192.0.2.0/24 198.51.100.0/24 203.0.113.0/24; do
    ip route add local "$network" dev lo
done
if [ -e /proc/net/if_inet6 ]; then
    for address in 2001:db8::25 2001:db8::26; do
        ip -6 address add "$address/128" dev lo nodad
    done
    ip -6 route add local 2001:db8::/32 dev lo
    echo 1 >/proc/sys/net/ipv6/ip_nonlocal_bind
fi

mkdir -p "$work/etc" "$work/dev"
printf 'nameserver 192.0.2.53\noptions timeout:1 attempts:1\n' >"$work/etc/resolv.conf"
printf '127.0.0.1 localhost\n192.0.2.25 mx.example.test\n' >"$work/etc/hosts"
for file in resolv.conf hosts; do
    mount --bind "$work/etc/$file" "$(readlink -f "/etc/$file")"
done

# A /dev with the usual devices in which a test can listen on /dev/log.
mount -t tmpfs -o mode=755 tmpfs "$work/dev"
for device in null zero full random urandom tty; do
    : >"$work/dev/$device"
    mount --bind "/dev/$device" "$work/dev/$device"
done
mkdir "$work/dev/shm" "$work/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$work/dev/shm"
# Terminals, for what a person sees.
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$work/dev/pts"
ln -s pts/ptmx "$work/dev/ptmx"
ln -s /proc/self/fd "$work/dev/fd"
for name in stdin stdout stderr; do
    case $name in stdin) number=0 ;; stdout) number=1 ;; *) number=2 ;; esac
    ln -s "/proc/self/fd/$number" "$work/dev/$name"
done
mount --rbind "$work/dev" /dev

# Not exec: this shell stays process 1 of the namespace and reaps orphans.
status=0
"$@" || status=$?
exit "$status"

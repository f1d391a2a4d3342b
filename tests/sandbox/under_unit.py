#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs a command as the unit of systemd would restrict it, as far as that goes without systemd: user,
capabilities, no new privileges, read-only file system, system calls, address families, no memory that is
both written and executed.

    under_unit.py UNIT[:DROP-IN...] USER WRITABLE[:WRITABLE...] COMMAND [ARGUMENT...]

WRITABLE stands for what the unit's RuntimeDirectory and StateDirectory are. Settings of the unit that are
unknown here, and could be tested, end it with a complaint, so that none is forgotten silently.
"""

import ctypes
import errno
import grp
import os
import pwd
import socket
import subprocess
import sys

import seccomp

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, MS_RDONLY, MS_NOSUID, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = (
    0x20000, 1, 2, 32, 4096, 16384, 1 << 18)
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
PROT_WRITE, PROT_EXEC = 2, 4

# What these ask for needs systemd, other mounts or devices than a test has, or is no restriction.
NOT_HERE = {
    "Type", "User", "Group", "ExecStartPre", "ExecStart", "ExecReload", "Restart", "RestartSec",
    "RestartPreventExitStatus", "TimeoutStopSec", "LimitNOFILE", "SyslogIdentifier", "SyslogFacility",
    "RuntimeDirectory", "RuntimeDirectoryMode", "StateDirectory", "StateDirectoryMode",
    "ConfigurationDirectory", "AmbientCapabilities", "ProtectHome", "ProtectProc",
    "ProcSubset", "ProtectClock", "ProtectControlGroups", "ProtectHostname", "ProtectKernelLogs",
    "ProtectKernelModules", "ProtectKernelTunables", "PrivateDevices", "PrivateMounts", "PrivateTmp",
    "RemoveIPC", "KeyringMode", "DevicePolicy", "SystemCallArchitectures", "SystemCallErrorNumber",
    "AppArmorProfile", "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID", "LockPersonality",
}


def settings_of(units):
    section, found = None, {}
    for unit in units.split(":"):
        with open(unit, encoding="utf-8") as lines:
            for line in map(str.strip, lines):
                if line.startswith("["):
                    section = line
                elif section == "[Service]" and line and not line.startswith("#"):
                    name, value = line.split("=", 1)
                    found.setdefault(name, []).append(value)
    return found


def paths_of(found):
    """What the unit itself lets be written: those that are there, of those that may be missing."""
    words = " ".join(found["ReadWritePaths"]).split()
    return [word.lstrip("-") for word in words if not word.startswith("-") or os.path.exists(word[1:])]


def call(what, result):
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def mount(source, target, flags):
    call(f"mount {target}", LIBC.mount(source.encode(), target.encode(), None, flags, None))


def read_only_but(writable):
    call("unshare", LIBC.unshare(CLONE_NEWNS))
    mount("none", "/", MS_REC | MS_PRIVATE)
    for path in writable:
        mount(path, path, MS_BIND)
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        mounts = {row.split()[4] for row in table}
    for path in mounts:
        if path in writable or path.startswith(("/proc", "/dev", "/sys")):
            continue
        try:
            mount("none", path, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOENT):
                raise


def members(group):
    """Names of the system calls of a group, as this machine's systemd has them."""
    text = subprocess.run(
        ["systemd-analyze", "syscall-filter", group], check=True, capture_output=True, text=True).stdout
    names = set()
    for word in (line.strip() for line in text.splitlines()[1:]):
        if word.startswith("@"):
            names |= members(word)
        elif word and not word.startswith("#"):
            names.add(word)
    return names


def allowed_calls(lines):
    allowed = set()
    for line in lines:
        denied = line.startswith("~")
        for word in line.lstrip("~").split():
            names = members(word) if word.startswith("@") else {word}
            allowed = allowed - names if denied else allowed | names
    return allowed


def call_filter(found):
    rules = seccomp.SyscallFilter(seccomp.ERRNO(errno.EPERM))
    for name in sorted(allowed_calls(found["SystemCallFilter"]) - {"socket", "mmap", "mprotect"}):
        try:
            rules.add_rule(seccomp.ALLOW, name)
        except (RuntimeError, OSError):
            pass  # of another architecture
    for family in " ".join(found["RestrictAddressFamilies"]).split():
        number = int(getattr(socket, family))
        rules.add_rule(seccomp.ALLOW, "socket", seccomp.Arg(0, seccomp.EQ, number))
    both = PROT_WRITE | PROT_EXEC
    for bits in (0, PROT_WRITE, PROT_EXEC):
        rules.add_rule(seccomp.ALLOW, "mmap", seccomp.Arg(2, seccomp.MASKED_EQ, both, bits))
    rules.add_rule(seccomp.ALLOW, "mprotect", seccomp.Arg(2, seccomp.MASKED_EQ, PROT_EXEC, 0))
    return rules


def main():
    units, user, writable, *command = sys.argv[1:]
    found = settings_of(units)
    tested = {"CapabilityBoundingSet", "NoNewPrivileges", "ProtectSystem", "SystemCallFilter",
              "RestrictAddressFamilies", "MemoryDenyWriteExecute", "UMask", "ReadWritePaths"}
    unknown = set(found) - NOT_HERE - tested - {"SupplementaryGroups"}
    if unknown or not tested <= set(found):
        sys.exit(f"under_unit.py: does not know {unknown}, or misses {tested - set(found)}")
    account = pwd.getpwnam(user)
    rules = call_filter(found)
    read_only_but(writable.split(":") + paths_of(found))
    os.umask(int(found["UMask"][-1], 8))
    for capability in range(41):
        LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    groups = " ".join(found.get("SupplementaryGroups", [])).split()
    os.setgroups([grp.getgrnam(name).gr_gid for name in groups])
    os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
    os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)
    call("no new privileges", LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    rules.load()
    os.execv(command[0], command)


main()

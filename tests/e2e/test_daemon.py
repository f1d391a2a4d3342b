# SPDX-License-Identifier: BSD-2-Clause
"""The program as an administrator and a service manager meet it."""

import grp
import os
import pwd
import signal
import socket
import stat
import subprocess

import pytest

from harness import world
from harness.filter import PROGRAM, Filter, run_filter
from harness.process import tcp_listens, unix_listens, until
from harness.site import letter

EX_OK, EX_USAGE, EX_UNAVAILABLE, EX_CANTCREAT, EX_NOPERM, EX_CONFIG = 0, 64, 69, 73, 77, 78

CONTROL = f"{PROGRAM}ctl"


def write(path, text):
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    return str(path)


@pytest.fixture
def place(folder):
    """A folder that any user may look into."""
    count = len(os.listdir(folder))
    path = f"{folder}/daemon{count}"
    while os.path.exists(path):
        count += 1
        path = f"{folder}/daemon{count}"
    os.mkdir(path)
    os.chmod(path, 0o755)
    return path


# Checking the file.


def test_check_of_a_good_file(site, place):
    file = write(f"{place}/good.conf", site.base())
    status, output, errors = run_filter("-n", "-c", file)
    assert status == EX_OK, errors
    assert file in output


@pytest.mark.parametrize(
    "line, said",
    [
        ("hostnam = \"x\"", "hostname"),  # the right name is suggested
        ("reply_at = sometimes", "rcpt"),
        ("time_limit = 5 apples", "time_limit"),
        ("max_waiting = 0", "max_waiting"),
        ("allow = { \"192.0.2.300/24\" }", "192.0.2.300/24"),
    ],
)
def test_check_names_file_line_and_cure(site, place, line, said):
    text = site.base() + line + "\n"
    file = write(f"{place}/bad.conf", text)
    status, _, errors = run_filter("-n", "-c", file)
    assert status == EX_CONFIG
    assert f"{file}:{text.count(chr(10))}: " in errors
    assert said in errors


def test_all_errors_in_one_pass(site, place):
    file = write(
        f"{place}/bad.conf",
        site.base() + "hostnam = \"x\"\nreply_at = never\nhelo { inavlid = reject }\n",
    )
    status, _, errors = run_filter("-n", "-c", file)
    assert status == EX_CONFIG
    lines = site.base().count("\n")
    for number in (lines + 1, lines + 2, lines + 3):
        assert f"{file}:{number}: " in errors


def test_missing_file(place):
    status, _, errors = run_filter("-n", "-c", f"{place}/none.conf")
    assert status == EX_CONFIG
    assert f"{place}/none.conf" in errors


def test_usage():
    assert run_filter("-x")[0] == EX_USAGE
    assert run_filter("surplus")[0] == EX_USAGE
    status, output, _ = run_filter("-V")
    assert status == EX_OK and output.startswith("mailreeve ")


@pytest.mark.parametrize(
    "option, value, status",
    [
        ("-p", "inet:99999@127.0.0.1", EX_USAGE),
        ("-p", "inet:0@127.0.0.1", EX_USAGE),
        ("-p", "relative.sock", EX_USAGE),
        ("-p", "", EX_USAGE),
        ("-P", "relative.pid", EX_USAGE),
        ("-u", "no-such-user", EX_NOPERM),
        ("-u", "nobody:no-such-group", EX_NOPERM),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_options_are_checked_like_settings(site, place, option, value, status, check):
    file = write(f"{place}/c.conf", site.base())
    found, _, errors = run_filter("-n" if check else "-f", "-c", file, option, value)
    assert (found, option in errors) == (status, True), errors


# The socket.


def test_socket_mode_and_group(site, place):
    path = f"{place}/milter.sock"
    text = site.base().replace(site.milter_path, path).replace('"postfix"', '"mail"')
    daemon = Filter(f"{place}/run", text + 'socket_mode = "0620"\n')
    daemon.start()
    found = os.stat(path)
    assert stat.S_IMODE(found.st_mode) == 0o620
    assert found.st_gid == grp.getgrnam("mail").gr_gid
    assert daemon.stop() == EX_OK


def test_stale_socket_is_replaced(site, place):
    path = f"{place}/milter.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stale:
        stale.bind(path)
    daemon = Filter(f"{place}/run", site.base().replace(site.milter_path, path))
    daemon.start()
    assert daemon.stop() == EX_OK


def test_socket_in_use_is_left_alone(site, place):
    path = f"{place}/milter.sock"
    text = site.base().replace(site.milter_path, path)
    first = Filter(f"{place}/first", text)
    first.start()
    status, _, errors = run_filter("-f", "-c", write(f"{place}/second.conf", text))
    assert status == EX_UNAVAILABLE
    assert path in errors
    assert unix_listens(path)
    assert first.stop() == EX_OK


def test_a_file_in_the_way_is_not_removed(site, place):
    path = write(f"{place}/precious", "data")
    text = site.base().replace(site.milter_path, path)
    status, _, errors = run_filter("-f", "-c", write(f"{place}/c.conf", text))
    assert status == EX_UNAVAILABLE
    assert path in errors
    with open(path, encoding="utf-8") as file:
        assert file.read() == "data"


def test_inet_socket(site, place, postfix, sink):
    text = site.base().replace(f"unix:{site.milter_path}", "inet:8891@127.0.0.1")
    text = text.replace(site.milter_path, f"{place}/other")
    daemon = Filter(f"{place}/run", text)
    daemon.start()
    until(lambda: tcp_listens("127.0.0.1", 8891), "the filter listening on a port")
    dialogue = postfix.connect(source=world.GOOD, service=("192.0.2.25", 2526))
    dialogue.command("EHLO mail.good.test")
    token = site.token()
    assert dialogue.message("anna@good.test", ["bob@example.test"], letter(token)).accepted
    dialogue.quit()
    assert sink.wait_for(token).fields("Authentication-Results")
    assert daemon.stop() == EX_OK


# The process.


def test_privileges_are_dropped(site):
    daemon = site.filter()
    nobody = pwd.getpwnam("nobody")
    with open(f"/proc/{daemon.child.pid}/status", encoding="ascii") as file:
        lines = dict(line.rstrip().split(":\t", 1) for line in file if ":\t" in line)
    assert set(lines["Uid"].split()) == {str(nobody.pw_uid)}
    assert set(lines["Gid"].split()) == {str(nobody.pw_gid)}
    assert "0" not in lines["Groups"].split()
    assert int(lines["CapEff"], 16) == 0


@pytest.mark.parametrize("owner", ["nobody", "root"])
def test_pid_file(site, place, owner):
    """Gone with the filter; empty, where a user who is not root cannot remove it."""
    path = f"{place}/run/milter.sock"
    if owner == "nobody":
        os.chown(place, pwd.getpwnam("nobody").pw_uid, -1)
    daemon = Filter(
        f"{place}/run", site.base().replace(site.milter_path, path),
        options=("-P", f"{place}/pid"),
    )
    daemon.start()
    with open(f"{place}/pid", encoding="ascii") as file:
        assert int(file.read()) == daemon.child.pid
    assert daemon.stop() == EX_OK
    if owner == "nobody":
        assert not os.path.exists(f"{place}/pid")
    else:
        assert os.path.getsize(f"{place}/pid") == 0


def test_service_manager_is_told(site, place):
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(f"{place}/notify")
    os.chmod(f"{place}/notify", 0o666)
    manager.settimeout(30)
    path = f"{place}/milter.sock"
    daemon = Filter(
        f"{place}/run", site.base().replace(site.milter_path, path),
        environment={"NOTIFY_SOCKET": f"{place}/notify"},
    )
    daemon.start()
    assert manager.recv(1000).startswith(b"READY=1")
    daemon.reload()
    assert manager.recv(1000).startswith(b"RELOADING=1")
    assert manager.recv(1000).startswith(b"READY=1")
    assert daemon.stop() == EX_OK
    assert manager.recv(1000).startswith(b"STOPPING=1")
    manager.close()


def test_background_with_syslog(site, place, syslog):
    os.chown(place, pwd.getpwnam("nobody").pw_uid, -1)
    path = f"{place}/milter.sock"
    text = site.base().replace(site.milter_path, path).replace("stderr", "syslog")
    text += f'pid_file = "{place}/pid"\n'
    status, _, errors = run_filter("-c", write(f"{place}/c.conf", text))
    assert status == EX_OK, errors
    assert unix_listens(path)  # the parent ended when all was ready
    with open(f"{place}/pid", encoding="ascii") as file:
        pid = int(file.read())
    mail_info = "<22>"
    said = until(lambda: syslog.lines(f"serves unix:{path}"), "the start in syslog")
    assert said[0].startswith(mail_info) and "mailreeve" in said[0]
    os.kill(pid, signal.SIGTERM)
    until(lambda: not unix_listens(path), "the daemon's end")


def test_background_failure_is_seen_by_the_caller(site, place):
    text = site.base().replace(site.milter_path, f"{place}/missing/too/milter.sock")
    text = text.replace("stderr", "syslog")
    status, _, errors = run_filter("-c", write(f"{place}/c.conf", text))
    assert status == EX_CANTCREAT
    assert f"{place}/missing" in errors  # there may be no syslog to read


def test_background_reload_of_a_file_named_from_the_folder(site, place, monkeypatch):
    os.chown(place, pwd.getpwnam("nobody").pw_uid, -1)
    path = f"{place}/milter.sock"
    text = site.base().replace(site.milter_path, path).replace("stderr", "syslog")
    write(f"{place}/c.conf", text + f'pid_file = "{place}/pid"\n')
    monkeypatch.chdir(place)
    assert run_filter("-c", "c.conf")[0] == EX_OK
    asked = subprocess.run(
        [CONTROL, "-s", f"{path}.control", "reload"], capture_output=True, text=True, check=False
    )
    with open(f"{place}/pid", encoding="ascii") as file:
        os.kill(int(file.read()), signal.SIGTERM)
    assert asked.returncode == EX_OK, asked.stdout
    until(lambda: not unix_listens(path), "the daemon's end")


def test_reload_says_what_it_cannot_change(site):
    daemon = site.fresh_filter()
    mark = daemon.mark()
    daemon.configure(site.base() + "drain = 7s\nresolver { timeout = 1s }\n")
    daemon.reload()
    line = daemon.wait_line("read at start only", since=mark)
    assert "drain, resolver.timeout" in line
    site.stop_filter()


def test_reload_of_an_emptied_file_keeps_the_old_configuration(site, postfix):
    daemon = site.fresh_filter()
    mark = daemon.mark()
    daemon.configure("# nothing\n")
    daemon.reload()
    daemon.wait_line(r"holds no setting at all; write it anew", since=mark)
    daemon.wait_line("old configuration stays", since=mark)
    assert site.send(postfix, recipients=("nobody@example.test",)).rcpt.code == 550
    site.stop_filter()


# Ending.


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_idle_end(site, number):
    daemon = site.fresh_filter()
    assert daemon.child.stop(number) == EX_OK


def test_term_lets_an_open_transaction_finish(mta, site, sink):
    daemon = site.fresh_filter()
    token = site.token()
    dialogue = mta.connect(source=world.GOOD)
    dialogue.command("EHLO mail.good.test")
    assert dialogue.command("MAIL FROM:<anna@good.test>").ok
    assert dialogue.command("RCPT TO:<bob@example.test>").ok
    daemon.child.send_signal(signal.SIGTERM)
    # Not before new sessions are turned away does the end of the old one mean anything.
    def turned_away():
        late = site.send(mta, client=world.OTHER, helo="mail.other.test", sender="olaf@other.test")
        return not late.accepted and late.refusal[1].code // 100 == 4

    until(turned_away, "new sessions being turned away")
    assert dialogue.command("DATA").code == 354
    assert dialogue.content(letter(token)).ok
    assert daemon.child.wait_end() == EX_OK
    assert sink.wait_for(token)
    dialogue.quit()

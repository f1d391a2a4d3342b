# SPDX-License-Identifier: BSD-2-Clause
"""mailreeve -n looks at the settings of the mail server beside it."""

import subprocess

import pytest

from harness.filter import run_filter


@pytest.fixture
def configuration(site):
    path = f"{site.folder}/check.conf"
    with open(path, "w", encoding="utf-8") as out:
        out.write(site.base() + 'resolver { timeout = 2s }\n')
    return path


def complaints(configuration, folder):
    status, output, errors = run_filter("-n", "-c", configuration, "-m", folder)
    assert status == 0 and output.endswith(": good\n"), errors
    return errors


def postfix_folder(site, name, settings, master=""):
    folder = f"{site.folder}/{name}"
    subprocess.run(["mkdir", "-p", folder], check=True)
    for file, text in ("main.cf", settings), ("master.cf", master):
        with open(f"{folder}/{file}", "w", encoding="utf-8") as out:
            out.write(text)
    return folder


def test_the_running_postfix(postfix, configuration):
    """As it is: time-outs and action are good, bare newlines are what this release has by default."""
    said = complaints(configuration, f"{postfix.folder}/etc")
    default = subprocess.run(
        ["postconf", "-d", "-h", "smtpd_forbid_bare_newline"], capture_output=True, text=True,
        check=True).stdout.strip()
    assert ("smtpd_forbid_bare_newline" in said) == (default in ("no", "note"))
    assert "milter_" not in said


def test_the_running_sendmail(sendmail, configuration):
    said = complaints(configuration, f"{sendmail.folder}/etc")
    assert "InputMailFilters" not in said and "T=" not in said and "F=T" not in said


@pytest.mark.parametrize("settings, master, expected", [
    ("smtpd_milters = {socket}\nsmtpd_forbid_bare_newline = normalize\n", "", []),
    ("smtpd_forbid_bare_newline = normalize\n", "", ["note: ", "does not hold our socket"]),
    ("smtpd_milters = {socket}\nsmtpd_forbid_bare_newline = no\n", "",
     ["warning: ", "smtpd_forbid_bare_newline = no"]),
    ("filter = {socket}\nsmtpd_milters = $filter\nsmtpd_forbid_bare_newline = normalize\n"
     "milter_command_timeout = 3s\n", "", ["milter_command_timeout = 3s"]),
    ("smtpd_milters = {socket}\nsmtpd_forbid_bare_newline = normalize\n"
     "milter_default_action = accept\n", "", ["milter_default_action = accept"]),
    ("smtpd_forbid_bare_newline = normalize\n",
     "smtp inet n - n - - smtpd\n -o smtpd_milters={socket}\n -o milter_content_timeout=1s\n",
     ["milter_content_timeout = 1s for smtp/inet/"]),
])
def test_what_is_told_of_postfix(site, configuration, settings, master, expected):
    socket = f"unix:{site.milter_path}"
    folder = postfix_folder(site, "mta", settings.format(socket=socket),
                            master.format(socket=socket))
    said = complaints(configuration, folder)
    for words in expected:
        assert words in said
    assert bool(said) == bool(expected), said


def test_the_folder_is_found(site, configuration):
    folder = postfix_folder(site, "found", "smtpd_forbid_bare_newline = no\n")
    status, _, errors = run_filter("-n", "-c", configuration, environment={"MAIL_CONFIG": folder})
    assert status == 0 and f"Postfix ({folder}): smtpd_forbid_bare_newline = no" in errors
    status, _, errors = run_filter("-n", "-m", "none", "-c", configuration)
    assert status == 0 and "Postfix" not in errors


def test_a_folder_without_an_mta(site, configuration):
    said = complaints(configuration, site.folder)
    assert "neither the settings of Postfix" in said


def test_only_with_n(configuration):
    status, _, errors = run_filter("-c", configuration, "-m", "/etc/postfix")
    assert status == 64 and "-m" in errors


def test_a_postconf_that_hangs(site, configuration):
    """Nothing is told of it, and the check ends."""
    folder = postfix_folder(site, "hang", "")
    subprocess.run(["rm", f"{folder}/master.cf"], check=True)
    subprocess.run(["mkfifo", f"{folder}/master.cf"], check=True)
    assert "Postfix" not in complaints(configuration, folder).replace("settings of Postfix", "")

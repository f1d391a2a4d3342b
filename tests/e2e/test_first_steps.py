# SPDX-License-Identifier: BSD-2-Clause
"""mailreeve-first-steps(7) from its first line to its last, by the same program as in the package's
autopkgtest."""

from harness import machine

REPLAY = f"{machine.TREE}/packaging/debian/tests/first-steps"
PAGE = f"{machine.TREE}/packaging/man/mailreeve-first-steps.7"


def test_each_step_is_as_the_page_says(tmp_path):
    done = machine.run(tmp_path, REPLAY, PAGE)
    assert done.returncode == 0 and "all steps are as the page says" in done.stdout, (
        done.stdout[-6000:] + done.stderr[-3000:])


def test_a_page_that_says_otherwise(tmp_path):
    with open(PAGE, encoding="utf-8") as page:
        text = page.read()
    (tmp_path / "page").write_text(text.replace("mailreeve.conf: good", "mailreeve.conf: better"),
                                   encoding="utf-8")
    done = machine.run(tmp_path, REPLAY, str(tmp_path / "page"))
    assert done.returncode == 1 and "mailreeve.conf: better" in done.stderr

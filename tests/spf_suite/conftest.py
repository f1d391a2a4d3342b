# SPDX-License-Identifier: BSD-2-Clause
"""What the SPF tests share: spf_query, built; the public suites, fetched; the score, printed."""

import collections
import os
import pathlib
import subprocess
import sys
import tarfile

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests" / "servers"))
BUILD = pathlib.Path(os.environ.get("BUILD", "build"))
SUITES = ("rfc7208-tests.yml", "rfc4408-tests.yml")

Answer = collections.namedtuple("Answer", "result explanation flags questions steps evidence")
scores = []


def run(command, **options):
    """Output of a command; a failure shows all that it said."""
    done = subprocess.run(command, cwd=options.pop("cwd", REPOSITORY), text=True, timeout=900,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    if done.returncode != 0:
        pytest.fail("%s: exit code %d\n%s" % (" ".join(map(str, command)), done.returncode,
                                              done.stdout), pytrace=False)
    return done.stdout


@pytest.fixture(scope="session")
def spf_query():
    """Runs checks: spf_query(place, [(client, helo, mailfrom), ...]) returns an Answer for each."""
    program = os.environ.get("SPF_QUERY")
    if program is None:
        program = BUILD / "spf_suite/spf_query"
        run(["make", "-s", "BUILD=%s" % BUILD, "spf-query"])
        program = (REPOSITORY / program).resolve()

    def query(place, checks, timeout_ms=400, time_limit_ms=8000, rounds=1):
        lines = []
        for client, helo, mailfrom in checks:
            local_part, _, domain = mailfrom.rpartition("@")
            lines.append("\t".join((client, helo, local_part, domain)) + "\n")
        done = subprocess.run([program, place, str(timeout_ms), str(time_limit_ms),
                               str(rounds)],
                              input="".join(lines).encode("utf-8"), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=120)
        assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
        answers = [Answer(*line.split("\t", 5))
                   for line in done.stdout.decode("ascii").splitlines()]
        assert len(answers) == len(checks)
        return [answer._replace(questions=int(answer.questions), steps=int(answer.steps))
                for answer in answers]

    return query


def source_lines():
    """deb-src lines for the archives that the machine takes its packages from."""
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    signed = "[signed-by=%s] " % keyring if os.path.exists(keyring) else ""
    targets = run(["apt-get", "indextargets", "--format", "$(REPO_URI)|$(RELEASE)|$(COMPONENT)",
                   "Created-By: Packages"])
    lines = []
    for target in sorted(set(targets.splitlines())):
        uri, release, component = target.split("|")
        if component == "main" and "debian" in uri and "security" not in uri:
            lines.append("deb-src %s%s %s main\n" % (signed, uri, release))
    if not lines:
        pytest.fail("no Debian archive among this machine's package sources:\n" + targets,
                    pytrace=False)
    return "".join(lines)


def fetch_suites(folder, work):
    """The suites from the source package pyspf, with package sources of our own in WORK."""
    for name in ("lists/partial", "cache/archives/partial", "source"):
        (work / name).mkdir(parents=True)
    (work / "sources.list").write_text(source_lines())
    apt = ["apt-get", "-q", "-o", "Dir::Etc::sourcelist=%s/sources.list" % work,
           "-o", "Dir::Etc::sourceparts=/dev/null", "-o", "Dir::State::lists=%s/lists" % work,
           "-o", "Dir::Cache=%s/cache" % work, "-o", "APT::Sandbox::User=root",
           "-o", "Acquire::Retries=3"]
    run(apt + ["update"])
    run(apt + ["source", "--download-only", "--tar-only", "pyspf"], cwd=work / "source")
    archives = list((work / "source").glob("pyspf_*.orig.tar.*"))
    assert len(archives) == 1, "the source package pyspf was not fetched: %s" % archives
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archives[0]) as archive:
        for member in archive:
            name = os.path.basename(member.name)
            if name in SUITES:
                (folder / name).write_bytes(archive.extractfile(member).read())


@pytest.fixture(scope="session")
def suites(tmp_path_factory):
    """The folder that holds both suites; fetched once for each build folder."""
    folder = REPOSITORY / BUILD / "spf_suite"
    if not all((folder / name).exists() for name in SUITES):
        fetch_suites(folder, tmp_path_factory.mktemp("apt"))
    for name in SUITES:
        assert (folder / name).exists(), "%s is not in the source package pyspf" % name
    return folder


@pytest.fixture
def score():
    return scores.append


def pytest_terminal_summary(terminalreporter):
    for line in scores:
        terminalreporter.write_line("score: " + line)

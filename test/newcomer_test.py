"""The first hour of somebody who knows nothing: a bare Debian 12 and the pages of this repository.

A bare Debian (debootstrap; made once, kept in the cache, copied for each walk) gets a clone of what is
committed. The commands that README.md and examples/README.md print are pasted into one shell on a
terminal, one after the other, exactly as they stand. Each must succeed, give the shell back, and never
be silent for long. `./dev test newcomer` runs it (a whole build, so it takes a while) and leaves what
everything took in build/test-results/newcomer.txt.

  SLIPWAY_NEWCOMER_BIN=FOLDER   a quick walk with programs that are built: all but the build is tried
"""
import contextlib
import hashlib
import os
import pathlib
import pty
import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
CACHE = pathlib.Path(os.environ.get("SLIPWAY_CACHE") or pathlib.Path.home() / ".cache/slipway")
MIRROR = "http://deb.debian.org/debian"
BARE = ("git", "ca-certificates")  # what README.md wants beside a shell
SOURCES = f"""deb {MIRROR} bookworm main
deb {MIRROR} bookworm-updates main
deb http://deb.debian.org/debian-security bookworm-security main
"""
# How a machine behind a gateway of its own reaches the registries: no part of the walk.
NETWORK_FILES = ("/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf", "/etc/npmrc", "/root/.npmrc",
                 "/etc/ssl/certs/ca-certificates.crt")
NETWORK_VARIABLES = re.compile(r"(?i)(https?|no|all)_proxy|PIP_(CERT|INDEX_URL|DEFAULT_TIMEOUT)|"
                               r"SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|NODE_EXTRA_CA_CERTS")
STEP_SECONDS_MAX = 5400
# On a terminal nobody should look at nothing for more than some 5 s; a busy machine takes longer.
SILENT_SECONDS_MAX = 15
PROMPT = re.compile(rb"\x1e(\d+)\x1e")
COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1e\d+\x1e|[\r\x07]")

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(4 * 3600)]


# ---- what the pages print -------------------------------------------------------------------------

def commands_of(block):
    """A block's commands, each with all of its lines, as a shell tells where one ends."""
    lines = []
    for line in block.splitlines():
        lines.append(line)
        text = "\n".join(lines)
        if subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True).returncode == 0:
            if text.strip():
                yield text
            lines = []
    assert not lines, f"this block is no whole command: {block}"


def readme_commands():
    text = (ROOT / "README.md").read_text()
    for block in re.findall(r"^```\n(.*?)^```$", text, re.S | re.M):
        yield from commands_of(block)


def example_commands():
    """What examples/README.md adds: the programs; how a shell is prepared stands in README.md."""
    lines = re.findall(r"^    (.+)$", (ROOT / "examples/README.md").read_text(), re.M)
    yield from (line for line in lines if re.search(r"(?<!make_model)\.(py|sh|mjs)\b", line)
                and "make_model" not in line)


# ---- a bare Debian --------------------------------------------------------------------------------

def why_not():
    """What this machine lacks for the walk; None: nothing."""
    if os.getuid() != 0:
        return "only root may make a bare Debian"
    if not shutil.which("debootstrap"):
        return "debootstrap is not installed"
    namespaces = subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True)
    return None if namespaces.returncode == 0 else "this machine lets nobody make namespaces"


def bare_debian():
    """The folder with what debootstrap made; no walk changes it."""
    key = hashlib.sha256(repr((MIRROR, BARE)).encode()).hexdigest()[:16]
    base = CACHE / "newcomer" / key
    if not base.exists():
        part = base.with_name(f"{key}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.parent.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["debootstrap", "--variant=minbase", "--include=" + ",".join(BARE),
                               "bookworm", part, MIRROR], capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"no bare Debian could be made: {done.stdout[-300:]}")
        part.rename(base)
    return base


@pytest.fixture
def debian():
    """A copy of the bare Debian with a clone of what is committed here."""
    if reason := why_not():
        pytest.skip(reason)
    root = CACHE / "newcomer" / f"walk-{os.getpid()}"
    subprocess.run(["cp", "-a", "--reflink=auto", bare_debian(), root], check=True)
    try:
        (root / "etc/apt/sources.list").write_text(SOURCES)
        for file in NETWORK_FILES:
            if os.path.exists(file):
                shutil.copy(file, root / file[1:])
        subprocess.run(["git", "clone", "-q", "--no-hardlinks", ROOT, root / "root/slipway"], check=True)
        if built := os.environ.get("SLIPWAY_NEWCOMER_BIN"):
            lay_programs(root, pathlib.Path(built))
        yield root
    finally:
        subprocess.run(["rm", "-rf", "--one-file-system", root], check=True)


def lay_programs(root, built):
    """In place of the build: programs that are there, and tools that do nothing."""
    folder = root / "root/slipway/build/release"
    for part in (built, built.parent / "lib"):
        shutil.copytree(part, folder / part.name, ignore=shutil.ignore_patterns("*_test", "*_bench"))
    for tool, does in (("cmake", f"touch /{(folder / 'build.ninja').relative_to(root)}"), ("ninja", "true")):
        file = root / "usr/local/bin" / tool
        file.write_text(f"#!/bin/sh\n{does}\n")
        file.chmod(0o755)


ENTER = """
set -e
mount --bind "$1" "$1"
mount --rbind /dev "$1/dev"
mount --rbind /sys "$1/sys"
mount -t proc proc "$1/proc"
cd "$1"
mkdir -p .old
pivot_root . .old
umount -l /.old
cd /root/slipway
shift
exec env -i "$@" bash --noprofile --norc --noediting -i
"""


# ---- a person at a terminal -----------------------------------------------------------------------

@dataclass
class Step:
    command: str
    status: int
    seconds: float
    silent: float  # the longest time in which it printed nothing
    said: str


class Terminal:
    """One interactive shell in the bare Debian; all that it started ends with it."""

    def __init__(self, root, variables):
        words = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private",
                 "sh", "-c", ENTER, "enter", str(root), *(f"{k}={v}" for k, v in variables.items())]
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.execvp(words[0], words)

    def wait(self, command="", seconds=60):
        """Until the shell is back: its prompt has the status of what it ran between two marks."""
        began = last = time.monotonic()
        silent, said, prompt = 0.0, b"", None
        while not prompt:
            if last - began > seconds:
                raise AssertionError(f"{command}: no shell after {seconds} s:\n{plain(said)[-2000:]}")
            part = self.read()
            silent, last = max(silent, time.monotonic() - last), time.monotonic()
            said += part
            prompt = PROMPT.search(said)
        return Step(command, int(prompt[1]), last - began, silent, plain(said))

    def read(self):
        """What is printed next."""
        if not select.select([self.terminal], [], [], STEP_SECONDS_MAX)[0]:
            raise AssertionError("nothing was printed for too long")
        with contextlib.suppress(OSError):  # EIO: nobody is at the other end
            if part := os.read(self.terminal, 1 << 16):
                return part
        raise AssertionError("the shell ended")

    def paste(self, command, seconds=STEP_SECONDS_MAX):
        self.type(command + "\n")
        return self.wait(command, seconds)

    def type(self, text):
        os.write(self.terminal, text.encode())

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process, signal.SIGKILL)  # --kill-child: the namespace goes with it
        os.waitpid(self.process, 0)
        os.close(self.terminal)


def plain(said):
    return COLOURS.sub("", said.decode(errors="replace"))


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture
def terminal(debian):
    variables = {name: value for name, value in os.environ.items() if NETWORK_VARIABLES.fullmatch(name)}
    variables |= {"HOME": "/root", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                  "TERM": "xterm", "PS1": "# ", "PS2": "> ", "PROMPT_COMMAND": r"printf '\036%s\036' $?",
                  "SLIPWAY_PORT": str(free_port())}  # others may have the usual one on this machine
    made = Terminal(debian, variables)
    try:
        made.wait()
        yield made
    finally:
        made.close()


# ---- the walk -------------------------------------------------------------------------------------

class Walk:
    """Steps of one terminal and what they took, which is written down as it goes."""

    def __init__(self, terminal):
        self.terminal, self.steps = terminal, []
        self.notes = ROOT / "build/test-results/newcomer.txt"
        self.notes.parent.mkdir(parents=True, exist_ok=True)
        self.notes.write_text("seconds  silent  command\n")
        self.said = self.notes.with_suffix(".log")
        self.said.write_text("")

    def paste(self, command):
        step = self.terminal.paste(command)
        self.steps.append(step)
        line = re.sub(r"  +# .*", "", command.splitlines()[0])
        with open(self.notes, "a") as notes:
            notes.write(f"{step.seconds:7.1f}  {step.silent:6.1f}  {line}\n")
        with open(self.said, "a") as said:
            said.write(f"{step.said}\n")
        assert step.status == 0, f"$ {command}\nstatus {step.status}\n{step.said[-3000:]}"
        return step

    def check_silence(self):
        silent = [f"{step.silent:.0f} s of silence in: {step.command}" for step in self.steps
                  if step.silent > SILENT_SECONDS_MAX]
        assert not silent, "\n".join(silent)


def test_the_pages_alone_lead_from_a_bare_debian_to_answers_and_a_clean_end(terminal):
    walk = Walk(terminal)
    for command in readme_commands():
        if not command.startswith("./dev test"):  # this very suite
            walk.paste(command)
    for command in example_commands():
        if not re.search(r"IMAGE|BODY", command):  # those want something of the reader's own
            walk.paste(command)
    for command in ("slipway status my-model", "slipway logs my-model", "slipway rm my-model"):
        walk.paste(command)
    terminal.type("fg\n")
    said = b""
    while said.count(b"slipway serve") < 1:
        said += terminal.read()
    terminal.type("\x03")
    ended = terminal.wait("Ctrl-C", 60)
    assert ended.status == 0 and not re.search("warning|error", ended.said), ended.said
    walk.check_silence()

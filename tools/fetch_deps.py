#!/usr/bin/env python3
"""Fetches the pinned third-party files (third_party/pins.json) into the cache, each once.

  fetch_deps.py [--cmake FILE] [NAME...]

The cache is $SLIPWAY_CACHE, else ~/.cache/slipway. A download is kept as downloads/SHA256/FILE and
its unpacked form as unpacked/NAME-SHA256/, so a second clone, or a machine without a network, needs
nothing else. --cmake writes `set(SLIPWAY_DEP_NAME path)` lines for CMake.
"""
import argparse
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile

SILENT_SECONDS_MAX = 4
ROOT = pathlib.Path(__file__).resolve().parent.parent
PINS = json.loads((ROOT / "third_party" / "pins.json").read_text())


def say(text):
    print(f"fetch: {text}", file=sys.stderr, flush=True)


def fail(text):
    sys.exit(f"fetch: {text}")


def run_saying(doing, command, **options):
    """subprocess.run that says every few seconds that it is still at it: nobody waits in silence."""
    began = time.monotonic()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, **options) as process:
        while True:
            try:
                out, err = process.communicate(timeout=SILENT_SECONDS_MAX)
                return subprocess.CompletedProcess(command, process.returncode, out, err)
            except subprocess.TimeoutExpired:
                say(f"{doing}, {time.monotonic() - began:.0f} s")


def cache_dir():
    return pathlib.Path(os.environ.get("SLIPWAY_CACHE") or pathlib.Path.home() / ".cache" / "slipway")


def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def pip():
    """A pip of our own in the cache: Debian's system Python has none, or refuses to be used."""
    venv = cache_dir() / "venv-fetch"
    if not (venv / "bin" / "pip").exists():
        python = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
        making = "making a pip of its own"
        if run_saying(making, [python, "-m", "venv", str(venv)]).returncode != 0:
            shutil.rmtree(venv, ignore_errors=True)
            fail("python3 cannot make a virtual environment; install the package python3-venv")
    return [str(venv / "bin" / "pip")]


def as_source_list(text):
    """A file of apt's sources, in either form, for source packages alone."""
    text = re.sub(r"(?m)^(Types:[ \t]*)deb\b.*$", r"\1deb-src", text)
    return re.sub(r"(?m)^deb(?=[ \t])", "deb-src", text)


def write_source_lists(folder):
    """This machine's apt sources once more in `folder`: Debian leaves source packages out."""
    for file in [*pathlib.Path("/etc/apt").glob("sources.list"),
                 *pathlib.Path("/etc/apt/sources.list.d").glob("*.list"),
                 *pathlib.Path("/etc/apt/sources.list.d").glob("*.sources")]:
        (folder / file.name).write_text(as_source_list(file.read_text()))


def apt_source_command(spec, folder):
    """apt with lists and a cache of its own, so that the machine's stay as they are."""
    apt = cache_dir() / "apt-source"
    for part in ("sources", "lists/partial", "cache/archives/partial"):
        (apt / part).mkdir(parents=True, exist_ok=True)
    write_source_lists(apt / "sources")
    options = ["-q", "-o", "Dir::Etc::sourcelist=/dev/null", "-o", f"Dir::Etc::sourceparts={apt}/sources",
               "-o", f"Dir::State::lists={apt}/lists", "-o", f"Dir::Cache={apt}/cache"]
    reading = "reading what source packages there are"
    if run_saying(reading, ["apt-get", *options, "update"]).returncode != 0:
        fail("apt-get update failed for source packages; is the network there?")
    return ["env", "-C", folder, "apt-get", *options, "source", "--download-only", spec]


def client_command(pin, folder):
    kind, spec = pin["client"], pin["spec"]
    if kind == "apt-source":
        return apt_source_command(spec, folder)
    if kind == "npm":
        if not shutil.which("npm"):
            fail(f"npm is missing, and {spec} comes through it; install the packages nodejs and npm")
        return ["npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", folder, spec]
    command = pip() + ["download", "-q", "--disable-pip-version-check", "--no-deps", "-d", folder]
    if kind == "pip-sdist":
        return command + ["--no-binary", spec.split("==")[0], spec]
    platform = [] if pin["platform"] == "any" else ["--platform", pin["platform"]]
    return command + ["--only-binary=:all:", "--python-version", pin["python"], *platform, spec]


def check_and_keep(file, digest, folder):
    if (found := sha256_of(file)) != digest:
        fail(f"{file.name} has SHA-256 {found}, but third_party/pins.json pins {digest}")
    file.rename(folder / file.name)


def download(name, pin):
    """The path of the downloaded file, fetched and checked against its hash where it is not there."""
    target = cache_dir() / "downloads" / pin["sha256"] / pin["file"]
    if target.exists():
        return target
    say(f"downloading {pin['spec']} ({name})")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        done = run_saying(f"downloading {pin['spec']}", client_command(pin, folder))
        got = pathlib.Path(folder) / pin["file"]
        if done.returncode != 0 or not got.exists():
            reason = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
            fail(f"{pin['spec']} could not be downloaded ({reason}); is the network there?")
        if patches := pin.get("patches"):
            check_and_keep(got.parent / patches["file"], patches["sha256"], target.parent)
        check_and_keep(got, pin["sha256"], target.parent)
    return target


def members(archive):
    """Yields (name, opener) for each plain file of a tar or zip."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            for info in zipped.infolist():
                if not info.is_dir():
                    yield info.filename, lambda info=info: zipped.open(info)
    else:
        with tarfile.open(archive) as tarred:
            for info in tarred:
                if info.isfile():
                    yield info.name, lambda info=info: tarred.extractfile(info)


def unpack_into(folder, archive, pin):
    for name, open_member in members(archive):
        relative = name.removeprefix(pin["strip"])
        if not name.startswith(pin["strip"]) or not relative.startswith(tuple(pin["keep"])):
            continue
        target = folder / relative
        if not target.resolve().is_relative_to(folder.resolve()):
            fail(f"{archive.name} has a member outside its own folder: {name}")
        target.parent.mkdir(parents=True, exist_ok=True)
        with open_member() as source, open(target, "wb") as out:
            shutil.copyfileobj(source, out)


def apply_patches(folder, archive, keep):
    """Applies what a Debian source package changes, to the files that were kept."""
    with tempfile.TemporaryDirectory() as work:
        with tarfile.open(archive) as tarred:
            for info in tarred:
                if info.isfile() and info.name.startswith("debian/patches/"):
                    (pathlib.Path(work) / pathlib.Path(info.name).name).write_bytes(
                        tarred.extractfile(info).read())
        series = (pathlib.Path(work) / "series").read_text().split()
        for patch in series:
            done = subprocess.run(
                ["git", "apply", "--exclude=*/test/*", *[f"--include={part}*" for part in keep],
                 pathlib.Path(work) / patch], cwd=folder, capture_output=True, text=True,
                env={**os.environ, "GIT_DIR": "/dev/null"})
            if done.returncode != 0:
                fail(f"{archive.name}: {patch} does not apply: {done.stderr.strip()}")


def flatten_xgboost(folder):
    """Puts libgomp beside libxgboost.so, where both are looked for, and says so in its RPATH."""
    library = folder / "xgboost" / "lib" / "libxgboost.so"
    old = b"$ORIGIN/../../xgboost_cpu.libs"
    data = library.read_bytes()
    if data.count(old) != 1:
        fail("libxgboost.so has not the RPATH that tools/fetch_deps.py knows; mend flatten_xgboost")
    (folder / "libxgboost.so").write_bytes(data.replace(old, b"$ORIGIN".ljust(len(old), b"\0")))
    for gomp in (folder / "xgboost_cpu.libs").iterdir():
        gomp.rename(folder / gomp.name)
    shutil.rmtree(folder / "xgboost")


def unpacked(name):
    """The folder with the unpacked files of `name`, made where it is not there."""
    pin = PINS[name]
    recipe = hashlib.sha256(json.dumps(pin, sort_keys=True).encode()).hexdigest()[:16]
    folder = cache_dir() / "unpacked" / f"{name}-{recipe}"
    if folder.exists():
        return folder
    archive = download(name, pin)
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = pathlib.Path(tempfile.mkdtemp(dir=folder.parent))
    work.chmod(0o755)
    unpack_into(work, archive, pin)
    if patches := pin.get("patches"):
        apply_patches(work, archive.parent / patches["file"], pin["keep"])
    if name == "xgboost":
        flatten_xgboost(work)
    try:
        work.rename(folder)
    except OSError:  # another run was quicker
        shutil.rmtree(work, ignore_errors=True)
    return folder


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cmake", metavar="FILE")
    parser.add_argument("names", nargs="*", metavar="NAME")
    arguments = parser.parse_args()
    names = arguments.names or [name for name in PINS if not PINS[name].get("optional")]
    for name in names:
        if name not in PINS:
            fail(f"there is no pin named {name}; third_party/pins.json has {', '.join(PINS)}")
    lines = [f'set(SLIPWAY_DEP_{name} "{unpacked(name)}")\n' for name in names]
    if arguments.cmake:
        pathlib.Path(arguments.cmake).write_text("".join(lines))
    else:
        print("".join(lines), end="")


if __name__ == "__main__":
    main()

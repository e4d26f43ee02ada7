#!/usr/bin/env python3
"""Names what an operation still lacks: `tools/check_operations.py [SERVICE...]`. The build runs it.

Each line of a door's operations.txt needs a handler that is registered, a line in the door's
permissions.cc and one in test/clients/refusals.txt. `./dev new-op` begins all of them.
"""
import argparse
import pathlib
import re
import sys

import generate_wire

ROOT = pathlib.Path(__file__).resolve().parent.parent
REGISTERED = re.compile(r"\badd(?:_upload|_hot)?<op::(\w+)>")
# A line of a table of service::Need: the operation, then the action, "s3:GetObject".
NEEDED = re.compile(r"\{\s*\"(\w+)\",\s*\"[\w-]+:")


def sources(folder):
    return sorted(file for file in folder.glob("*.cc") if "_test" not in file.name)


def refused(root, service):
    lines = (root / "test/clients/refusals.txt").read_text().splitlines()
    words = (line.split() for line in lines if line and not line.startswith("#"))
    return {name for door, name, *_ in words if door == service}


def lacks(root, folder):
    """One sentence for each thing that an operation of the door lacks."""
    service = folder.name.replace("_", "-")
    listed = set(generate_wire.read_operations(folder / "operations.txt"))
    place = folder.relative_to(root)
    registered = {name for file in sources(folder) for name in REGISTERED.findall(file.read_text())}
    needed = set(NEEDED.findall((folder / "permissions.cc").read_text()))
    for there, mend in (
            (registered, f"no handler: register it in {place}, as .add<op::NAME>(name)"),
            (needed, f"no line in {place}/permissions.cc: who may do it"),
            (refused(root, service), "no line in test/clients/refusals.txt: how a refusal reads")):
        for name in sorted(listed - there):
            yield f"{place}/operations.txt: {name} has {mend.replace('NAME', name)}"
    for name in sorted(registered - listed):
        yield f"{place}/operations.txt lacks {name}, which has a handler"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("services", metavar="SERVICE", nargs="*", help="a folder of src/service; all without one")
    parser.add_argument("--stamp", type=pathlib.Path, help="a file that is written where nothing lacks")
    given = parser.parse_args()
    folders = [ROOT / "src/service" / service for service in given.services] or [
        file.parent for file in sorted((ROOT / "src/service").glob("*/operations.txt"))]
    found = [sentence for folder in folders for sentence in lacks(ROOT, folder)]
    if found:
        sys.exit("\n".join(found))
    if given.stamp:
        given.stamp.parent.mkdir(parents=True, exist_ok=True)
        given.stamp.touch()


if __name__ == "__main__":
    main()

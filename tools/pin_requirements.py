#!/usr/bin/env python3
"""Prints a requirements file with a hash for every package that the given ones need.

  pin_requirements.py [--without NAME,NAME...] REQUIREMENT... > test/requirements-NAME.txt

`--without` leaves packages out that nothing we import ever needs.
"""
import argparse
import json
import subprocess
import sys
import tempfile


def resolved(requirements):
    """What pip would install into an empty environment, as pip's own report has it."""
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--dry-run", "--ignore-installed",
                        "--report", report.name, *requirements], check=True, stdout=sys.stderr)
        return json.load(open(report.name, encoding="utf-8"))["install"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--without", default="", metavar="NAME,NAME...")
    parser.add_argument("requirements", nargs="+", metavar="REQUIREMENT")
    arguments = parser.parse_args()
    without = set(arguments.without.split(","))
    print(f"# Made by tools/pin_requirements.py {' '.join(sys.argv[1:])}")
    for package in sorted(resolved(arguments.requirements), key=lambda p: p["metadata"]["name"].lower()):
        name, version = package["metadata"]["name"], package["metadata"]["version"]
        if name.lower() not in without:
            digest = package["download_info"]["archive_info"]["hashes"]["sha256"]
            print(f"{name}=={version} --hash=sha256:{digest}")


if __name__ == "__main__":
    main()

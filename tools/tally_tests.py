#!/usr/bin/env python3
"""Adds up what the tests said.

  tally_tests.py FOLDER
      Reads every JUnit-like XML file in FOLDER (gtest's and pytest's), names what failed, why
      things were skipped and which took longest, and prints the closing line
      `N passed, N failed[, N skipped]`.
  tally_tests.py --expect BUILD PATTERN EXCEPT FOLDER
      Writes a failure into FOLDER for each gtest executable of BUILD that matches PATTERN, does not
      match EXCEPT, and left no results: it crashed, hung or was not built.
  tally_tests.py --expect-file NAME FOLDER
      The same for one run that should have left FOLDER/NAME.xml.
  tally_tests.py --note NAME STATUS SECONDS FOLDER
      Writes what a command was that is no test program: passed where its exit status is 0.
"""
import collections
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree


LONGEST_SHOWN, SECONDS_SHOWN_MIN = 10, 0.1


def names_of(build, pattern, without):
    names = (build / "tests.txt").read_text().split()
    return [n for n in names if re.search(pattern, n) and not re.search(without, n)]


def expect(names, folder):
    for name in names:
        if (folder / f"{name}.xml").exists():
            continue
        suite = ElementTree.Element("testsuite", name=name)
        case = ElementTree.SubElement(suite, "testcase", classname=name, name="(all of it)")
        ElementTree.SubElement(case, "failure", message="it crashed or hung before it could report")
        ElementTree.ElementTree(suite).write(folder / f"{name}.xml")


def note(name, status, seconds, folder):
    suite = ElementTree.Element("testsuite", name=name)
    case = ElementTree.SubElement(suite, "testcase", classname=name, name="(all of it)", time=seconds)
    if status != "0":
        ElementTree.SubElement(case, "failure", message=f"it ended with status {status}; see above")
    ElementTree.ElementTree(suite).write(folder / f"{name}.xml")


def outcome(case):
    """passed, failed or skipped, and why."""
    for tag in ("failure", "error"):
        if (found := case.find(tag)) is not None:
            return "failed", (found.get("message") or found.text or "").strip()
    if (found := case.find("skipped")) is not None or case.get("result") == "skipped":
        return "skipped", (found.get("message") or "" if found is not None else "").strip()
    return ("skipped", "disabled") if case.get("status") == "notrun" else ("passed", "")


def print_longest(durations):
    longest = [each for each in sorted(durations, reverse=True)[:LONGEST_SHOWN]
               if each[0] >= SECONDS_SHOWN_MIN]
    if len(longest) < 2:
        return
    print(f"the {len(longest)} longest of {len(durations)}:")
    for seconds, name in longest:
        print(f"  {seconds:6.1f} s  {name}")


def tally(folder):
    counts, skipped, durations = collections.Counter(), collections.Counter(), []
    for file in sorted(folder.glob("*.xml")):
        for case in ElementTree.parse(file).iter("testcase"):
            what, why = outcome(case)
            counts[what] += 1
            durations.append((float(case.get("time") or 0), f"{case.get('classname')}.{case.get('name')}"))
            if what == "failed":
                print(f"FAILED {case.get('classname')}.{case.get('name')}: {why.splitlines()[0] if why else ''}")
            if what == "skipped":
                lines = [line for line in why.splitlines() if line.strip() not in ("", "Skipped")]
                skipped[f"{file.stem}: {lines[-1].strip() if lines else 'no reason given'}"] += 1
    for why, count in sorted(skipped.items()):
        print(f"skipped {count} × {why}")
    print_longest(durations)
    line = f"{counts['passed']} passed, {counts['failed']} failed"
    print(line + (f", {counts['skipped']} skipped" if counts["skipped"] else ""))
    return 1 if counts["failed"] or not counts["passed"] else 0


def main(arguments):
    if arguments[:1] == ["--expect"]:
        expect(names_of(pathlib.Path(arguments[1]), *arguments[2:4]), pathlib.Path(arguments[4]))
        return 0
    if arguments[:1] == ["--expect-file"]:
        expect(arguments[1:2], pathlib.Path(arguments[2]))
        return 0
    if arguments[:1] == ["--note"]:
        note(*arguments[1:4], pathlib.Path(arguments[4]))
        return 0
    return tally(pathlib.Path(arguments[0]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

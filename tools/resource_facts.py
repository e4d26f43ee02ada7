#!/usr/bin/env python3
"""Writes what CloudFormation's published schemas say of the types that this server has.

    resource_facts.py CFN_LINT_WHEEL > src/server/testdata/resource_types.txt

The wheel is PyPI's `cfn-lint`, which carries AWS's resource provider schemas. The types are those
that the doors name (src/service/*/resource_types.cc).
"""
import json
import pathlib
import re
import sys
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
MARKS = {"createOnlyProperties": "create-only", "readOnlyProperties": "read-only",
         "writeOnlyProperties": "write-only", "primaryIdentifier": "id"}


def names_of_types():
    for file in sorted(ROOT.glob("src/service/*/resource_types.cc")):
        yield from re.findall(r'\.name = "(AWS::\w+::\w+)"', file.read_text())


def schemas(wheel):
    with zipfile.ZipFile(wheel) as zipped:
        for name in zipped.namelist():
            if re.fullmatch(r"cfnlint/data/schemas/resources/\w+\.json", name):
                schema = json.loads(zipped.read(name))
                yield schema.get("typeName"), schema


def facts(schema):
    for name in sorted(schema["properties"]):
        marks = ["required"] if name in schema.get("required", []) else []
        marks += [mark for key, mark in MARKS.items()
                  if f"/properties/{name}" in schema.get(key, [])]
        yield " ".join([schema["typeName"], name, *marks])


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    wanted = set(names_of_types())
    found = {name: schema for name, schema in schemas(sys.argv[1]) if name in wanted}
    if missing := wanted - set(found):
        sys.exit(f"no schema of {', '.join(sorted(missing))}")
    print("# What CloudFormation's published schemas say of the properties of the types that this")
    print(f"# server has, as {pathlib.Path(sys.argv[1]).name} has them (MIT-0). Written by")
    print("# tools/resource_facts.py, read by src/server/resource_types_test.cc.")
    for name in sorted(found):
        print("\n".join(facts(found[name])))


main()

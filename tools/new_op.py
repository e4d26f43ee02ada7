#!/usr/bin/env python3
"""Begins an operation of AWS's: `./dev new-op SERVICE NAME [MODE]`.

Adds its line to operations.txt, a function that refuses by name, and what the build would miss
(check_operations.py): its declaration and registration, who may do it, how a refusal reads. Says what to
edit next. MODE is a word of src/service/registry.h; without it `read` for what only
looks (Get..., List..., Describe..., Head...) and `write` for all else.
"""
import argparse
import difflib
import pathlib
import re
import sys

import generate_wire

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOOKS = ("Get", "List", "Describe", "Head")
MODES = ("read", "write", "work", "file", "bulk")
# One registration on a line of its own, behind which the new one stands.
REGISTRATION = re.compile(r"^( +)(?:adder)?\.add<op::\w+>\([^()]*(?:\([^()]*\))?\)$", re.MULTILINE)


# The last line of a table of service::Need.
TABLE_END = re.compile(r"^constexpr Need \w+\[\] = \{\n.*?(?=^\};)", re.MULTILINE | re.DOTALL)


class Refusal(Exception):
    """What cannot be done, as a sentence."""


def snake(name):
    """DescribeDBCluster -> describe_db_cluster"""
    apart = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", apart).lower()


def operation_of(model, name):
    if name in model["operations"]:
        return model["operations"][name]
    near = difflib.get_close_matches(name, model["operations"], 1)
    raise Refusal(f"AWS's model has no operation {name}." + (f" Did you mean {near[0]}?" if near else ""))


def listed(operations):
    lines = (line.split() for line in operations.read_text().splitlines())
    return {words[0] for words in lines if words and not words[0].startswith("#")}


def install_file(folder):
    """The file that registers the door's operations one after the other."""
    for file in sorted(folder.glob("*.cc")):
        if "_test" not in file.name and REGISTRATION.search(file.read_text()):
            return file
    raise Refusal(f"{folder} registers its operations in another way: add this one by hand, beside its neighbours.")


def function_of(namespace, name, operation):
    """Declaration and definition, as AWS's model names input and output."""
    if "input" not in operation:
        raise Refusal(f"{name} takes no input, which no handler here does yet: add it by hand.")
    answer = f"Result<api::{operation['output']['shape']}>" if "output" in operation else "Result<>"
    head = f"{answer} {snake(name)}(Call& call, api::{operation['input']['shape']} in)"
    declaration = f"// {snake(name)}.cc\n// Refuses: it is not built yet.\n{head};\n"
    definition = f'''#include "service/errors.h"
#include "service/{namespace}/operations.h"

namespace slipway::{namespace} {{

{head.replace("Call& call", "Call&").replace(" in)", ")")} {{
  return fail(ErrorCode::not_implemented, "{name} is not implemented yet.");
}}

}}  // namespace slipway::{namespace}
'''
    return declaration, definition


def action_of(model, name):
    """sqs:PeekQueue: what the operation asks for until somebody says it better."""
    metadata = model["metadata"]
    return f"{metadata.get('signingName', metadata['endpointPrefix'])}:{name}"


def add_permission(permissions, name, action):
    text = permissions.read_text()
    tables = list(TABLE_END.finditer(text))
    if not tables:
        raise Refusal(f"{permissions} has no table of needs: add this operation by hand.")
    end = tables[-1].end()
    permissions.write_text(f'{text[:end]}    {{"{name}", "{action}"}},\n{text[end:]}')


def add_refusal(refusals, service, name, action):
    """Behind the last line of its service."""
    lines = refusals.read_text().splitlines()
    ours = [number for number, line in enumerate(lines) if line.startswith(f"{service} ")]
    lines.insert(ours[-1] + 1 if ours else len(lines), f"{service} {name} {action}")
    refusals.write_text("\n".join(lines) + "\n")


def door_of(root, service):
    folder = root / "src/service" / service
    if not (folder / "operations.txt").exists():
        there = sorted(each.parent.name for each in (root / "src/service").glob("*/operations.txt"))
        raise Refusal(f"There is no door {service}; there are {', '.join(there)}.")
    return folder


def begin(root, model, service, name, mode):
    """Writes all of it, or raises Refusal and writes nothing. Returns the files to look at next."""
    folder = door_of(root, service)
    operations, header = folder / "operations.txt", folder / "operations.h"
    permissions, refusals = folder / "permissions.cc", root / "test/clients/refusals.txt"
    operation = operation_of(model, name)
    if name in listed(operations):
        raise Refusal(f"{name} stands in {operations.relative_to(root)} already.")
    if not header.exists():
        raise Refusal(f"{folder.relative_to(root)} declares no operations in an operations.h: add it by hand.")
    new_file = folder / f"{snake(name)}.cc"
    if new_file.exists():
        raise Refusal(f"{new_file.relative_to(root)} is there already.")
    installs = install_file(folder)
    declaration, definition = function_of(service, name, operation)

    action = action_of(model, name)
    add_permission(permissions, name, action)
    add_refusal(refusals, service.replace("_", "-"), name, action)
    text = installs.read_text()
    last = list(REGISTRATION.finditer(text))[-1]
    installs.write_text(f"{text[:last.end()]}\n      .add<op::{name}>({snake(name)}){text[last.end():]}")
    end = f"}}  // namespace slipway::{service}"
    header.write_text(header.read_text().replace(end, f"{declaration}\n{end}"))
    new_file.write_text(definition)
    operations.write_text(f"{operations.read_text().rstrip()}\n{name} {mode}\n")
    return [new_file, header, installs, operations, permissions, refusals]


def next_steps(root, service, name, files):
    new_file, header, installs, operations, permissions, refusals = (file.relative_to(root) for file in files)
    return f"""{name} is begun: it is routed, decoded and validated by AWS's model, and refuses by name.
The build says what it would lack.

Next:
  {operations}  its mode, and `frees` or `stored` where they hold (CONTRIBUTING.md)
  {new_file}  what it does; better in the file of its resource, beside its neighbours
  {header}  what it promises and refuses, under the name of that file
  {installs}  its place among its neighbours
  {permissions}  who may: action, resource, conditions; now the action of its name on everything
  {refusals}  the same resource, as the refusal names it
  test/clients/  what a user sees, through boto3
  docs/coverage.md  written anew by tools/write_coverage.py; CHANGELOG.md where users will notice
./dev fmt, ./dev test service_{service}"""


def main():
    parser = argparse.ArgumentParser(prog="./dev new-op", description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", required=True, type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("service", metavar="SERVICE", help="a folder of src/service: s3, sagemaker, ...")
    parser.add_argument("name", metavar="NAME", help="as AWS has it: DescribeModel")
    parser.add_argument("mode", metavar="MODE", nargs="?", choices=MODES)
    given = parser.parse_args()
    mode = given.mode or ("read" if given.name.startswith(LOOKS) else "write")
    try:
        door_of(ROOT, given.service)
        model = generate_wire.read_model(given.data, given.service.replace("_", "-"))
        files = begin(ROOT, model, given.service, given.name, mode)
    except (Refusal, generate_wire.ModelError) as refusal:
        sys.exit(f"./dev new-op: {refusal}")
    print(next_steps(ROOT, given.service, given.name, files))


if __name__ == "__main__":
    main()

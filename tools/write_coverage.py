#!/usr/bin/env python3
"""Writes docs/coverage.md from what `slipway ops` says: `tools/write_coverage.py [PROGRAM]`.

Every operation of AWS's models is in it once: it works, is stored only, or is refused by name.
"""
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/coverage.md"
KEPT_MEMBERS = """
Members of operations that work, which are kept and shown and do nothing themselves:

| service | members |
| --- | --- |
| iam | of the account's password policy `AllowUsersToChangePassword`, `HardExpiry`, `MaxPasswordAge` |
| s3 | storage classes, but that what is archived has to be restored; `x-amz-website-redirect-location` |
| sns | of topics `KmsMasterKeyId` where it is AWS's own key (nothing is encrypted), `TracingConfig` `PassThrough` |
| sqs | `KmsMasterKeyId` where it is AWS's own key (nothing is encrypted), `KmsDataKeyReusePeriodSeconds`, `SqsManagedSseEnabled` |
"""
HEAD = """# Coverage

Every operation of AWS's models of these services. What **works** does what AWS's does. **Stored only**:
what it sets is kept and shown again, and nothing acts on it. All others are **refused**: the answer says
by name, in the protocol of the service, that the operation is not implemented.
`tools/write_coverage.py` writes this page from `slipway ops`; a test compares them.

| service | works | stored only | refused |
| --- | ---: | ---: | ---: |
"""


def ops(program, *flags):
    said = subprocess.run([program, "ops", "--output", "json", *flags], capture_output=True, text=True, check=True)
    return {service["service"]: service for service in json.loads(said.stdout)}


def page(program):
    there, missing = ops(program), ops(program, "--missing")
    text, sections = HEAD, ""
    for name, service in there.items():
        stored = service.get("stored_only", [])
        works = [each for each in service["names"] if each not in stored]
        refused = missing[name]["missing"]
        text += f"| [{name}](#{name}) | {len(works)} | {len(stored)} | {len(refused)} |\n"
        sections += f"\n## {name}\n"
        for title, operations in (("Works", works), ("Stored only", stored), ("Refused", refused)):
            if operations:
                sections += f"\n**{title}**: {', '.join(operations)}.\n"
    return text + KEPT_MEMBERS + sections


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else (
        pathlib.Path(os.environ.get("SLIPWAY_BIN") or ROOT / "build/release/bin") / "slipway")
    PAGE.write_text(page(program), encoding="utf-8")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Sizes, as a ratchet: no line over 100 columns, no file over 600 lines, no function over 70 lines.

What is longer stands in test/tidy_allowed.txt with its size (`PATH file 640`, `PATH:NAME function 80`);
an entry may only shrink, and goes when it is no longer needed.
Runs by itself (`python3 test/tidy_test.py`) and under pytest.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
COLUMNS_MAX, FILE_LINES_MAX, FUNCTION_LINES_MAX = 100, 600, 70
LITERAL = re.compile(r'"(\\.|[^"\\])*"|\'(\\.|[^\'\\])\'|//.*')
NOT_A_FUNCTION = re.compile(r"(namespace|class|struct|enum|union|extern|template\b.*(class|struct) )")


def functions(lines):
    """Yields (name, number of lines) of each function at column 0, as clang-format lays them out."""
    start, depth = 0, 0
    for number, line in enumerate(lines):
        code = LITERAL.sub("", line).rstrip()
        if depth == 0 and line[:1] not in ("", " ", "#", "/", "}", ")"):
            start = number
        if code.startswith("namespace") or code == "}" and depth == 0:
            continue
        depth += code.count("{") - code.count("}")
        if code.startswith("}") and depth == 0 and not NOT_A_FUNCTION.match(lines[start]):
            head = " ".join(lines[start:number + 1]).split("(")[0].split()
            yield (head[-1] if head else "?"), number - start + 1


def sources():
    for folder in ("src", "bench"):
        for pattern in ("*.h", "*.cc"):
            yield from sorted((ROOT / folder).rglob(pattern))


def measures(file):
    """Yields (name in the list, kind, size, limit) of what is measured in one file."""
    lines = file.read_text(encoding="utf-8").splitlines()
    path = file.relative_to(ROOT).as_posix()
    yield path, "file", len(lines), FILE_LINES_MAX
    for name, size in functions(lines):
        yield f"{path}:{name}", "function", size, FUNCTION_LINES_MAX


def allowed():
    text = (ROOT / "test" / "tidy_allowed.txt").read_text()
    rows = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    return {(name, kind): int(size) for name, kind, size in rows}


def size_problems():
    left = allowed()
    for file in sources():
        for name, kind, size, limit in measures(file):
            was = left.pop((name, kind), None)
            if size > (was or limit):
                yield f"{name}: this {kind} has {size} lines, at most {was or limit}; divide it"
            elif was is not None and size < was:
                mend = f"write {size}" if size > limit else "take its line out"
                yield f"{name}: this {kind} has shrunk to {size} lines; {mend} in test/tidy_allowed.txt"
    for name, kind in left:
        yield f"{name}: there is no such {kind} any more; take its line out of test/tidy_allowed.txt"


def long_lines():
    for file in sources():
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            if len(line) > COLUMNS_MAX:
                where = f"{file.relative_to(ROOT).as_posix()}:{number}"
                yield f"{where}: {len(line)} columns, at most {COLUMNS_MAX}; run ./dev fmt"


def test_functions_and_files_stay_small():
    found = list(size_problems())
    assert not found, "\n" + "\n".join(found)


def test_lines_fit_100_columns():
    found = list(long_lines())
    assert not found, "\n" + "\n".join(found)


def test_a_long_function_is_found():
    body = ["Result<int> far(int a,", "                int b) {"] + ["  a += b;"] * 70 + ["}"]
    assert list(functions(["namespace x {", "", *body, "", "}  // namespace x"])) == [("far", 73)]


if __name__ == "__main__":
    problems = [*size_problems(), *long_lines()]
    print("\n".join(problems) or "tidy: every line, function and file is short enough")
    sys.exit(1 if problems else 0)

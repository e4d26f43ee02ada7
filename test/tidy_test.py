#!/usr/bin/env python3
"""Sizes, as a ratchet: no line over 100 columns, no file over 600 lines, no function over 70 lines,
no class over 500 lines in all its files or 45 members; no public type without a comment; no name
that public types of two namespaces have; and no comment of a header that begins with a label ("What
it costs.", "Nothing where there is none.") in the place of a sentence that says what it is or returns.

What is longer stands in test/tidy_allowed.txt with its size (`PATH file 640`, `PATH:NAME function 80`,
`FOLDER:CLASS class 700`, `FOLDER:CLASS members 45`, `FOLDER bare 3` for types without a comment,
`TYPE namespaces 2`); an
entry may only shrink, and goes when it is no longer needed.
Runs by itself (`python3 test/tidy_test.py`) and under pytest.
"""
import collections
import itertools
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
COLUMNS_MAX, FILE_LINES_MAX, FUNCTION_LINES_MAX = 100, 600, 70
CLASS_LINES_MAX, MEMBERS_MAX = 500, 45
LITERAL = re.compile(r'"(\\.|[^"\\])*"|\'(\\.|[^\'\\])\'|//.*')
NOT_A_FUNCTION = re.compile(r"(namespace|class|struct|enum|union|extern|template\b.*(class|struct) )")
CLASS = re.compile(r"\s*(?:class|struct) (\w+(?:::\w+)*)")
PUBLIC_TYPE = re.compile(r"(?:class|struct|enum class|union) (\w+)(?![\w:<])")
NAMED_TYPE = re.compile(r"(?:(?:class|struct|enum class|union) (\w+)(?![\w:<])|using (\w+) =)")
NAMESPACE = re.compile(r"(?:inline )?namespace ([\w:]+) \{$")
ABOVE_A_TYPE = re.compile(r"\s*(template|requires)\b")
FOR_TESTS = re.compile(r"test|fixture|simulation|conformance")
COMMENT = re.compile(r"\s*//(?: (.*))?$")
# Relative clauses that are no sentence, and "Nothing" for nullopt. A "Where" with a comma is a
# condition, and a sentence follows.
LABEL = re.compile(r"(?:What|Who|Whom|Whose)\b|Where [^,]*?[.:;](?: |$)")
NOTHING = re.compile(r"Nothing(?::| where| for| if| when| after)\b")
LABELS_LEFT = ("src/engine/", "src/service/")  # there NOTHING alone is refused so far
NO_MEMBER = re.compile(r"(using|friend|typedef|static_assert|enum|class|struct|union)\b")


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


def members(body):
    """How many functions and values the text of a class declares, without its nested types."""
    text = re.sub(r"\b(public|protected|private):", "", body)
    while (bare := re.sub(r"\{[^{}]*\}", "@", text)) != text:
        text = bare
    statements = (each.strip() for each in re.split(r";|@(?=\s*\n)", text))
    return sum(1 for each in statements if each and each != "@" and not NO_MEMBER.match(each))


def classes(lines):
    """Yields (name, number of lines, number of members) of each class that is defined here; one that
    is defined within another has the other's name before its own."""
    code = [LITERAL.sub("", line).rstrip() for line in lines]
    around = []  # the classes that the line stands in: (name, its last line)
    for start, line in enumerate(code):
        around = [each for each in around if each[1] > start]
        if not (found := CLASS.match(line)):
            continue
        depth = 0
        for number in range(start, len(code)):
            depth += code[number].count("{") - code[number].count("}")
            if depth == 0 and (";" in code[number] or "}" in code[number]):
                break
        body = "\n".join(code[start:number + 1])
        if "{" in body:
            inside = body[body.index("{") + 1:body.rindex("}")]
            name = "::".join([*(each[0] for each in around), found[1]])
            around.append((found[1], number))
            yield name, number - start + 1, members(inside + "\n")


def class_measures():
    """The lines of each class in all files of its folder, and its members."""
    sizes, counts = collections.Counter(), collections.Counter()
    for file in sources():
        lines = file.read_text(encoding="utf-8").splitlines()
        path, folder = (each.relative_to(ROOT).as_posix() for each in (file, file.parent))
        found = list(classes(lines))
        own = {name for name, _, _ in found} if file.suffix == ".cc" else set()  # nobody else's
        for name, size, count in found:
            sizes[f"{path if name in own else folder}:{name}"] += size
            counts[f"{path if name in own else folder}:{name}"] += count
        for function, size in functions(lines):
            name = function.rpartition("::")[0].lstrip("*&")
            sizes[f"{path if name in own else folder}:{name}"] += size if name else 0
    for name, size in sizes.items():
        yield name, "class", size, CLASS_LINES_MAX
    for name, count in counts.items():
        yield name, "members", count, MEMBERS_MAX


def bare_types(lines):
    """Yields the names of types that a header defines at its left edge with no comment above."""
    for number, line in enumerate(lines):
        code = line.partition("//")[0].rstrip()
        if not (found := PUBLIC_TYPE.match(code)) or (code.endswith(";") and "{" not in code):
            continue
        above = number - 1
        while ABOVE_A_TYPE.match(lines[above]):
            above -= 1
        if not lines[above].startswith("//"):
            yield found[1]


def bare_measures():
    """How many public types of a folder have no comment, and which."""
    bare = collections.defaultdict(list)
    for file in sources():
        if file.suffix == ".h" and not FOR_TESTS.search(file.name):
            folder = file.parent.relative_to(ROOT).as_posix()
            bare[folder] += bare_types(file.read_text(encoding="utf-8").splitlines())
    return bare


def labels(lines, pattern):
    """Yields (line number, text) of each comment that begins with what `pattern` finds."""
    inside = False
    for number, line in enumerate(lines, 1):
        found = COMMENT.match(line)
        if found and not inside:
            text = " ".join([found[1] or "", *itertools.takewhile(bool, (
                (each := COMMENT.match(line)) and each[1] for line in lines[number:number + 4]))])
            if pattern.match(text):
                yield number, found[1]
        inside = bool(found)


def label_problems():
    for file in sources():
        path = file.relative_to(ROOT).as_posix()
        if file.suffix != ".h":
            continue
        pattern = NOTHING if path.startswith(LABELS_LEFT) else re.compile(f"{LABEL.pattern}|{NOTHING.pattern}")
        for number, text in labels(file.read_text(encoding="utf-8").splitlines(), pattern):
            yield f"{path}:{number}: '{text}' is no sentence: say what it is, holds or returns"


def named_types(lines):
    """Yields (namespace, name) of each type that a header defines at its left edge."""
    around = []
    for line in lines:
        code = line.partition("//")[0].rstrip()
        if found := NAMESPACE.match(code):
            around = [*([] if found[1].startswith("slipway") else around), found[1]]
        elif line.startswith("}  // namespace"):
            around = around[:-1]
        elif found := NAMED_TYPE.match(code):
            if found[2] or "{" in code or not code.endswith(";"):
                yield "::".join(around), found[1] or found[2]


def namespaces_of_names():
    """The namespaces in which public types have a name, by the name."""
    where = collections.defaultdict(set)
    for file in sources():
        if file.suffix == ".h" and not FOR_TESTS.search(file.name):
            for namespace, name in named_types(file.read_text(encoding="utf-8").splitlines()):
                where[name].add(namespace)
    return where


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
    of_files = (each for file in sources() for each in measures(file))
    for name, kind, size, limit in itertools.chain(of_files, class_measures()):
        was, what = left.pop((name, kind), None), "members" if kind == "members" else "lines"
        if size > (was or limit):
            yield f"{name}: {size} {what} in this {'class' if kind == 'members' else kind}, at most {was or limit}; divide it"
        elif was is not None and size < was:
            mend = f"write {size}" if size > limit else "take its line out"
            yield f"{name}: shrunk to {size} {what}; {mend} in test/tidy_allowed.txt"
    for folder, names in bare_measures().items():
        was = left.pop((folder, "bare"), 0)
        if len(names) > was:
            yield f"{folder}: a sentence is missing above {', '.join(names)} ({was} may lack one)"
        elif len(names) < was:
            mend = f"write {len(names)}" if names else "take its line out"
            yield f"{folder}: {len(names)} types are left without a comment; {mend} in test/tidy_allowed.txt"
    for name, spaces in namespaces_of_names().items():
        was, many = left.pop((name, "namespaces"), 1), len(spaces)
        if many > was:
            yield f"{name}: public types have this name in {', '.join(sorted(spaces))}; one word, one meaning"
        elif many < was:
            mend = f"write {many}" if many > 1 else "take its line out"
            yield f"{name}: a name in {many} namespaces; {mend} in test/tidy_allowed.txt"
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


def test_comments_of_headers_begin_with_sentences():
    found = list(label_problems())
    assert not found, "\n" + "\n".join(found)


def test_a_label_is_found():
    lines = ["// What it costs.", "struct A {", "  // Says what it costs.", "  int a();", "",
             "  // Where it lies, and", "  // what else: there.", "  int b();", "  // Where it lies.", "  int c();",
             "  // Returns it.", "  // What follows is its story.", "  int d();", "  // Nothing where there is none.",
             "  int e();", "  // Nothing is lost.", "  int f();"]
    assert [number for number, _ in labels(lines, LABEL)] == [1, 9]
    assert [number for number, _ in labels(lines, NOTHING)] == [14]


def test_a_long_function_is_found():
    body = ["Result<int> far(int a,", "                int b) {"] + ["  a += b;"] * 70 + ["}"]
    assert list(functions(["namespace x {", "", *body, "", "}  // namespace x"])) == [("far", 73)]


def test_a_class_is_counted_with_its_members():
    lines = ["class Far final : public Near {", " public:", "  Far() : a_{1} {}", "  void go(int x,",
             "          int y);", "  struct Inner {", "    int b = 0;", "  };", "", " private:",
             "  using Map = std::map<int, int>;", "  std::vector<int> a_{};", "  Map c_;", "};"]
    assert list(classes(lines)) == [("Far", 14, 4), ("Far::Inner", 3, 1)]
    assert list(classes(["class Far;", "struct Far* next(int x);"])) == []


def test_a_type_without_a_comment_is_found():
    lines = ["#pragma once", "", "// Says.", "struct Said {", "};", "", "struct Bare {", "};", "class Later;",
             "template <typename T>", "struct Box {};", "struct Box<int> {};", "// Says.",
             "template <typename T>", "  requires true", "class Known {};"]
    assert list(bare_types(lines)) == ["Bare", "Box"]


def test_the_namespace_of_a_public_type_is_found():
    lines = ["#pragma once", "namespace a::b {", "class Later;", "struct One {", "  struct Within {};", "};",
             "namespace c {", "enum class Two : int { x };", "}  // namespace c", "using Three = int;",
             "using std::string;", "template <>", "struct One<int> {};", "}  // namespace a::b", "struct Four {};"]
    assert list(named_types(lines)) == [("a::b", "One"), ("a::b::c", "Two"), ("a::b", "Three"), ("", "Four")]


if __name__ == "__main__":
    problems = [*size_problems(), *long_lines(), *label_problems()]
    print("\n".join(problems) or "tidy: every line, function, file and class is short enough")
    sys.exit(1 if problems else 0)

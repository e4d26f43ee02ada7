#!/usr/bin/env python3
"""Writes what filter_pattern_fuzz starts from into FOLDER: patterns of each kind over a message of each.

  filter_pattern_seeds.py FOLDER
"""
import pathlib
import sys

PATTERNS = ["ERROR", "?ERROR ?WARN", "gone -ERROR", '"a b" %[45]\\d\\d%', "{ $.a = 1 && ($.b[0].c != x* || $.d IS NULL) }",
            "{ $.['a.b'] NOT EXISTS }", "{ $.* >= 1.5e1 }", "{ $.u[*].n = %^a.*b$% }",
            "[ip, ..., status = 4* || status = 5*, size > 100]", "[w1 != ERROR && w1 != \"WARN\", w2]"]
MESSAGES = ["ERROR 503 a b gone", '{"a": 1, "b": [{"c": "y"}], "d": null, "u": [{"n": "axb"}], "a.b": 15}',
            '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET / HTTP/1.0" 404 1534', "INFO here"]


def main():
    folder = pathlib.Path(sys.argv[1])
    for i, pattern in enumerate(PATTERNS):
        for j, message in enumerate(MESSAGES):
            (folder / f"{i}-{j}").write_text(f"{pattern}\n{message}")


if __name__ == "__main__":
    main()

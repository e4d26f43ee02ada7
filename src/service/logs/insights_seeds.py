#!/usr/bin/env python3
"""Writes what insights_fuzz starts from into FOLDER: a query with each command and kind of expression.

  insights_seeds.py FOLDER
"""
import pathlib
import sys

QUERIES = [
    "fields @timestamp, level, user.id as u | filter level like 'ERR' and ms > 5 | sort ms desc, u | limit 3",
    "filter @message like /u[0-9]/ or not (ms in [1, 2.5, -3]) | display concat(level, '-', u), strlen(@message)",
    "parse @message 'a [*] b *' as x, y | stats count(*) as n, avg(ms), pct(ms, 95) by bin(5m), x | sort n",
    "parse @message /took (?<t>\\d+)/ | stats max(t) - min(t) by level | stats count_distinct(level)",
    "fields `user.id`, floor(ms / 3 ^ 2) % 7 | dedup level | limit 2",
    "stats earliest(ms), latest(ms), stddev(ms), median(ms), sortsFirst(level) by datefloor(@timestamp, 1h)",
    "fields replace(@message, 'a', 'b'), substr(trim(level), 1, 2), coalesce(x, y), toMillis(@timestamp)",
]
MESSAGE = '{"level": "ERROR", "ms": 90.5, "user": {"id": "u1"}, "tags": ["a [b] b c"]} took 7'


def main():
    folder = pathlib.Path(sys.argv[1])
    for i, query in enumerate(QUERIES):
        (folder / str(i)).write_text(f"{query}\n{MESSAGE}")


if __name__ == "__main__":
    main()

"""What the log book takes in, and how fast it is searched (src/engine/logs/log_book_bench.cc)."""
import re
import subprocess

import peers
from measures import Row

MEBIBYTES = 1024
SEARCHES = ("a rare term", "an absent term", "no term known", "a common term")


def logs():
    said = subprocess.run([peers.BIN / "log_book_bench", str(MEBIBYTES)], capture_output=True, text=True,
                          check=True).stdout
    rate = float(re.search(r"take in +([\d.]+) lines/s", said)[1])
    kept = float(re.search(r"on the disk +([\d.]+) MB", said)[1])
    rows = [Row("lines of an instance taken in, one core", f"{rate:,.0f}/s", "", "", ">= 200,000/s", rate >= 200_000),
            Row(f"{MEBIBYTES} MiB of them on the disk", f"{kept:.0f} MB")]
    for name in SEARCHES:
        took = float(re.search(rf"{name} +([\d.]+) s", said)[1])
        rows.append(Row(f"a filter over them: {name}", f"{took:.3f} s", "", "", "<= 2 s", took <= 2))
    return rows


ALL = {"logs": logs}

"""The measures that Slipway is held against, each beside its floor or peer in the same run.

    run.py              all of them
    run.py invoke s3    those named

Every figure is the median of several runs, taken in turn with those of its peers, because the
machine drifts; the ratio is what to quote. Needs wrk and nginx; moto where installed.
"""
import platform
import sys

import answers
import asynchronous
import batch
import batching
import beside
import first_hour
import lists
import logs
import measures
import multi_model
import policies
import scale
import serverless
import streaming

MODULES = (measures, answers, asynchronous, batch, batching, beside, first_hour, lists, logs, multi_model,
           policies, scale, serverless, streaming)
ALL = {name: measure for module in MODULES for name, measure in module.ALL.items()}


def machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo")
                  if line.startswith("model name")), "unknown")
    cores = sum(line.startswith("processor") for line in open("/proc/cpuinfo"))
    return f"{cores} x {model}, Linux {platform.release()}"


def print_table(rows):
    """Called after each measure, so that a run that is cut short has said what it knows."""
    head = ("measure", "Slipway", "beside it", "ratio", "to reach", "")
    lines = [head] + [(r.name, r.value, r.peer, r.ratio, r.goal,
                       {True: "reached", False: "NOT reached", None: ""}[r.reached]) for r in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    for i, line in enumerate(lines):
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())
        if i == 0:
            print("  ".join("-" * width for width in widths))


def main(names):
    unknown = [name for name in names if name not in ALL]
    if unknown:
        sys.exit(f"there is no measure {unknown[0]}; there are {', '.join(ALL)}")
    print(f"on {machine()}\n", flush=True)
    for name in names or ALL:
        print(f"== {name}", flush=True)
        print_table(ALL[name]())
        print(flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

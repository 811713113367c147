"""``python benchmarks/run.py [GROUP ...] [--json FILE] [--plot FILE]``: every figure of the README, in one run.

Prints the ratio of xpgrad's time to each peer's (below 1 is faster), and what it should not exceed. Needs the extra
``bench``. Each group runs in its own process, with one thread for everybody, or with everybody's default (each
contender in a process of its own then). Variables that forbid NumPy's BLAS to choose its kernel are taken away.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import platform
import subprocess
import sys
from typing import Any

HERE = pathlib.Path(__file__).parent
_CHOOSES_KERNEL = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def environment(threads: int | None) -> dict[str, str]:
    """The environment of a group's process."""
    env = {k: v for k, v in os.environ.items() if k not in (*_CHOOSES_KERNEL, *_THREADS, "PYTHONDONTWRITEBYTECODE")}
    if threads is not None:
        env |= dict.fromkeys(_THREADS, str(threads))
        env["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    return env


def run_group(name: str, threads: int | None) -> list[dict[str, Any]]:
    """The rows of a group, from a process of its own."""
    command = [sys.executable, __file__, "--worker", name, "--threads", str(threads or 0)]
    if threads == 1 and hasattr(os, "sched_setaffinity"):
        command = [sys.executable, "-c", "import os,sys;os.sched_setaffinity(0,{max(os.sched_getaffinity(0))});"
                   "os.execv(sys.argv[1],sys.argv[1:])", *command]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, env=environment(threads))
    if done.returncode:
        raise SystemExit(f"group {name} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def blas_kernel() -> str:
    """Which BLAS kernel NumPy takes when it may choose."""
    code = (
        "import numpy, threadpoolctl as t; "
        "print([(i['internal_api'], i.get('architecture')) for i in t.threadpool_info()])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment(1))
    return done.stdout.strip() or "unknown (install threadpoolctl)"


def show(row: dict[str, Any]) -> str:
    """A row as a line of the table."""
    limit = row["limit"]
    verdict = "" if limit is None else "ok" if row["ratio"] <= limit else "MISSED"
    threads = "default" if row["threads"] is None else str(row["threads"])
    at_most = "" if limit is None else f"{limit:.2f}"
    return f"{row['workload']:44} {row['against']:26} {threads:>8} {row['ratio']:7.2f} {at_most:>8} {verdict}"


def plot(rows: list[dict[str, Any]], file: str) -> None:
    """The ratios as bars, and how time grows as lines."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    bars = [r for r in rows if r["against"] == "PyTorch eager"]
    lines = [r for r in rows if "points" in r]
    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 0.3 * len(bars) + 2), width_ratios=[3, 2])
    names = [f"{r['workload']} ({'default' if r['threads'] is None else r['threads']})" for r in bars]
    left.barh(names[::-1], [r["ratio"] for r in bars][::-1], color="tab:blue")
    left.axvline(1, color="black", linewidth=1)
    left.set_xlabel("time of xpgrad on NumPy / time of PyTorch eager (threads in brackets)")
    for r in lines:
        for name, style in (("xpgrad", "o-"), ("torch", "x--")):
            right.loglog(r["sizes"], r["points"][name], style, label=f"{name}, {r['workload'].split()[-1]}")
    right.set_xlabel("size")
    right.set_ylabel("seconds per step")
    if lines:
        right.legend()
    figure.tight_layout()
    figure.savefig(file, dpi=120)


def main() -> int:
    """Run the groups that were asked for, print and keep the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("groups", nargs="*", help="which groups; all if none is named")
    parser.add_argument("--json", help="keep the rows here")
    parser.add_argument("--plot", help="draw them here")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    sys.path.insert(0, str(HERE))
    import groups

    if options.worker:
        print(json.dumps(getattr(groups, options.worker)(options.threads or None)))
        return 0
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, NumPy's BLAS kernel: {blas_kernel()}")
    print(f"{'workload':44} {'against':26} {'threads':>8} {'ratio':>7} {'at most':>8}")
    rows: list[dict[str, Any]] = []
    for group, thread_counts in groups.GROUPS.items():
        if options.groups and group.__name__ not in options.groups:
            continue
        for threads in thread_counts:
            for row in run_group(group.__name__, threads):
                rows.append(row | {"threads": threads})
                print(show(rows[-1]), flush=True)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(rows, indent=1))
    if options.plot:
        plot(rows, options.plot)
    return 0


if __name__ == "__main__":
    sys.exit(main())

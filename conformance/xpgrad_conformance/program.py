"""The program ``xpgrad conformance``: which rows to run, on which libraries, and what to write.

Its options are those of the command in `xpgrad.commands.conformance`.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import queue
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tqdm import tqdm

from . import oracles, report, results
from .cases import Case, numbered
from .results import Row
from .workers import Limits, Unusable, Worker, run_rows


def conduct(options: argparse.Namespace) -> int:
    """Do what the options ask; returns the exit status: 0, 1 on a failure, 2 where nothing can be said."""
    if options.compare:
        from . import compare

        return compare.show(*options.compare, device=options.device, only=options.only)
    try:
        oracles.tellers(options.oracle)
        baseline = json.loads(Path(options.baseline).read_text()) if options.baseline else None
        table = selected(options.only)
    except (ValueError, OSError) as error:
        print(f"xpgrad: error: {error}", file=sys.stderr)
        return 2
    libraries: list[Row] = []
    for name in options.libraries or ["numpy"]:
        library = examine(name, table, options)
        fixed = results.recall(library, baseline) if baseline is not None and "rows" in library else []
        print(report.text(library, fixed), flush=True)
        libraries.append(library)
    whole = results.document(libraries)
    for path, write in ((options.json, report.json_text), (options.html, report.html), (options.junit, report.junit)):
        if path:
            Path(path).write_text(write(whole), encoding="utf-8")
    return results.status(libraries)


def selected(pattern: str | None) -> dict[str, Case]:
    """The cases by name whose op or name is `pattern`, contains it, or matches it as a shell's pattern.

    Raises:
        ValueError: if there is none.

    Example:
        >>> from xpgrad_conformance.program import selected
        >>> {case.op for case in selected("linalg.q*").values()}
        {'linalg.qr'}
    """
    table = numbered()
    if pattern is None:
        return table
    exact = {name: case for name, case in table.items() if pattern in (name, case.op)}
    matching = {name: case for name, case in table.items()
                if fnmatch.fnmatchcase(case.op, pattern) or fnmatch.fnmatchcase(name, pattern)}  # fmt: skip
    chosen = exact or matching or {name: case for name, case in table.items() if pattern in name}
    if chosen:
        return chosen
    raise ValueError(f"no case is called, matches or contains '{pattern}'")


def orders(table: dict[str, Case], dtypes: list[str]) -> list[Row]:
    """A row for each case and precision; the first of each op in each is compiled."""
    made: list[Row] = []
    seen = set()
    for name, case in table.items():
        for kind in case.dtypes:
            for dtype in dtypes:
                if dtype.rstrip("0123456789") == kind.rstrip("0123456789"):
                    made.append({"case": name, "dtype": dtype, "compiled": (case.op, dtype) not in seen})
                    seen.add((case.op, dtype))
    return made


def examine(name: str, table: dict[str, Case], options: argparse.Namespace) -> Row:
    """The results of one library: ``rows``, or ``unusable`` with the reason."""
    begin = time.monotonic()
    setup = {"library": name, "device": options.device, "oracle": options.oracle, "order": options.order,
             "seed": options.seed}  # fmt: skip
    library: Row = {"library": name, "order": options.order, "seed": options.seed, "asked device": options.device,
                    "stale": []}  # fmt: skip
    limits = Limits(options.timeout, options.memory)
    try:
        worker = Worker(setup, limits)
        told = worker.ready
        deviations = told.pop("deviations")
        wide = [d for d in ("float64", "complex128") if d in told["dtypes"]]
        asked = options.dtype or (wide if wide else list(told["dtypes"]))
        lacking = [d for d in asked if d not in told["dtypes"]]
        if lacking:
            worker.close()
            raise Unusable(f"it has no dtype {', '.join(lacking)} here; it has {', '.join(told['dtypes'])}")
        rows = orders(table, asked)
        found = _run(rows, worker, setup, options.jobs, name)
    except Unusable as error:
        return library | {"unusable": str(error)}
    library |= told
    library["rows"] = [
        {"case": o["case"], "op": table[o["case"]].op, "floor": results.floor(table[o["case"]].op), "dtype": o["dtype"],
         **found[o["case"], o["dtype"]]} for o in rows
    ]  # fmt: skip
    library["seconds"] = round(time.monotonic() - begin, 1)
    complete = options.order == 2 and options.dtype is None and options.only is None
    results.excuse(library, deviations, complete)
    return library


def _run(rows: list[Row], first: Worker, setup: Row, jobs: int, name: str) -> dict[tuple[str, str], Row]:
    """Every row's answer, from as many workers as `jobs`, with a bar that goes along."""
    waiting: queue.SimpleQueue[Row] = queue.SimpleQueue()
    for order in rows:
        waiting.put(order)
    found: dict[tuple[str, str], Row] = {}
    failed = 0
    lock = threading.Lock()
    troubles: list[Exception] = []

    def pulled() -> Any:
        while True:
            try:
                yield waiting.get_nowait()
            except queue.Empty:
                return

    with tqdm(total=len(rows), desc=name, unit="row", file=sys.stderr, disable=None) as bar:

        def done(order: Row, answer: Row) -> None:
            nonlocal failed
            with lock:
                found[order["case"], order["dtype"]] = answer
                failed += any(cell["state"] == "FAIL" for cell in answer["cells"].values())
                bar.set_postfix_str(f"{failed} FAIL  {order['case'][:32]}", refresh=False)
                bar.update()

        def work(worker: Worker | None) -> None:
            try:
                run_rows(worker or Worker(setup, first.limits), setup, pulled(), done)
            except Exception as error:
                troubles.append(error)

        count = max(1, min(jobs, len(rows) // 50))
        threads = [threading.Thread(target=work, args=(first if i == 0 else None,)) for i in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if troubles:
        raise troubles[0]
    return found

"""The JSON of a run, the one source of every report, and how it is judged.

    {"format": 1, "date", "xpgrad", "python", "libraries": [
        {"library", "version", "asked device", "device", "second device", "dtypes", "oracles", "order", "seed",
         "seconds", "stale",
         "rows": [{"case", "op", "floor", "dtype", "seconds", "cells": {column: {"state", "by", "why", "known"}}}]}]}

States of a cell: pass, deviation, FAIL, absent, none. An op's state is the worst of its cells.
"""

from __future__ import annotations

import datetime
import inspect
import platform
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import xpgrad
from xpgrad.op import COMPOSITES, OPS

FORMAT = 1
STATES = ("none", "pass", "deviation", "absent", "FAIL")  # each worse than the one before
FLOORS = {"rules": "the standard", "kernels": "kernels", "nn": "layers and losses", "optim": "optimizers"}
Row = dict[str, Any]


def floor(op: str) -> str:
    """The part of the house that an op, a layer or an optimizer belongs to."""
    head = op.partition(".")[0]
    if head in ("nn", "optim"):
        return head
    found = OPS.get(op)
    parts = [COMPOSITES.get(op)] if found is None else [*found.rules, found.joint, found.forward]
    modules = [m.__name__ for m in map(inspect.getmodule, filter(None, parts)) if m is not None]
    return "kernels" if any(".kernels." in m for m in modules) else "rules"


def document(libraries: list[Row]) -> Row:
    """The whole JSON; versions and the date, and nothing of the machine."""
    return {
        "format": FORMAT,
        "date": datetime.date.today().isoformat(),
        "xpgrad": xpgrad.__version__,
        "python": platform.python_version(),
        "libraries": libraries,
    }


def cells(library: Row) -> Iterator[tuple[Row, str, Row]]:
    """(row, column, cell) of a library."""
    for row in library["rows"]:
        for column, cell in row["cells"].items():
            yield row, column, cell


def excuse(library: Row, deviations: dict[str, str], complete: bool) -> None:
    """Turn the failing cells of ops that are listed as deviating into deviations, and list those that pass now.

    Args:
        library: its rows are changed, and ``stale`` is set.
        deviations: op to reason.
        complete: whether every case ran in every column, so that what passes does pass.
    """
    deviating = set()
    for row, _, cell in cells(library):
        if row["op"] in deviations and cell["state"] in ("FAIL", "absent"):
            deviating.add(row["op"])
            cell["state"], cell["found"], cell["why"] = "deviation", cell["why"], deviations[row["op"]]
    ran = {row["op"] for row in library["rows"]}
    library["stale"] = sorted((deviations.keys() & ran) - deviating) if complete else []


def recall(library: Row, baseline: Row) -> list[str]:
    """Mark the failing cells that failed in `baseline` too as known; returns what failed there and does not now."""
    before = {
        (row["case"], row["dtype"], column)
        for old in baseline["libraries"]
        if old["library"] == library["library"]
        for row, column, cell in cells(old)
        if cell["state"] == "FAIL"
    }
    fixed = []
    for row, column, cell in cells(library):
        if (row["case"], row["dtype"], column) in before:
            if cell["state"] == "FAIL":
                cell["known"] = True
            else:
                fixed.append(f"{row['case']} {row['dtype']} {column}")
    return fixed


def failing(library: Row, known: bool = False) -> list[tuple[Row, str, Row]]:
    """The cells that FAIL and were not known before (or were, with `known`)."""
    return [
        (r, c, cell) for r, c, cell in cells(library) if cell["state"] == "FAIL" and cell.get("known", False) is known
    ]


def worst(states: Iterable[str]) -> str:
    """The worst of states."""
    return max(states, key=STATES.index, default="none")


def by_op(library: Row) -> dict[str, dict[str, Row]]:
    """For each op and column, the worst cell."""
    table: dict[str, dict[str, Row]] = {}
    for row, column, cell in cells(library):
        columns = table.setdefault(row["op"], {})
        old = columns.get(column)
        if old is None or STATES.index(cell["state"]) > STATES.index(old["state"]):
            columns[column] = cell
    return table


def summary(library: Row) -> dict[str, Counter[str]]:
    """For each floor, how many ops are in each state."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in FLOORS}
    for op, columns in by_op(library).items():
        counts[floor(op)][worst(cell["state"] for cell in columns.values())] += 1
    return counts


def status(libraries: list[Row]) -> int:
    """The exit status: 2 where a library could not be used, 1 on a FAIL or a listed deviation that passes, else 0."""
    if any("unusable" in library for library in libraries):
        return 2
    return 1 if any(failing(library) or library["stale"] for library in libraries) else 0


def rerun(library: Row, row: Row) -> str:
    """The line that runs a row again."""
    words = ["xpgrad", "conformance", library["library"], "--only", row["case"], "--dtype", row["dtype"],
             "--seed", str(library["seed"])]  # fmt: skip
    return shlex.join([*words, *(["--device", library["asked device"]] if library["asked device"] else [])])

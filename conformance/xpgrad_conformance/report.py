"""Reports from the JSON of a run: text for a terminal, JUnit XML, and the table of the documentation; `page` has the
HTML.

``python -m xpgrad_conformance.report FILE...`` prints the table in Markdown.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

from . import results
from .page import html
from .results import FLOORS, Row, rerun
from .run import COLUMNS

__all__ = ["html", "json_text", "junit", "markdown", "rerun", "text"]
SHOWN = 12
_HEADINGS = {"pass": "passed", "deviation": "deviating", "FAIL": "failing", "absent": "absent"}
_SIGNS = {"pass": "✓", "deviation": "deviates", "FAIL": "**FAIL**", "absent": "absent", "none": "-"}


def json_text(whole: Row) -> str:
    """The JSON, a row on a line."""
    libraries = []
    for library in whole["libraries"]:
        rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in library.get("rows", []))
        head = json.dumps({k: v for k, v in library.items() if k != "rows"}, indent=1)
        libraries.append(f'{head[:-2]},\n "rows": [\n{rows}\n]}}' if "rows" in library else head)
    head = json.dumps({k: v for k, v in whole.items() if k != "libraries"}, indent=1)
    return f'{head[:-2]},\n "libraries": [\n' + ",\n".join(libraries) + "\n]}\n"


def text(library: Row, fixed: list[str] | None = None) -> str:
    """What a person reads in ten seconds."""
    if "unusable" in library:
        return f"{library['library']}: cannot be used: {library['unusable']}"
    counts = results.summary(library)
    rows = library["rows"]
    dtypes = ", ".join(dict.fromkeys(row["dtype"] for row in rows))
    lines = [f"{library['library']} {library['version']} on {library['device']}: {len(rows)} rows of "
             f"{sum(map(Counter.total, counts.values()))} ops in {library['seconds']:g} s; {dtypes}; "
             f"against {', '.join(library['oracles'])}"]  # fmt: skip
    lines.append(f"  {'':18}" + "".join(f"{h:>11}" for h in _HEADINGS.values()))
    for name, count in counts.items():
        if count:
            lines.append(f"  {FLOORS[name]:18}" + "".join(f"{count[state] or '-':>11}" for state in _HEADINGS))
    lines += _failures(library)
    lines += _listed("absent", _gathered(library, "absent"))
    lines += _listed("deviates", _gathered(library, "deviation"))
    lines += [f"  FAIL {op}: listed as a deviation, and it passes now" for op in library["stale"]]
    known = len(results.failing(library, known=True))
    lines += [f"  {known} failing cells are in the baseline too"] if known else []
    lines += [f"  no longer failing: {name}" for name in fixed or []]
    return "\n".join(lines)


def _failures(library: Row) -> list[str]:
    """The first failing row of each op, and the line that runs it again; not more than a screen of them."""
    first: dict[str, tuple[Row, str, Row]] = {}
    for row, column, cell in results.failing(library):
        first.setdefault(row["op"], (row, column, cell))
    lines = []
    for row, column, cell in list(first.values())[:SHOWN]:
        lines += [f"  FAIL {row['case']} {row['dtype']}, {column}: {cell['why']}", f"       {rerun(library, row)}"]
    rows = len({(row["case"], row["dtype"]) for row, _, _ in results.failing(library)})
    if rows > len(first) or len(first) > SHOWN:
        lines.append(f"  {rows} rows of {len(first)} ops fail; --json or --html has them all")
    return lines


def _gathered(library: Row, state: str) -> dict[str, list[str]]:
    """Reason to ops, of the cells in a state."""
    found: dict[str, list[str]] = {}
    for op, columns in results.by_op(library).items():
        for column in COLUMNS:
            cell = columns.get(column, {"state": "none"})
            if cell["state"] == state:
                found.setdefault(cell["why"], []).append(op)
                break
    return found


def _listed(what: str, gathered: dict[str, list[str]]) -> list[str]:
    lines = [f"  {what}: {why}: {', '.join(ops[:6])}" + (f" and {len(ops) - 6} more" if len(ops) > 6 else "")
             for why, ops in gathered.items()]  # fmt: skip
    return lines[:SHOWN] + ([f"  and {len(lines) - SHOWN} more reasons"] if len(lines) > SHOWN else [])


def junit(whole: Row) -> str:
    """JUnit's XML: a suite for each library, a test case for each row."""
    root = ElementTree.Element("testsuites", name="xpgrad conformance")
    for library in whole["libraries"]:
        suite = ElementTree.SubElement(root, "testsuite", name=library["library"])
        for row in library.get("rows", []):
            name, kind = f"{row['case']} {row['dtype']}", f"{library['library']}.{row['op']}"
            seconds = str(row["seconds"] or 0)
            test = ElementTree.SubElement(suite, "testcase", classname=kind, name=name, time=seconds)
            states = {state: [(c, cell) for c, cell in row["cells"].items() if cell["state"] == state]
                      for state in ("FAIL", "deviation", "absent")}  # fmt: skip
            for column, cell in states["FAIL"]:
                failure = ElementTree.SubElement(test, "failure", message=f"{column}: {cell['why']}")
                failure.text = rerun(library, row)
                break
            for column, cell in states["deviation"] + states["absent"] if not states["FAIL"] else []:
                ElementTree.SubElement(test, "skipped", message=f"{column}: {cell['state']}: {cell['why']}")
                break
        for op in library["stale"]:
            test = ElementTree.SubElement(suite, "testcase", classname=f"{library['library']}.{op}", name="deviation")
            ElementTree.SubElement(test, "failure", message="listed as a deviation, and it passes now")
        if "unusable" in library:
            test = ElementTree.SubElement(suite, "testcase", classname=library["library"], name="usable")
            ElementTree.SubElement(test, "error", message=library["unusable"])
        suite.set("tests", str(len(suite)))
        suite.set("failures", str(sum(test.find("failure") is not None for test in suite)))
        suite.set("errors", str(sum(test.find("error") is not None for test in suite)))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def markdown(libraries: list[Row]) -> str:
    """The tables of the documentation: a line for each library, and one for each op that does not pass everywhere."""
    lines = ["| library | version | device | precisions | rows | passed | deviating | failing | absent |",
             "|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for library in libraries:
        total = sum(results.summary(library).values(), Counter())
        dtypes = ", ".join(dict.fromkeys(row["dtype"] for row in library["rows"]))
        cells = [library["library"], library["version"], library["device"], dtypes, len(library["rows"]),
                 *(total[state] for state in _HEADINGS)]  # fmt: skip
        lines.append(f"| {' | '.join(map(str, cells))} |")
    tables = [results.by_op(library) for library in libraries]
    names = list(dict.fromkeys(op for table in tables for op in table))
    lines += [
        "",
        f"| op | {' | '.join(library['library'] for library in libraries)} |",
        "|---" * (len(libraries) + 1) + "|",
    ]
    notes: list[str] = []
    for floor, title in FLOORS.items():
        lines.append(f"| **{title}** |" + " |" * len(libraries))
        for op in sorted(name for name in names if results.floor(name) == floor):
            shown = [_entry(table.get(op, {}), notes) for table in tables]
            lines.append(f"| `{op}` | {' | '.join(shown)} |")
    return "\n".join([*lines, "", *(f"{i}. {note}" for i, note in enumerate(notes, 1))]) + "\n"


def _entry(columns: dict[str, Row], notes: list[str]) -> str:
    """A cell of the table: the worst state of an op, with the number of a note where there is something to say."""
    state = results.worst(cell["state"] for cell in columns.values())
    if state in ("pass", "none"):
        return _SIGNS[state]
    where = [column for column in COLUMNS if columns.get(column, {}).get("state") == state]
    why = f"{', '.join(where) if len(where) < len(COLUMNS) else 'all'}: {columns[where[0]]['why']}"
    if why not in notes:
        notes.append(why)
    return f"{_SIGNS[state]} ({notes.index(why) + 1})"


if __name__ == "__main__":
    documents = [json.loads(Path(path).read_text(encoding="utf-8")) for path in sys.argv[1:]]
    print(markdown([library for whole in documents for library in whole["libraries"]]), end="")

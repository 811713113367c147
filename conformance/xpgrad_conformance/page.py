"""The HTML page of a run: one file, nothing fetched, a table of ops for each library and every failing row below it."""

from __future__ import annotations

from html import escape

from . import results
from .results import FLOORS, Row, rerun
from .run import COLUMNS

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 }
th { position: sticky; top: 0; background: #fff; font-weight: 600 }
th, td { text-align: left; padding: .15rem .6rem; border-bottom: 1px solid #e4e4e4 }
td.pass { color: #1a7f37 } td.none { color: #999 } td.absent { color: #57606a; background: #f3f3f3 }
td.deviation { background: #fff4d6 } td.FAIL { background: #ffd9d6; font-weight: 600 }
tr.floor td { font-weight: 600; padding-top: .8rem } code { font-size: 13px; overflow-wrap: anywhere }
"""
_SIGNS = {"pass": "✓", "none": "-", "absent": "absent", "deviation": "deviates", "FAIL": "FAIL"}


def html(whole: Row) -> str:
    """The page of the JSON `whole`."""
    parts = [f"<!doctype html><html lang='en'><meta charset='utf-8'><title>xpgrad conformance</title>"
             f"<style>{_STYLE}</style>",
             f"<h1>xpgrad conformance</h1><p>xpgrad {escape(whole['xpgrad'])}, Python {escape(whole['python'])}, "
             f"{escape(whole['date'])}</p>"]  # fmt: skip
    parts += [_library(library) for library in whole["libraries"]]
    return "\n".join([*parts, "</html>\n"])


def _library(library: Row) -> str:
    name = escape(library["library"])
    if "unusable" in library:
        return f"<h2>{name}</h2><p>Cannot be used: {escape(library['unusable'])}</p>"
    head = (f"<h2>{name} {escape(library['version'])} on {escape(library['device'])}</h2>"
            f"<p>{len(library['rows'])} rows in {library['seconds']:g} s, against "
            f"{escape(', '.join(library['oracles']))}; seed {library['seed']}</p>")  # fmt: skip
    return head + _floors(library) + _ops(library) + _failures(library)


def _floors(library: Row) -> str:
    states = ("pass", "deviation", "FAIL", "absent")
    rows = [f"<tr><td>{FLOORS[name]}</td>{''.join(f'<td>{count[s]}</td>' for s in states)}</tr>"
            for name, count in results.summary(library).items() if count]  # fmt: skip
    heads = "".join(f"<th>{h}</th>" for h in ("ops", "passed", "deviating", "failing", "absent"))
    return f"<table><tr>{heads}</tr>{''.join(rows)}</table>"


def _ops(library: Row) -> str:
    table = results.by_op(library)
    lines = [f"<tr><th>op</th>{''.join(f'<th>{column}</th>' for column in COLUMNS)}</tr>"]
    for name, title in FLOORS.items():
        here = sorted(op for op in table if results.floor(op) == name)
        lines += [f"<tr class='floor'><td colspan='8'>{title}</td></tr>"] if here else []
        for op in here:
            lines.append(
                f"<tr><td><code>{escape(op)}</code></td>{''.join(_cell(table[op].get(c)) for c in COLUMNS)}</tr>"
            )
    return f"<table>{''.join(lines)}</table>"


def _cell(cell: Row | None) -> str:
    state = cell["state"] if cell else "none"
    why = (cell or {}).get("why") or ", ".join((cell or {}).get("by", ()))
    return f"<td class='{state}' title='{escape(why, quote=True)}'>{_SIGNS[state]}</td>"


def _failures(library: Row) -> str:
    lines = [f"<tr><td><code>{escape(row['case'])}</code> {row['dtype']}</td><td>{column}</td><td>{escape(cell['why'])}"
             f"<br><code>{escape(rerun(library, row))}</code></td></tr>"
             for row, column, cell in results.cells(library) if cell["state"] == "FAIL"]  # fmt: skip
    lines += [f"<tr><td><code>{escape(op)}</code></td><td></td><td>listed as a deviation, and it passes now</td></tr>"
              for op in library["stale"]]  # fmt: skip
    return f"<h3>What fails</h3><table>{''.join(lines)}</table>" if lines else "<p>Nothing fails.</p>"

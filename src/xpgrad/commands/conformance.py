"""``xpgrad conformance``: whether gradients through an array library are right, op by op.

Rows are the ops of the standard, the kernels, the layers, losses and optimizers; columns the result, its gradients
of first and second order, dtype and device kept, read-only inputs, and the backend's compiler. Exit status 1 on a
failure, or on a listed deviation that passes now; 2 where a library cannot be used.
"""

from __future__ import annotations

import argparse
import importlib
import os
from typing import Any

from . import UserError

_DTYPES = ("float32", "float64", "complex64", "complex128")
_ORACLES = ("auto", "finite-differences", "torch", "jax")


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser("conformance", help="check gradients through an array library, op by op",
                                  description=__doc__)  # fmt: skip
    add = command.add_argument
    add("libraries", nargs="*", metavar="LIBRARY",
        help="a registered backend, or the import path of an Array API namespace (default: numpy)")  # fmt: skip
    add("--device", metavar="D", help="device of the library, by name")
    add("--dtype", action="append", choices=_DTYPES, help="default: float64 and complex128 where the library has them")
    add("--only", metavar="PATTERN", help="ops or cases whose name is, matches or contains PATTERN")
    add("--order", type=int, choices=(0, 1, 2), default=2, help="highest order of gradients (default: 2)")
    add("--oracle", choices=_ORACLES, default="auto", help="who is asked beside central differences (default: auto)")
    add("--seed", type=int, default=0, help="of inputs and projections (default: 0)")
    add("--json", metavar="FILE", help="write all results")
    add("--html", metavar="FILE", help="write a page")
    add("--junit", metavar="FILE", help="write JUnit XML")
    add(
        "--jobs",
        type=int,
        default=min(os.cpu_count() or 1, 4),
        metavar="N",
        help="worker processes (default: a core each)",
    )
    add("--baseline", metavar="FILE", help="the JSON of an earlier run, whose failures do not count")
    add("--compare", nargs=2, metavar=("A", "B"), help="two libraries side by side: LeNet's training, and every kernel")
    add("--timeout", type=float, default=60.0, metavar="S", help="seconds that a row may take (default: 60)")
    add("--memory", type=float, default=4096.0, metavar="MIB", help="memory that a row may take (default: 4096)")
    command.set_defaults(command=conformance)


def conformance(options: argparse.Namespace) -> int:
    """Hand over to the program."""
    try:
        program = importlib.import_module("xpgrad_conformance.program")
    except ModuleNotFoundError as error:
        raise UserError(f"conformance needs {error.name}, which is not installed") from error
    return int(program.conduct(options))

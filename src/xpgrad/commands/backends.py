"""``xpgrad backends``: which array libraries are known, which are here, and what they can do."""

from __future__ import annotations

import argparse
import importlib.metadata
from typing import Any

from ..backend import Backend, get_backend, registered

_HEADINGS = ("name", "installed", "version", "devices", "64-bit", "default")
# What a library says when it is installed and cannot work here: no driver, a missing shared object.
_UNUSABLE = (ImportError, OSError, RuntimeError, AttributeError)


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser("backends", help="list the array libraries", description=__doc__)
    command.set_defaults(command=show)


def show(_options: argparse.Namespace) -> int:
    """Print the table."""
    rows = [_HEADINGS, *(_row(backend) for _, backend in sorted(registered().items()))]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEADINGS))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def _row(backend: Backend) -> tuple[str, ...]:
    """One backend's line: an absent one is not touched, an unusable one says why."""
    default = "default" if backend.name == _default_name() else ""
    if not backend.installed:
        hint = f"pip install 'xpgrad[{backend.extra}]'" if backend.extra else f"pip install {backend.package}"
        return (backend.name, "no", "", hint, "", default)
    version = _version(backend)
    try:
        xp = backend.load()
        devices = ", ".join(backend.device_name(device) for device in backend.devices(xp))
        wide = {"int64", "float64"} <= set(xp.__array_namespace_info__().dtypes())
    except _UNUSABLE as error:
        return (backend.name, "yes", version, f"unusable: {' '.join(str(error).split())[:60]}", "", default)
    return (backend.name, "yes", version, devices, "yes" if wide else "no", default)


def _default_name() -> str:
    try:
        return get_backend().name
    except ValueError:  # XPGRAD_BACKEND names none; the table shows what there is
        return ""


def _version(backend: Backend) -> str:
    try:
        return importlib.metadata.version(backend.package or backend.namespace.partition(".")[0])
    except importlib.metadata.PackageNotFoundError:
        return "?"

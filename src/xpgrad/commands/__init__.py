"""The commands of the program ``xpgrad``, one file each, and what several of them need.

A command's file has ``add_to(commands)``, which adds its part of the parser, and a function that does the work and
returns the exit status.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
from collections.abc import Iterator
from typing import Any

import xpgrad


class UserError(Exception):
    """Something that whoever typed the command can put right; shown as one line."""


@contextlib.contextmanager
def told(*kinds: type[Exception], about: str = "") -> Iterator[None]:
    """Show errors of these kinds to the user as one line, beginning with `about`.

    Example:
        >>> from xpgrad.commands import told
        >>> with told(ZeroDivisionError, about="no ratio"):
        ...     1 / 0
        Traceback (most recent call last):
        xpgrad.commands.UserError: no ratio: division by zero
    """
    try:
        yield
    except kinds as error:
        raise UserError(f"{about}: {error}" if about else str(error)) from error


def add_place(command: argparse.ArgumentParser) -> None:
    """The options that say where to compute."""
    command.add_argument("--backend", metavar="B", help="array library to compute with (default: numpy)")
    command.add_argument("--device", metavar="D", help="device of the library (default: the library's own)")


def choose_place(options: argparse.Namespace) -> None:
    """Make the choice of `add_place`'s options, or tell why it cannot be made; no device means the default one."""
    with told(ValueError, ModuleNotFoundError):
        if options.backend:
            xpgrad.set_backend(options.backend)
        else:
            xpgrad.get_backend().load()
    options.device = options.device or str(xpgrad.zeros(1).device)
    with told(ValueError, RuntimeError, AssertionError, TypeError, about=f"device '{options.device}'"):
        xpgrad.zeros(1).to(options.device)


def extra(module: str, purpose: str, extra_name: str) -> Any:
    """A module of an optional package, or one line that says what to install."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise UserError(f"{purpose} needs {error.name}; pip install 'xpgrad[{extra_name}]'") from error

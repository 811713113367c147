"""``xpgrad run``: runs a script written for PyTorch, unchanged, with xpgrad in PyTorch's place.

While the script runs, whoever imports ``torch`` or ``torch.anything`` is given ``xpgrad`` or ``xpgrad.anything``,
whether or not PyTorch is installed. Only PyTorch itself and array-api-compat are served with the real one, since
PyTorch's arrays may be what xpgrad computes with. Python asks `builtins.__import__` for every import statement and
tells it who is importing, so that is the place where the two are told apart; `importlib.import_module` is the other
door. Names in `sys.modules` serve those who look there to learn whether a Tensor may be PyTorch's, as einops does.
"""

from __future__ import annotations

import argparse
import builtins
import contextlib
import importlib
import runpy
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

import xpgrad

from . import UserError, told

_REAL, _OURS = "torch", "xpgrad"
# Importers, by any part of their dotted name, that are given the real PyTorch (array-api-compat is often a part of
# another package).
_SERVED_WITH_THE_REAL = frozenset({_REAL, "torchgen", "functorch", "array_api_compat", _OURS, "xpgrad_backends"})


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "run", help="run a PyTorch script with xpgrad in PyTorch's place", description=__doc__.split("\n\n")[0],
        usage="xpgrad run [--backend B] SCRIPT [--backend B] [--] [ARGS ...]")  # fmt: skip
    command.add_argument("--backend", metavar="B", help="array library to compute with (default: numpy)")
    command.add_argument("script", nargs=argparse.REMAINDER, metavar="SCRIPT [ARGS ...]",
                         help="script and arguments; put -- before a --backend of the script's own")  # fmt: skip
    command.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Run the script; its exit status is ours, and an error's traceback is the one that it has under Python."""
    if not options.script:
        raise UserError("run needs a script: xpgrad run SCRIPT [ARGS ...]")
    script = options.script[0]
    name, arguments = _split(options.backend, options.script[1:])
    if not Path(script).is_file():
        raise UserError(f"there is no script {script}")
    with told(ValueError, ModuleNotFoundError):  # the library is loaded while `torch` still means PyTorch
        if name:
            xpgrad.set_backend(name)
        else:
            xpgrad.get_backend().load()
    before = sys.argv, list(sys.path)
    sys.argv, sys.path = [script, *arguments], [str(Path(script).resolve().parent), *sys.path]
    try:
        with standing_in():
            runpy.run_path(script, run_name="__main__")
    except Exception as error:
        trace = _within(error.__traceback__, script)
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        return 1
    finally:
        sys.argv, sys.path = before
    return 0


def _split(name: str | None, arguments: list[str]) -> tuple[str | None, list[str]]:
    """A ``--backend B`` straight after the script is ours; all the rest, or all after ``--``, is the script's."""
    if arguments and arguments[0].startswith("--backend="):
        name, arguments = arguments[0].partition("=")[2], arguments[1:]
    elif arguments and arguments[0] == "--backend":
        if len(arguments) == 1:
            raise UserError("--backend: expected the name of a backend")
        name, arguments = arguments[1], arguments[2:]
    return name, arguments[1:] if arguments[:1] == ["--"] else arguments


def _within(trace: TracebackType | None, script: str) -> TracebackType | None:
    """The part of a traceback that begins in the script (none for a script that cannot be compiled)."""
    while trace is not None and trace.tb_frame.f_code.co_filename != script:
        trace = trace.tb_next
    return trace


@contextlib.contextmanager
def standing_in() -> Iterator[None]:
    """Within the block, ``import torch`` means xpgrad; afterwards everything is as it was.

    Example:
        >>> from xpgrad.commands.run import standing_in
        >>> with standing_in():
        ...     exec("import torch.nn.functional as F; name = F.__name__", scope := {})
        >>> scope["name"]
        'xpgrad.nn.functional'
    """
    stand_in = _StandIn()
    builtins.__import__, importlib.import_module = stand_in.statement, stand_in.function
    stand_in.show()
    try:
        yield
    finally:
        builtins.__import__, importlib.import_module = stand_in.real_statement, stand_in.real_function
        stand_in.hide()


class _StandIn:
    """The two doors of import, with xpgrad behind the name of PyTorch."""

    def __init__(self) -> None:
        self.real_statement = builtins.__import__
        self.real_function = importlib.import_module
        self.shown: dict[str, ModuleType] = {}

    def statement(self, name: str, globals: Mapping[str, Any] | None = None, locals: Any = None,
                  fromlist: Any = (), level: int = 0) -> Any:  # fmt: skip
        """In place of ``builtins.__import__``."""
        if level or not _is_torch(name):
            return self.real_statement(name, globals, locals, fromlist, level)
        if _is_served_with_the_real(globals):
            with self.hidden():
                return self.real_statement(name, globals, locals, fromlist, level)
        module = self.find(name)
        for wanted in fromlist or ():
            if wanted != "*" and not hasattr(module, wanted):
                self.find_from(name, wanted)
        return module if fromlist else sys.modules[_OURS]

    def function(self, name: str, package: str | None = None) -> Any:
        """In place of ``importlib.import_module``."""
        if not _is_torch(name):
            return self.real_function(name, package)
        if _is_served_with_the_real(sys._getframe(1).f_globals):
            with self.hidden():
                return self.real_function(name, package)
        return self.find(name)

    def find(self, name: str) -> Any:
        """The module that stands for ``torch...``.

        Raises:
            ModuleNotFoundError: names what xpgrad does not have.
        """
        ours = _OURS + name[len(_REAL) :]
        try:
            found: Any = self.real_function(ours)
        except ModuleNotFoundError as error:
            if not (error.name or "").startswith(_OURS):
                raise
            parent, _, last = name.rpartition(".")
            found = getattr(self.find(parent), last, None)
            if found is None or callable(found):  # a namespace may be an object, a function is no module
                raise ModuleNotFoundError(
                    f"No module named '{name}': xpgrad stands for PyTorch here, and has no {ours}", name=name
                ) from None
        self.show()
        return found

    def find_from(self, name: str, wanted: str) -> None:
        """Import what ``from name import wanted`` asks for, where `wanted` may be a module that is not yet imported."""
        try:
            self.find(f"{name}.{wanted}")
        except ModuleNotFoundError:
            raise ImportError(
                f"cannot import name '{wanted}' from '{name}': xpgrad stands for PyTorch here, and has no "
                f"{_OURS}{name[len(_REAL) :]}.{wanted}", name=name) from None  # fmt: skip

    def show(self) -> None:
        """Put our modules under PyTorch's names into `sys.modules`, unless the real PyTorch is there."""
        if _REAL in sys.modules and _REAL not in self.shown:
            return
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] == _OURS:
                self.shown[_REAL + name[len(_OURS) :]] = module
        sys.modules.update(self.shown)

    def hide(self) -> None:
        """Take them out again."""
        for name, module in self.shown.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]
        self.shown = {}

    @contextlib.contextmanager
    def hidden(self) -> Iterator[None]:
        """A block in which the real PyTorch may be imported; where it was, ours stay hidden."""
        self.hide()
        try:
            yield
        finally:
            self.show()


def _is_torch(name: str) -> bool:
    return name.partition(".")[0] == _REAL


def _is_served_with_the_real(importer: Mapping[str, Any] | None) -> bool:
    """Whether a module with these globals is to be given the real PyTorch."""
    name = (importer or {}).get("__name__") or ""
    return not _SERVED_WITH_THE_REAL.isdisjoint(name.split("."))

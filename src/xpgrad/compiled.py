"""`compile`: a plain imperative step as one program of the library's own compiler.

The first call with new shapes runs the step as it is, watched (see `watching`), so that all which a first step makes,
momenta say, is there. The second traces it: the cells that it reads are inputs, those that it writes are outputs, and
when the trace is over every cell holds again what it held. From then on the program runs, and its outputs are written
back. Random draws and learning rates are inputs too; a schedule's step is made by Python at each call.
"""

from __future__ import annotations

import contextlib
import functools
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from . import arrays, trees
from .backend import get_backend
from .backward import walk
from .graph import Node
from .modes import enable_grad, modes
from .tensor import Tensor, current, edge_of, make
from .views import Storage
from .watching import Cell, CompileError, Unforeseen, Watch, content, put, watching

_lock = threading.RLock()


class Program:
    """A compiled step, for arguments of certain shapes and a certain state of what its Python looks at.

    Args:
        step: from leaves of arguments, Tensors among them, to whatever the user's function returns.
        watch: what a run of it did.
        compiler: the backend's.
    """

    def __init__(self, step: Callable[[list[Any]], Any], watch: Watch, compiler: Callable[..., Any]) -> None:
        self._step = step
        self._cells = [cell for cell, _ in watch.outside.values() if cell[1] != "_grad"]
        self._events = watch.events
        self._guards = list(watch.guards.values())
        self._compiler = compiler
        self._examples = watch.values

    def prepare(self, leaves: list[Any]) -> None:
        """Trace the step, until every cell that it reads is an input. Nothing is written, drawn or scheduled."""
        while True:
            self._new: list[Cell] = []
            self._forward, self._backward = self._compiler(self._trace), self._compiler(self._trace_backward)
            self._forward(*self._inputs(leaves, self._examples))
            if not self._new:
                self._examples = []
                return
            self._cells += self._new

    def _inputs(self, leaves: list[Any], events: list[Any]) -> tuple[list[Any], list[Any], list[Any]]:
        given = [leaf.array if isinstance(leaf, Tensor) else leaf for leaf in leaves if _traced(leaf)]
        states = [current(owner) if name == "_array" else owner.array for owner, name in self._cells]
        return states, given, [e for e in events if e is not None]

    def holds(self) -> bool:
        """Whether everything that the step's Python looks at is as it was."""
        return all(look() == seen for look, seen in self._guards)

    def __call__(self, leaves: list[Any]) -> Any:
        """Run the program, and write back what the step would have written."""
        inputs = self._inputs(
            leaves, [subject["lr"] if kind == "rate" else subject() for kind, subject in self._events]
        )
        out, values = self._forward(*inputs)
        for cell, kept, value in zip(self._written, self._kept, _spread(self._arrays, values), strict=True):
            owner, name = cell
            put(cell, value if value is None or name != "_grad" else make(value))
            if kept is not None:
                put(cell, kept)
            if isinstance(owner, Storage):
                owner.version += 1
        for owner, _ in self._written:  # a view that was only read is refreshed later
            if isinstance(owner, Tensor) and owner._view is not None:
                owner._version = owner._view.storage.version
        tensors = iter([make(a) for a in out])
        results = [plain[0] if plain else next(tensors) for plain in self._plain]
        if modes.grad and any(self._differentiable):
            node = _ProgramNode(self, inputs, leaves, results)
            for i, t in enumerate(results):
                if self._differentiable[i]:
                    t._node, t._index = node, i
        return self._output.unflatten(results)

    @contextlib.contextmanager
    def _inside(self, states: list[Any], events: list[Any]) -> Iterator[Watch]:
        """The step's world with the program's inputs in its cells; afterwards everything is as it was."""
        values = iter(events)
        given = iter([None if kind == "schedule" else next(values) for kind, _ in self._events])
        watch = Watch(given, self._cells)
        before = [content(cell) for cell in self._cells]
        for cell, value in zip(self._cells, states, strict=True):
            put(cell, value)
        try:
            with watching(watch):
                yield watch
        finally:
            for cell, value in watch.outside.values():
                put(cell, value)
            for cell, value in zip(self._cells, before, strict=True):
                put(cell, value)

    def _trace(self, states: list[Any], given: list[Any], events: list[Any]) -> Any:
        """What the compiler sees: the step; returns the arrays of its results and of what it wrote."""
        with self._inside(states, events) as watch:
            leaves, self._output = trees.flatten(self._step(given))
            trained = any(name == "_grad" for _, name in watch.written.values())
            self._plain = [() if isinstance(leaf, Tensor) else (leaf,) for leaf in leaves]
            self._differentiable = [isinstance(leaf, Tensor) and leaf.requires_grad and not trained for leaf in leaves]
            out = [leaf.array for leaf in leaves if isinstance(leaf, Tensor)]
            del leaves
            self._new = watch.new
            self._written = list(watch.written.values())
            self._arrays, self._kept, values = [], [], []
            for value in map(content, self._written):
                outside = isinstance(value, Tensor) and not any(made() is value for made in watch.made)
                array = value.array if isinstance(value, Tensor) and not outside else value
                self._kept.append(value if outside else None)
                self._arrays.append(array is not None and not outside)
                if self._arrays[-1]:
                    values.append(array)
            value = None
        for made in watch.made:
            kept = made()
            if kept is not None:
                raise CompileError(
                    f"the step keeps a Tensor that it makes, of shape {list(kept.shape)} and {kept.dtype}; a "
                    "compiled step can only write, in place, into Tensors that were there before"
                )
        return out, values

    def _trace_backward(self, states: list[Any], given: list[Any], events: list[Any], grads: list[Any]) -> Any:
        """The step once more, and the walk from its results to the cells and arguments that require grad."""
        with self._inside(states, events), enable_grad():
            tensors = [make(a) for a in given]
            for t in tensors:
                t.requires_grad = t.dtype.is_floating_point or t.dtype.is_complex
            leaves, _ = trees.flatten(self._step(tensors))
            wanted = zip(map(edge_of, leaves), self._differentiable, grads, strict=True)
            roots = [(edge, g) for edge, needed, g in wanted if edge is not None and needed and g is not None]
            targets = [edge_of(t) for t in (*self.sources(), *tensors)]
            found = walk(roots, keep=False, recording=False, targets={e for e in targets if e}, accumulate=False)
            return [None if edge is None else found.get(edge) for edge in targets]

    def sources(self) -> list[Tensor]:
        """The Tensors among the cells that gradients flow to."""
        return [o for o, name in self._cells if isinstance(o, Tensor) and name == "_array" and o._requires_grad]


class _ProgramNode(Node):
    """A program's place in the graph: its rule is another program, which computes the step anew."""

    def __init__(self, program: Program, inputs: Any, leaves: list[Any], results: list[Any]) -> None:
        sources = [*program.sources(), *[leaf for leaf in leaves if _traced(leaf)]]
        edges = tuple([edge_of(t) if isinstance(t, Tensor) else None for t in sources])
        outputs = tuple([(t._array.shape, t._array.dtype) if isinstance(t, Tensor) else ((), None) for t in results])
        super().__init__(edges, outputs)
        self._program, self._inputs = program, inputs

    def name(self) -> str:
        """What the graph shows."""
        return "CompiledBackward"

    def pull(self, grads: list[Any], place: Any, keep: bool) -> Any:
        """The gradients of everything that the program read."""
        if place is not None:
            raise RuntimeError(
                "a compiled function can be differentiated once; call the plain one for higher orders, or "
                "compile the function that takes the gradient"
            )
        return self._program._backward(*self._inputs, grads)


def _traced(leaf: Any) -> bool:
    return isinstance(leaf, Tensor) or arrays.is_array(leaf)


def _spread(present: list[bool], values: list[Any]) -> list[Any]:
    """`values` with None where nothing is present."""
    rest = iter(values)
    return [next(rest) if there else None for there in present]


class Compiled:
    """A function, or a module, that runs as a program; attributes are those of what was compiled."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.__wrapped__ = function
        self._programs: dict[Any, list[Program]] = {}
        self._watched: dict[Any, Watch] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__wrapped__, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        function = self.__wrapped__
        leaves, structure = trees.flatten((args, kwargs))
        compiler = self._compiler(leaves)
        if compiler is None:
            return function(*args, **kwargs)
        key = (structure, modes.grad, tuple([_signature(leaf) for leaf in leaves]))
        with _lock:
            for program in self._programs.get(key, []):
                if program.holds():
                    return program(leaves)
            watch = self._watched.pop(key, None)
            if watch is None or not all(look() == seen for look, seen in watch.guards.values()):
                watch = self._watched[key] = Watch()
                with watching(watch):
                    return function(*args, **kwargs)
            static = [None if _traced(leaf) else leaf for leaf in leaves]
            which = [i for i, leaf in enumerate(leaves) if _traced(leaf)]

            def step(given: list[Any]) -> Any:
                filled = list(static)
                for i, value in zip(which, given, strict=True):
                    filled[i] = value if isinstance(value, Tensor) or not isinstance(leaves[i], Tensor) else make(value)
                inner_args, inner_kwargs = structure.unflatten(filled)
                return function(*inner_args, **inner_kwargs)

            program = Program(step, watch, compiler)
            try:
                program.prepare(leaves)
            except Unforeseen:
                return self(*args, **kwargs)  # another course of events: watch again
            except CompileError:
                raise
            except Exception as error:
                raise _explained(error) from error
            self._programs.setdefault(key, []).append(program)
            return program(leaves)

    def _compiler(self, leaves: list[Any]) -> Callable[..., Any] | None:
        tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
        parameters = getattr(self.__wrapped__, "parameters", None)
        tensors += list(parameters())[:1] if callable(parameters) else []
        return tensors[0].library.backend.compile if tensors else get_backend().compile


def _signature(leaf: Any) -> Any:
    if isinstance(leaf, Tensor):
        return tuple(leaf.shape), leaf.dtype, leaf.requires_grad
    if arrays.is_array(leaf):
        return tuple(leaf.shape), str(leaf.dtype)
    return type(leaf), leaf if getattr(leaf, "__hash__", None) else id(leaf)


def _explained(error: Exception) -> Exception:
    """An error of the trace with the user's line; the step has changed nothing."""
    here = __file__.rpartition("/")[0]
    frames = [f for f in traceback.extract_tb(sys.exc_info()[2]) if not f.filename.startswith(here)
              and "site-packages" not in f.filename]  # fmt: skip
    at = f" at {frames[-1].filename}:{frames[-1].lineno}: {frames[-1].line}" if frames else ""
    return CompileError(
        f"compile: the step cannot become one program{at}\nA value that the program computes cannot decide what "
        f"Python does (if, while, float(), item()); use where, or keep it outside. ({type(error).__name__}: "
        f"{str(error).splitlines()[0] if str(error) else ''})"
    )


def compile(model: Callable[..., Any] | None = None, **options: Any) -> Any:
    """A function or module as one program of the library's compiler; on a library without one, itself.

    A plain imperative training step may be compiled: it may zero gradients, call backward, clip, step optimizers and
    schedulers, draw dropout masks and update buffers. The state that it touches is found, and written back after each
    call. Another shape, or another `training` flag, makes another program.

    Args:
        model: a function of Tensors (in nested tuples, lists and dicts) and other arguments, or a module. Other
            arguments are constants of the program: another value makes another program.
        options: PyTorch's; accepted, without effect.

    Raises:
        CompileError: at the call, if Python branches on a value that the program computes; names the line.

    Example:
        >>> import xpgrad
        >>> double = xpgrad.compile(lambda x: x * 2)
        >>> double(xpgrad.ones(2))
        tensor([2., 2.])
    """
    if model is None:
        return functools.partial(compile, **options)
    return Compiled(model)


__all__ = ["CompileError", "compile"]

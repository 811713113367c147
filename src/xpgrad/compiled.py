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
from .watching import Cell, CompileError, Unforeseen, Watch, content, put, watches, watching

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
        self._cells: list[Cell] = []
        self._lift([cell for cell, _ in watch.outside.values() if cell[1] != "_grad"])
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
            self._lift(self._new)

    def _lift(self, new: list[Cell]) -> None:
        """Make `new` cells inputs."""
        cells = self._cells + new
        self._tensors = [owner for owner, _ in cells if isinstance(owner, Tensor)]
        self._storages = [owner for owner, _ in cells if isinstance(owner, Storage)]
        self._cells = [*[(t, "_array") for t in self._tensors], *[(s, "array") for s in self._storages]]

    def _inputs(self, leaves: list[Any], events: list[Any]) -> tuple[list[Any], list[Any], list[Any]]:
        given = [leaf.array if isinstance(leaf, Tensor) else leaf for leaf in leaves if _traced(leaf)]
        states = [t._array if t._view is None else current(t) for t in self._tensors]
        states += [storage.array for storage in self._storages]
        return states, given, [e for e in events if e is not None]

    def holds(self) -> bool:
        """Whether everything that the step's Python looks at is as it was."""
        return all(look() == seen for look, seen in self._guards)

    def __call__(self, leaves: list[Any]) -> Any:
        """Run the program, and write back what the step would have written."""
        inputs = self._inputs(
            leaves, [subject["lr"] if kind == "rate" else subject() for kind, subject in self._events]
        )
        outputs = self._forward(*inputs)
        for storage, i in self._to_storages:
            storage.array = outputs[i]
            storage.version += 1
        for t, i in self._to_tensors:
            t._array = outputs[i]
            if t._view is not None:  # a view that was only read is refreshed later
                t._version = t._view.storage.version
        for t, i in self._to_grads:
            t._grad = make(outputs[i])
        for t, grad in self._set_grads:
            t._grad = grad
        results: list[Any] = [make(outputs[i]) if i is not None else plain for i, plain in self._results]
        if modes.grad and any(self._differentiable):
            node = _ProgramNode(self, inputs, leaves, results)
            for i, result in enumerate(results):
                if self._differentiable[i]:
                    result._node, result._index = node, i
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
            self._differentiable = [isinstance(leaf, Tensor) and leaf.requires_grad and not trained for leaf in leaves]
            self._new = watch.new
            outputs = _Numbered()
            self._results = [
                (outputs.add(leaf.array), None) if isinstance(leaf, Tensor) else (None, leaf) for leaf in leaves
            ]
            del leaves
            self._sort_written(list(watch.written.values()), {id(made()) for made in watch.made}, outputs)
        for made in watch.made:
            kept = made()
            if kept is not None:
                raise CompileError(
                    f"the step keeps a Tensor that it makes, of shape {list(kept.shape)} and {kept.dtype}; a "
                    "compiled step can only write, in place, into Tensors that were there before"
                )
        return outputs.all

    def _sort_written(self, cells: list[Cell], made: set[int], outputs: _Numbered) -> None:
        """Note where the program's outputs go: each written cell, or leaf of gradients, and the number of its output.

        Args:
            made: by identity, the Tensors that the step made; other gradients were there before and are just set.
        """
        self._to_tensors: list[tuple[Tensor, int]] = []
        self._to_storages: list[tuple[Storage, int]] = []
        self._to_grads: list[tuple[Tensor, int]] = []
        self._set_grads: list[tuple[Tensor, Tensor | None]] = []
        for cell in cells:
            owner, name = cell
            value = content(cell)
            if name == "_array":
                self._to_tensors.append((owner, outputs.add(value)))
            elif name == "array":
                self._to_storages.append((owner, outputs.add(value)))
            elif value is not None and id(value) in made:
                self._to_grads.append((owner, outputs.add(value.array)))
            else:
                self._set_grads.append((owner, value))

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


class _Numbered:
    """A program's outputs; an array that goes to several places is one of them."""

    def __init__(self) -> None:
        self.all: list[Any] = []
        self._numbers: dict[int, int] = {}

    def add(self, array: Any) -> int:
        """The number of `array` among the outputs."""
        number = self._numbers.setdefault(id(array), len(self.all))
        if number == len(self.all):
            self.all.append(array)
        return number


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
        leaves, structure = _taken_apart(args, kwargs)
        compiler = self._compiler(leaves)
        if compiler is None:
            return function(*args, **kwargs)
        key = (structure, modes.grad, tuple([_signature(leaf) for leaf in leaves]))
        with _lock:
            if watches:  # within another compiled step it is a part of that
                return function(*args, **kwargs)
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


def _taken_apart(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[list[Any], trees.Structure]:
    """The leaves of the arguments, and their structure; at once where every argument is a Tensor."""
    if not kwargs and all(isinstance(a, Tensor) for a in args):
        return list(args), _row(len(args))
    return trees.flatten((args, kwargs))


@functools.cache
def _row(count: int) -> trees.Structure:
    """The structure of so many arguments that are leaves."""
    return trees.structure(((0,) * count, {}))


def _signature(leaf: Any) -> Any:
    if isinstance(leaf, Tensor):
        return tuple(leaf._array.shape), leaf._array.dtype, leaf.requires_grad
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

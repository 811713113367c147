"""What an op is: a forward, and one gradient rule for each array that it takes.

    op("multiply", lambda xp, g, x2: g * conj(xp, x2),
                   lambda xp, g, x1: g * conj(xp, x1))

`g` is the gradient that comes in, and the rule returns the gradient of its argument. The other names in a rule say
what it reads, and nothing else is kept by the graph:

    x1, x2, x ...   an array argument, by the name that it has in the op's signature
    y               the output (a tuple, for an op with several)
    x_shape         an argument's shape; the array itself is not kept
    axis, ...       any other parameter of the call; give it the signature's default

`xp` is the library's own namespace (a `Library`) with raw arrays in first-order walks, and the namespace of Tensors
with Tensors when the walk itself is recorded, so one rule serves every order.

Laws, each held by a test:
1. Closure. Every `xp.name` in a rule is itself a registered op. Forwards may use any standard function.
2. Arrays are values. No indexed assignment, no `out=`, no branching on data. `y += t` on a fresh local array is fine.
3. Keep only what a rule reads.
4. No reference cycles. A graph is freed when its last Tensor goes, without the garbage collector.
5. dtype and device are kept. Only `item`, `tolist`, `numpy` and printing bring an array to the host.

The walk, not the rule, sums a broadcast gradient back to its argument's shape, takes the real part where the argument
is real, and gives it the argument's dtype.
"""

from __future__ import annotations

import collections
import functools
from collections.abc import Callable, Mapping
from typing import Any

from . import arrays, backend, dtypes, standard

Rule = Callable[..., Any]


class Op:
    """A registered op. Attributes:

    name: its name in the namespaces; args: the names of its array arguments (``("*arrays",)`` for a sequence);
    forward: ``forward(xp, *arrays, **params)``, or None where it is the library's own ``xp.<name>``;
    rules: one for each array argument, None where there is no gradient;
    joint: in place of `rules`, one rule that returns all gradients at once;
    operator: the Python operator that every array has for it; outputs: names of several outputs;
    node: the name that PyTorch's graph shows; real: whether complex numbers are refused;
    differentiable: whether it has rules; plans: how calls are recorded (see `graph.Plan`), for those met so far.
    """

    __slots__ = ("args", "differentiable", "fallback", "floats", "forward", "joint", "keeps", "name", "node",
                 "operator", "outputs", "plans", "promotes", "reads", "real", "rules", "variadic")  # fmt: skip

    def __init__(self, name: str, rules: tuple[Rule | None, ...], *, forward: Callable[..., Any] | None,
                 joint: Rule | None, args: str | None, operator: Callable[..., Any] | None, outputs: str,
                 node: str | None, floats: bool, promotes: bool, fallback: bool) -> None:  # fmt: skip
        self.name = name
        self.forward = forward
        self.rules = rules
        self.joint = joint
        self.operator = operator
        self.args = tuple(args.split()) if args else ("x",) if len(rules) == 1 else ("x1", "x2")
        self.variadic = self.args[0].startswith("*")
        self.outputs = tuple(outputs.split())
        self.node = node or "".join(part.capitalize() for part in name.split("_")) + "Backward0"
        self.floats = floats
        self.promotes = promotes
        self.fallback = fallback
        self.real = name in standard.REAL_ONLY
        self.differentiable = bool(rules) or joint is not None
        self.plans: dict[int, Any] = {}
        self.reads = tuple(_reads(rule) for rule in rules) if joint is None else (_reads(joint),)
        self.keeps = frozenset(name for names in self.reads for name in names)

    def __repr__(self) -> str:
        return f"<op {self.name}>"


def _reads(rule: Rule | None) -> tuple[str, ...]:
    """The names after `xp, g` in a rule's signature: what it reads."""
    if rule is None:
        return ()
    code = rule.__code__
    return code.co_varnames[2 : code.co_argcount + code.co_kwonlyargcount]


@functools.cache
def result_type(op: Op) -> Any:
    """The named tuple that an op with several outputs returns."""
    return collections.namedtuple(op.name.rpartition(".")[2], op.outputs)


OPS: dict[str, Op] = {}
EXTENSIONS = ("linalg", "fft")


def op(name: str, *rules: Rule | None, forward: Callable[..., Any] | None = None, joint: Rule | None = None,
       args: str | None = None, operator: Callable[..., Any] | None = None, outputs: str = "", node: str | None = None,
       floats: bool = False, promotes: bool = False, fallback: bool = False) -> Op:  # fmt: skip
    """Register an op.

    Args:
        name: its name; the standard's where the standard has it.
        rules: one gradient rule for each array argument, None where that argument has no gradient.
        forward: ``forward(xp, *arrays, **params)``; the library's own function of that name if not given.
        joint: one rule that returns a tuple of all gradients, where they share work. It may name `needs`, a tuple
            of bools that says which are asked for, and return None for the others. With a variadic op it may name
            `arrays` and `shapes`.
        args: names of the array arguments; ``x`` or ``x1 x2`` if not given; ``*arrays`` for one sequence of arrays.
        operator: the Python operator that every array has for it (taken first: it accepts Python scalars).
        outputs: names of the outputs, where there are several.
        node: the name that PyTorch prints for its node.
        floats: integers are converted to the default floating dtype first, as PyTorch does.
        promotes: arguments of different dtypes are promoted to a common one first, as PyTorch does.
        fallback: `forward` serves only the libraries that lack a function of this name.

    Example:
        >>> from xpgrad.op import op, OPS
        >>> op("cube", lambda xp, g, x: 3 * g * x * x, forward=lambda xp, x: x * x * x)
        <op cube>
        >>> del OPS["cube"]
    """
    made = Op(name, rules, forward=forward, joint=joint, args=args, operator=operator, outputs=outputs, node=node,
              floats=floats, promotes=promotes, fallback=fallback)  # fmt: skip
    OPS[name] = made
    return made


COMPOSITES: dict[str, Callable[..., Any]] = {}


def composite(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register ``function(xp, ...)``, written in terms of other functions whose records carry its gradient.

    Its first parameter is the namespace of Tensors when it is called on them.

    Raises:
        ValueError: if there is a composite of that name already.

    Example:
        >>> from xpgrad.op import COMPOSITES, composite
        >>> @composite("thrice")
        ... def thrice(xp, x, /):
        ...     return x + x + x
        >>> COMPOSITES.pop("thrice") is thrice
        True
    """

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        if name in COMPOSITES:
            raise ValueError(f"there is a composite '{name}' already; choose another name")
        COMPOSITES[name] = function
        return function

    return register


class _Overlaid:
    """A namespace in which some functions stand in front of its own."""

    def __init__(self, native: Any, functions: Mapping[str, Callable[..., Any]]) -> None:
        self._native = native
        self.__dict__.update(functions)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._native, name)
        setattr(self, name, value)
        return value


class Library:
    """One array library as forwards and rules see it: its own namespace, and every registered op beside it.

    ``library.exp`` is the library's function; ``library.softmax`` is that op's forward; ``library.native`` the bare
    namespace, with the backend's quicker spellings if it has any; ``library.backend`` what is known of the library.
    ``library.linalg`` and ``library.fft`` are the same for the library's extension of that name, whose ops are
    registered with a dot; their forwards get the whole library.
    """

    def __init__(self, native: Any, whole: Library | None = None, prefix: str = "") -> None:
        self.backend: backend.Backend = whole.backend if whole is not None else backend.of_namespace(native)
        quicker = self.backend.functions if whole is None else {}
        self.native: Any = _Overlaid(native, quicker) if quicker else native
        self._whole = whole
        self._prefix = prefix

    def __getattr__(self, name: str) -> Any:
        found = OPS.get(self._prefix + name)
        extension, dot, rest = name.partition(".")
        if dot:
            value = getattr(getattr(self, extension), rest)
        elif found is None:
            value = getattr(self.native, name)
            if name in EXTENSIONS and not self._prefix:
                value = Library(value, self, f"{name}.")
        elif found.operator is not None:
            value = found.operator
        elif found.forward is not None and not (found.fallback and hasattr(self.native, name)):
            value = functools.partial(found.forward, self._whole or self)
        else:
            value = getattr(self.native, name)
        setattr(self, name, value)  # the next look-up is an attribute of the instance
        return value


_libraries: dict[type, Library] = {}
_by_namespace: dict[int, Library] = {}


def library_of(array: Any) -> Library:
    """The `Library` of a raw array, remembered by its type."""
    found = _libraries.get(type(array))
    if found is None:
        found = _libraries[type(array)] = library(arrays.namespace_of(array))
    return found


def library(native: Any) -> Library:
    """The `Library` around a namespace; one for each."""
    found = _by_namespace.get(id(native))
    if found is None:
        found = _by_namespace[id(native)] = Library(native)
    return found


def device_of(x: Any) -> Any:
    """Where an array lies, for a new one beside it; None, the library's own choice, for a compiler's tracer."""
    return getattr(x, "device", None)


def conj(xp: Any, x: Any) -> Any:
    """The complex conjugate of an array or a number; what is real as it is."""
    try:
        dtype = x.dtype
    except AttributeError:
        return x.conjugate()
    return xp.conj(x) if dtypes.from_native(dtype).is_complex else x

"""Views and in-place writes, on libraries whose arrays may not be written to.

Arrays are values here, so a write gives a Tensor a *new* array. What makes that look like PyTorch's memory: Tensors
that share memory share a `Storage`, and each knows the steps that lead from the storage's array to its own. A write
through one is carried back, step by step, into a new array for the storage; whoever looks at another finds the
storage's version changed, and takes its steps again. A step that cannot be undone (`broadcast_to`) refuses the write.

A view also knows its *base*, the Tensor whose history it shares: a recorded write through the view becomes part of the
base's history, and the view's history is read off the base anew. `detach` shares the storage and starts a history of
its own. The graph holds arrays, so it never sees them change: gradients are those of the values computed with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from . import dtypes, tensor
from .graph import differentiable
from .modes import enable_grad, modes, no_grad
from .op import OPS, Op, device_of
from .operands import ArgumentError
from .tensor import Tensor, apply, current, make

Step = tuple[Op, Mapping[str, Any]]


class Storage:
    """An array that several Tensors look at, and how often it was written."""

    __slots__ = ("array", "version")

    def __init__(self, array: Any, version: int) -> None:
        self.array = array
        self.version = version


class View:
    """How a Tensor looks at a storage.

    Attributes:
        storage: what it looks at.
        path: (the path before, op, params): the steps from the storage's array; None where there are none.
        base: the Tensor whose history it shares, and `depth`, how many of the last steps lead from there; None and 0
            for a history of its own.
        silent: it was made while nothing was recorded, so that its history cannot follow a write.
    """

    __slots__ = ("base", "depth", "path", "silent", "storage")

    def __init__(self, storage: Storage, path: Any, base: Tensor | None = None, depth: int = 0,
                 silent: bool = False) -> None:  # fmt: skip
        self.storage = storage
        self.path = path
        self.base = base
        self.depth = depth
        self.silent = silent

    def steps(self) -> list[Step]:
        """The steps of the path, in order."""
        out: list[Step] = []
        path = self.path
        while path is not None:
            path, op, params = path
            out.append((op, params))
        return out[::-1]

    def living_base(self) -> Tensor | None:
        """The base, unless it was given another storage by ``base.data = ...``."""
        base = self.base
        return base if base is not None and base._view is not None and base._view.storage is self.storage else None

    def refresh(self, t: Tensor) -> None:
        """Take the steps again, since the storage has changed."""
        t._version = self.storage.version
        base = self.living_base()
        if base is not None and base.requires_grad:
            with enable_grad():
                again = _follow(base, self.steps()[-self.depth :])[-1]
            t._node, t._index, t._requires_grad = again._node, again._index, False
        else:
            again = _follow(make(self.storage.array), self.steps())[-1]
            t._node = t._node if base is None else None
        t._array = again._array


def _follow(start: Tensor, steps: list[Step]) -> list[Tensor]:
    """`start` and what each of the steps makes of it."""
    stops = [start]
    for op, params in steps:
        stops.append(apply(op, (stops[-1],), params))
    return stops


def _shared(t: Tensor) -> View:
    """How `t` looks at its storage; the first who asks makes the storage."""
    if t._view is None:
        t._view = View(Storage(t._array, t._version), None)
    return t._view  # type: ignore[no-any-return]


def _make_view(out: Tensor, base: Any, op: Op, params: Mapping[str, Any]) -> None:
    """Let `out` be a view of `base`."""
    if not isinstance(base, Tensor) or (op.name == "getitem" and not _basic(params["key"])):
        return
    outer = _shared(base)
    path = (outer.path, op, params)
    if outer.silent or not modes.grad:
        out._view = View(outer.storage, path, silent=True)
    elif outer.base is None:
        out._view = View(outer.storage, path, base, 1)
    else:
        out._view = View(outer.storage, path, outer.base, outer.depth + 1)
    out._version = outer.storage.version


tensor.make_view = _make_view


def _basic(key: Any) -> bool:
    keys = key if isinstance(key, tuple) else (key,)
    return all(k is None or k is Ellipsis or (isinstance(k, int | slice) and not isinstance(k, bool)) for k in keys)


def detach(t: Tensor) -> Tensor:
    """The same array without the graph; writes to either are seen by both."""
    out = make(current(t))
    outer = _shared(t)
    out._view, out._version = View(outer.storage, outer.path), outer.storage.version
    return out


def _undo(before: Tensor, step: Step, value: Tensor) -> Any:
    """`before` with what `step` takes from it replaced by `value`."""
    op, params = step
    name = op.name
    if name in ("reshape", "expand_dims", "squeeze") or (name == "broadcast_to" and value.shape == before.shape):
        return apply(OPS["reshape"], (value,), {"shape": tuple(before.shape)})
    if name == "permute_dims":
        axes = [a % before.ndim for a in params["axes"]]
        return apply(OPS["permute_dims"], (value,), {"axes": tuple(axes.index(i) for i in range(before.ndim))})
    if name in ("matrix_transpose", "t"):
        return apply(op, (value,))
    if name == "getitem":
        return apply(OPS["setitem"], (before, value), params)
    if name in ("real", "imag") and not before.dtype.is_complex:
        return value
    if name == "real":
        return _complex(value, apply(OPS["imag"], (before,)))
    if name == "imag":
        return _complex(apply(OPS["real"], (before,)), value)
    raise RuntimeError(f"cannot write through a view made by {name}: more than one element of the written-to tensor "
                       "may refer to a single memory location; clone() the tensor before the operation")  # fmt: skip


def _complex(real: Tensor, imag: Tensor) -> Any:
    return apply(OPS["add"], (real, apply(OPS["multiply"], (imag, 1j))))


def _carry_back(stops: list[Tensor], steps: list[Step], value: Tensor) -> Tensor:
    """What the first of `stops` becomes when `value` is written at the end of `steps`."""
    for before, step in zip(reversed(stops), reversed(steps), strict=True):
        value = _undo(before, step, value)
    return value


def write(t: Tensor, value: Tensor) -> Tensor:
    """Give `t` the array and the history of `value`, in place; carried back to the storage and the base of `t`."""
    array = current(value)
    view: View | None = t._view
    if view is None:
        _adopt(t, value, array)
        t._version += 1
        return t
    current(t)
    if value._node is not None and view.silent:
        raise RuntimeError("A view was created in no_grad mode and is being modified inplace with grad mode enabled. "
                           "Its history could not follow: make the view with grad mode enabled, or write in no_grad "
                           "mode.")  # fmt: skip
    steps = view.steps()
    owner = view.living_base()
    outer = len(steps) - (view.depth if owner is not None else 0)  # steps from the storage to the owner of the history
    new = value
    if owner is not None:
        with enable_grad():
            stops = _follow(owner, steps[outer:-1])
        new = _carry_back(stops, steps[outer:], value)
    with no_grad():
        stops = _follow(make(view.storage.array), steps[:outer])[:-1]
        view.storage.array = current(_carry_back(stops, steps[:outer], make(current(new))))
    view.storage.version += 1
    target = owner if owner is not None else t
    _adopt(target, new, current(new))
    target._version = view.storage.version
    if owner is not None:
        view.refresh(t)
    return t


def put(t: Tensor, array: Any) -> None:
    """Give `t` another array, in place; for use while nothing is recorded."""
    if t._view is None:
        t._array = array
        t._version += 1
    else:
        write(t, make(array))


def _adopt(t: Tensor, value: Tensor, array: Any) -> None:
    """Take over the array of `value`; its history too, while recording."""
    t._array = array
    if value._node is not None:
        t._node, t._index, t._requires_grad, t._accumulator = value._node, value._index, False, None
        if "retains_grad" in t.__dict__:
            t.__dict__.pop("retains_grad").remove()
            t.retain_grad()
    elif modes.grad:
        t._node = None


def replace(t: Tensor, value: Any) -> None:
    """``t.data = value``: `t` looks at the storage of `value` from now on; views that were made of it do not.

    Raises:
        RuntimeError: if `t` requires grad and the dtype of `value` cannot.
    """
    value = value if isinstance(value, Tensor) else make(value)
    array = current(value)
    if t.requires_grad and not differentiable(array.dtype):
        raise RuntimeError("data set to a tensor that requires gradients must be floating point or complex, not "
                           f"{value.dtype}")  # fmt: skip
    other = _shared(value)
    if t._array.shape != array.shape or t._array.dtype != array.dtype:
        t._accumulator = None  # the node of the leaf says what shape and dtype its gradient has
    t._array, t._view, t._version = array, View(other.storage, other.path), other.storage.version


def in_place(t: Tensor, name: str, compute: Callable[[Tensor], Tensor]) -> Tensor:
    """Write ``compute(t)`` into `t`, with PyTorch's refusals.

    Args:
        name: the method's name, for errors.
        compute: from `t` to a Tensor of a shape that broadcasts to the same.
    """
    refuse_leaf(t)
    value = compute(t)
    if tuple(value.shape) != tuple(t.shape):
        raise ArgumentError(f"{name}: output with shape {list(t.shape)} doesn't match the broadcast shape "
                            f"{list(value.shape)}")  # fmt: skip
    return write(t, fit_dtype(t, name, value))


def fit_dtype(t: Tensor, name: str, value: Tensor) -> Tensor:
    """`value` in the dtype of `t`; a float never goes into an integer Tensor, nor a complex into a real one."""
    if value.dtype is t.dtype:
        return value
    if dtypes.rank(value.dtype) > dtypes.rank(t.dtype):
        raise RuntimeError(f"{name}: result type {value.dtype.name} can't be cast to the desired output type "
                           f"{t.dtype.name}")  # fmt: skip
    return apply(OPS["astype"], (value,), {"dtype": t.dtype})  # type: ignore[no-any-return]


def refuse_leaf(t: Tensor) -> None:
    """Raise if `t` is a leaf that requires grad, or a view of one, while recording."""
    if not modes.grad:
        return
    if t._requires_grad:
        raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
    base = t._view.living_base() if t._view is not None else None
    if base is not None and base._requires_grad:
        raise RuntimeError("a view of a leaf Variable that requires grad is being used in an in-place operation.")


def set_item(t: Tensor, key: Any, value: Any) -> None:
    """``t[key] = value``, recorded; `value` is broadcast and cast."""
    refuse_leaf(t)
    if isinstance(value, Tensor) and value.dtype is not t.dtype:
        value = apply(OPS["astype"], (value,), {"dtype": t.dtype})
    elif not isinstance(value, Tensor):
        value = make(t.library.native.asarray(value, dtype=t._array.dtype, device=device_of(t._array)))
    write(t, apply(OPS["setitem"], (t, value), {"key": tensor.raw_key(key)}))

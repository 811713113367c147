"""Tensor, and `apply`: an array with a place in the graph, and the one function that calls an op on Tensors.

A Tensor holds an array of whichever library, and, if it was computed from something that requires grad, the `Node`
of that computation. Its attributes and operators are the Array API standard's; its named methods, PyTorch's, are
attached by `torch_names`. Arrays are values: in-place methods give the Tensor another array (see `views`).
"""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from . import arrays, devices, dtypes
from .graph import Edge, Node, OpNode, Outputs, accumulator, births, call_stack, differentiable, plan_of
from .hooks import NodeHooks
from .modes import modes
from .op import OPS, Library, Op, device_of, library_of, result_type
from .operands import PYTHON, convert, explained, native_params, python_number, refuse_complex
from .sizes import Count, Size

new: Callable[[type], Any] = object.__new__
_NO_PARAMS: Mapping[str, Any] = {}


class Tensor:
    """An array of any library that carries gradients.

    Attributes:
        requires_grad: whether gradients flow to it.
        grad: where `backward` accumulates, for a leaf.
        grad_fn: the node that computed it; None for a leaf.

    Example:
        >>> import xpgrad
        >>> x = xpgrad.tensor([1.0, 2.0], requires_grad=True)
        >>> (x * x).sum().backward()
        >>> x.grad
        tensor([2., 4.])
    """

    __slots__ = ("__dict__", "__weakref__", "_accumulator", "_array", "_grad", "_hooks", "_index", "_node",
                 "_requires_grad", "_version", "_view")  # fmt: skip
    _array: Any
    _node: Node | None
    _index: int
    _requires_grad: bool
    _grad: Tensor | None
    _view: Any
    _version: int
    _accumulator: Any
    _hooks: NodeHooks | None

    __array_ufunc__ = None  # NumPy's operators leave the work to ours
    __array_priority__ = 1000

    if TYPE_CHECKING:  # the methods that `torch_names`, `operators`, `views` and `namespace` attach

        def __getattr__(self, name: str) -> Any: ...
        def __array_namespace__(self, /, *, api_version: str | None = None) -> Any: ...
        def __setitem__(self, key: Any, value: Any) -> None: ...
        def _operator(self, other: Any) -> Any: ...
        def _sign(self) -> Any: ...

        __add__ = __sub__ = __mul__ = __truediv__ = __pow__ = __matmul__ = __and__ = __or__ = _operator
        __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rpow__ = __lt__ = __le__ = __gt__ = __ge__ = _operator
        __neg__ = __abs__ = __invert__ = _sign

    # -- the standard's attributes --

    @property
    def array(self) -> Any:
        """The library's own array, as it is now. Do not write to it."""
        array = current(self)
        return array if hasattr(array, "__dlpack__") else self.library.native.asarray(array)  # NumPy's 0-d results

    @property
    def library(self) -> Library:
        """The library that computes on this Tensor."""
        return library_of(self._array)

    @property
    def shape(self) -> Size:
        """Its shape."""
        return Size(self._array.shape)

    @property
    def ndim(self) -> int:
        """Its number of axes."""
        return len(self._array.shape)

    @property
    def size(self) -> Count:
        """Its number of elements; called, its shape or one extent of it."""
        return Count(self.shape)

    @property
    def dtype(self) -> dtypes.dtype:
        """Its dtype, the same object on every library."""
        return dtypes.from_native(self._array.dtype)

    @property
    def device(self) -> devices.device:
        """Where its array lies."""
        lib = self.library
        native = device_of(self._array)
        return devices.from_native(lib.backend.devices(lib.native)[0] if native is None else native, lib.backend)

    @property
    def T(self) -> Tensor:
        """The transpose: all axes reversed."""
        return apply(OPS["permute_dims"], (self,), {"axes": tuple(range(self.ndim))[::-1]})  # type: ignore[no-any-return]

    @property
    def mT(self) -> Tensor:
        """The last two axes swapped."""
        return apply(OPS["matrix_transpose"], (self,))  # type: ignore[no-any-return]

    # -- the graph --

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow to it."""
        if self._view is not None:
            current(self)
        return self._requires_grad or self._node is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if self.grad_fn is not None:
            if not value:
                raise RuntimeError("you can only change requires_grad flags of leaf variables. If you want to use a "
                                   "computed variable in a subgraph that doesn't require differentiation use "
                                   "var_no_grad = var.detach().")  # fmt: skip
            return
        if value and not differentiable(self._array.dtype):
            raise RuntimeError("only Tensors of floating point and complex dtype can require gradients, not "
                               f"{self.dtype}")  # fmt: skip
        if value and "inference" in self.__dict__:
            raise RuntimeError("Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.")
        self._requires_grad = bool(value)

    @property
    def grad(self) -> Tensor | None:
        """The gradient that `backward` has accumulated here, or None."""
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(f"assigned grad expected to be a Tensor or None but got grad of type {type(value)}")
            if value.shape != self.shape or value.dtype is not self.dtype:
                raise RuntimeError(f"assigned grad has data of shape {list(value.shape)} and type {value.dtype}, but "
                                   f"the tensor has {list(self.shape)} and {self.dtype}")  # fmt: skip
        self._grad = value

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded op computed it."""
        return self.grad_fn is None

    @property
    def grad_fn(self) -> Node | None:
        """The node that computed it; None for a leaf."""
        current(self)
        return self._node

    # -- what leaves the device --

    def numpy_array(self) -> Any:
        """The array on the host, as NumPy's; for printing and `numpy`. It does not look at requires_grad."""
        return to_host(self.library, current(self))

    def item(self) -> Any:
        """The one element, as a Python number.

        Raises:
            RuntimeError: if there is not exactly one.
        """
        if self.size != 1:
            raise RuntimeError(f"a Tensor with {int(self.size)} elements cannot be converted to Scalar")
        array = current(self)
        array = array if array.ndim == 0 else self.library.reshape(array, ())
        d = dtypes.from_native(array.dtype)
        if d.kind == "bool":
            return bool(array)
        if d.is_complex:
            return complex(array)
        return float(array) if d.is_floating_point else int(array)

    def __bool__(self) -> bool:
        if self.size != 1:
            count = "no values" if self.size == 0 else "more than one value"
            raise RuntimeError(f"Boolean value of Tensor with {count} is ambiguous")
        return bool(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __complex__(self) -> complex:
        return complex(self.item())

    def __index__(self) -> int:
        return current(self).__index__()  # type: ignore[no-any-return]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        if self.requires_grad:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        host = self.numpy_array()
        return host if dtype is None or host.dtype == dtype else host.astype(dtype)

    def __dlpack__(self, *, stream: Any = None, max_version: Any = None, dl_device: Any = None,
                   copy: bool | None = None) -> Any:  # fmt: skip
        if self.requires_grad:
            raise RuntimeError("Can't export Tensors that require gradient, use tensor.detach()")
        asked = {"stream": stream, "max_version": max_version, "dl_device": dl_device, "copy": copy}
        return self.array.__dlpack__(**{k: v for k, v in asked.items() if v is not None})

    def __dlpack_device__(self) -> Any:
        return self.array.__dlpack_device__()

    def __len__(self) -> int:
        if not self._array.shape:
            raise TypeError("len() of a 0-d tensor")
        return int(self._array.shape[0])

    def __iter__(self) -> Iterator[Tensor]:
        if not self._array.shape:
            raise TypeError("iteration over a 0-d tensor")
        return (self[i] for i in range(len(self)))

    def __contains__(self, value: Any) -> bool:
        return bool((self == value).any())

    __hash__ = object.__hash__

    # -- indexing --

    def __getitem__(self, key: Any) -> Tensor:
        return apply(OPS["getitem"], (self,), {"key": raw_key(key)})  # type: ignore[no-any-return]


def make(array: Any, node: Node | None = None, index: int = 0, cls: type[Tensor] = Tensor) -> Tensor:
    """A Tensor around a raw array, without a copy or a check."""
    t: Tensor = new(cls)
    t._array = array
    t._node = node
    t._index = index
    t._requires_grad = False
    t._grad = None
    t._view = None
    t._version = 0
    t._accumulator = None
    t._hooks = None
    return t


def current(t: Tensor) -> Any:
    """The array that `t` holds now; a view is brought up to date with its base first."""
    view = t._view
    if view is not None and view.storage.version != t._version:
        view.refresh(t)
    return t._array


def edge_of(t: Tensor) -> Edge | None:
    """Where the gradient of `t` goes."""
    if t._view is not None:
        current(t)
    if t._node is not None:
        return (t._node, t._index)
    return (accumulator(t), 0) if t._requires_grad else None


def to_host(xp: Library, array: Any) -> Any:
    """A raw array as NumPy's."""
    convert = xp.backend.to_numpy
    return convert(array) if convert is not None else arrays.host_array(array)


def raw_key(key: Any) -> Any:
    """An index with raw arrays in place of Tensors, and lists made arrays."""
    if isinstance(key, Tensor):
        return current(key)
    if isinstance(key, tuple):
        return tuple(raw_key(k) for k in key)
    return key


VIEWS = frozenset({"reshape", "expand_dims", "squeeze", "permute_dims", "matrix_transpose", "t",
                   "broadcast_to", "getitem", "real", "imag", "linalg.diagonal"})  # fmt: skip


def make_view(out: Tensor, base: Any, op: Op, params: Mapping[str, Any]) -> None:
    """Let `out` be a view of `base`; `views` puts its own in this place, for it knows what a view is."""


def apply(op: Op, args: tuple[Any, ...], params: Mapping[str, Any] = _NO_PARAMS) -> Any:
    """Call `op` on Tensors: compute on their arrays, and record the call if a gradient may be asked for.

    Args:
        op: a registered op.
        args: its array arguments: Tensors, raw arrays, Python scalars, or None.
        params: its other arguments, by keyword.
    """
    operands = args[0] if op.variadic else args
    recording = modes.grad
    raw: list[Any] = []
    edges: list[Edge | None] = []
    wanted, bit = 0, 1  # a bit for each operand that wants a gradient
    first = dtype = kind = None  # the first array, its dtype and type
    alike, scalars = True, False  # whether arrays are alike, and whether there are numbers beside them
    for a in operands:
        edge: Edge | None = None
        if isinstance(a, Tensor):
            array = a._array if a._view is None else current(a)
            if recording:
                node = a._node
                if node is not None:
                    edge = (node, a._index)
                    wanted |= bit
                elif a._requires_grad:
                    edge = (accumulator(a), 0)
                    wanted |= bit
            if first is None:
                first, dtype, kind = array, array.dtype, type(array)
            elif array.dtype is not dtype or type(array) is not kind:
                alike = False
            raw.append(array)
        else:
            if type(a) is float or type(a) is int:
                scalars = True
            else:
                alike = False
                if isinstance(a, numbers.Number) and type(a) not in PYTHON:
                    a = python_number(a)  # NumPy's scalars count as Python's
            raw.append(a)
        edges.append(edge)
        bit += bit
    if alike and (op.floats or scalars):
        alike = first is not None and (op.operator is not None or not scalars) and differentiable(dtype)
    xp = library_of(first) if alike else convert(op, raw)
    if op.real:
        refuse_complex(op, raw)
    if params:
        params = native_params(xp, params)
    forward = getattr(xp, op.name)
    try:
        y = forward(raw, **params) if op.variadic else forward(*raw, **params) if params else forward(*raw)
    except (TypeError, ValueError, RuntimeError, IndexError) as error:
        raise explained(op, raw, params, error) from error
    if type(y) is not kind:
        if op.outputs or type(y) is tuple or type(y) is list:
            return _several(op, xp, edges, raw, params, tuple([_array_like(first, o, xp) for o in y]), type(y), wanted)
        y = _array_like(first, y, xp)
    if wanted and op.differentiable and (y.dtype is dtype or differentiable(y.dtype)):
        out = make(y, _record(op, xp, edges, raw, params, y, ((y.shape, y.dtype),), wanted))
    else:
        out = make(y)
        if modes.inference:
            out.__dict__["inference"] = True
    if op.name in VIEWS:
        make_view(out, args[0], op, params)
    return out


def _array_like(first: Any, y: Any, xp: Library) -> Any:
    """`y` as an array; NumPy returns scalars in place of 0-d arrays."""
    return y if type(y) is type(first) else xp.native.asarray(y)


def _record(op: Op, xp: Library, edges: list[Edge | None], raw: list[Any], params: Mapping[str, Any], y: Any,
            outputs: Outputs, wanted: int) -> Node:  # fmt: skip
    """The node of a call: edges to the arguments' nodes, and what the rules will read."""
    plan = plan_of(op, wanted)
    node: OpNode = new(plan.node_type)  # what Node.__init__ sets is set here, without a call
    node.edges = edges
    node.outputs = outputs
    node.birth = next(births)
    node.hooks = None
    node.called_at = call_stack() if modes.anomaly else None
    raw.append(y)
    node.plan = plan
    node.xp = xp
    node.params = params
    node.saved = plan.save(raw, edges) if plan.facts else plan.arrays(raw)
    return node


def _several(op: Op, xp: Library, edges: list[Edge | None], raw: list[Any], params: Mapping[str, Any],
             y: tuple[Any, ...], kind: type, wanted: int) -> Any:  # fmt: skip
    """Tensors for an op with several outputs, as a named tuple where they have names."""
    outputs = tuple([(o.shape, o.dtype) for o in y])
    node = _record(op, xp, edges, raw, params, y, outputs, wanted) if wanted and op.differentiable else None
    tensors = [make(o, node if node is not None and differentiable(o.dtype) else None, i) for i, o in enumerate(y)]
    return result_type(op)(*tensors) if op.outputs else kind(tensors)

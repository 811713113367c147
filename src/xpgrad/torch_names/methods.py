"""Tensor's own methods: the graph, copies, conversions, in-place writes."""

from __future__ import annotations

import weakref
from typing import Any

from .. import arrays, dtypes, printing
from .. import backward as walk
from ..creation import from_host
from ..devices import device as Device
from ..graph import Node, accumulator
from ..hooks import Handle, Hooks
from ..namespace import array_namespace, function
from ..op import OPS
from ..tensor import Tensor, apply, current, make, to_host
from ..views import detach, replace

# -- the graph --


def backward(self: Tensor, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
             inputs: Any = None) -> None:  # fmt: skip
    """Add this Tensor's gradients to the leaves it was computed from; see `autograd.backward`."""
    walk.backward(self, gradient, retain_graph, create_graph, inputs)


def requires_grad_(self: Tensor, requires_grad: bool = True) -> Tensor:
    """Set whether gradients flow to it, in place."""
    self.requires_grad = requires_grad
    return self


def _node_of(t: Tensor) -> Node:
    """The node that its gradient comes to."""
    return t.grad_fn or accumulator(t)


def retain_grad(self: Tensor) -> None:
    """Let a Tensor that is no leaf keep its gradient in ``.grad``.

    Raises:
        RuntimeError: if it does not require grad.
    """
    if not self.requires_grad:
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    if self._node is None or "retains_grad" in self.__dict__:
        return
    me = weakref.ref(self)

    def keep(grad: Tensor) -> None:
        t = me()
        if t is not None:
            t._grad = grad if t._grad is None else apply(OPS["add"], (t._grad, grad))

    self.__dict__["retains_grad"] = self._node.hooked().retained.setdefault(self._index, Hooks()).add(keep)


def register_hook(self: Tensor, hook: Any) -> Handle:
    """Call ``hook(grad)`` when this Tensor's gradient is complete; what it returns, if not None, replaces it.

    Raises:
        RuntimeError: if it does not require grad.
    """
    if not self.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    index = self._index if self._node is not None else 0
    return _node_of(self).hooked().tensor.setdefault(index, Hooks()).add(hook)


def register_post_accumulate_grad_hook(self: Tensor, hook: Any) -> Handle:
    """Call ``hook(tensor)`` after a gradient was added to this leaf's ``.grad``.

    Raises:
        RuntimeError: if it does not require grad, or is no leaf.
    """
    if not self.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if self._node is not None:
        raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
    return accumulator(self).hooked().accumulated.add(hook)


def detach_(self: Tensor) -> Tensor:
    """Cut this Tensor off the graph that computed it.

    Raises:
        RuntimeError: if it is a view; use `detach`.
    """
    if self._view is not None and self._view.base is not None:
        raise RuntimeError("Can't detach views in-place. Use detach() instead.")
    self._node, self._requires_grad = None, False
    return self


# -- copies and conversions --


def clone(self: Tensor, *, memory_format: Any = None) -> Tensor:
    """A copy, recorded."""
    return apply(OPS["clone"], (self,))  # type: ignore[no-any-return]


def contiguous(self: Tensor, memory_format: Any = None) -> Tensor:
    """A Tensor with its elements in row-major order: itself, or a copy if it is a view."""
    return self if self._view is None or self._view.path is None else clone(self)


def to(self: Tensor, *args: Any, dtype: Any = None, device: Any = None, copy: bool = False, non_blocking: bool = False,
       memory_format: Any = None) -> Tensor:  # fmt: skip
    """This Tensor in another dtype or on another device of its library: ``x.to("cuda")``, ``x.to(xpgrad.float64)``,
    ``x.to(other)``. It is returned itself where nothing changes.

    Raises:
        RuntimeError: if its library has no such device; says what to choose.
    """
    for arg in args:
        if isinstance(arg, dtypes.dtype):
            dtype = arg
        elif isinstance(arg, Tensor):
            dtype, device = arg.dtype, arg.device
        elif isinstance(arg, str | Device):
            device = arg
        elif isinstance(arg, bool):
            copy = copy or (arg and arg is not non_blocking and len(args) > 2)
        elif arg is not None:
            dtype = dtypes.from_native(arg)
    out = self
    if dtype is not None and dtype is not self.dtype:
        out = apply(OPS["astype"], (out,), {"dtype": dtype})
    if device is not None and Device(str(device)) != self.device and not _same_device(self, device):
        out = apply(OPS["to_device"], (out,), {"device": device})
    return clone(out) if copy and out is self else out


def _same_device(t: Tensor, wanted: Any) -> bool:
    asked = Device(str(wanted))
    here = t.device
    return asked.type == here.type and asked.index in (None, here.index or 0)


def to_device(self: Tensor, device: Any, /, *, stream: Any = None) -> Tensor:
    """This Tensor on another device of its library."""
    return to(self, device=device)


def to_backend(self: Tensor, name: str) -> Tensor:
    """A leaf with the same numbers on the backend called `name`."""
    target = array_namespace(name)._library
    if target is self.library:
        return self
    return from_host(to_host(self.library, current(self)), self.dtype, lib=target)


def type_(self: Tensor, dtype: Any = None) -> Any:
    """The dtype's PyTorch name without an argument, else this Tensor in another dtype."""
    names = {"float32": "Float", "float64": "Double", "float16": "Half", "bfloat16": "BFloat16", "int64": "Long",
             "int32": "Int", "int16": "Short", "int8": "Char", "uint8": "Byte", "bool": "Bool"}  # fmt: skip
    if dtype is None:
        return f"torch.{names.get(self.dtype.name, self.dtype.name.capitalize())}Tensor"
    return to(self, dtype)


def type_as(self: Tensor, other: Tensor) -> Tensor:
    """This Tensor in the dtype of `other`."""
    return to(self, other.dtype)


def numpy(self: Tensor, *, force: bool = False) -> Any:
    """The array on the host as a read-only NumPy array: a write to it could not reach this Tensor.

    Raises:
        RuntimeError: if it requires grad and is not forced.
    """
    if self.requires_grad and not force:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
    host = self.numpy_array()
    if hasattr(host, "flags"):
        host = host.view() if host.ndim else arrays.host_array(host).reshape(())
        host.flags.writeable = False
    return host


def tolist(self: Tensor) -> Any:
    """Nested lists of Python numbers; a number for a 0-d Tensor."""
    return self.numpy_array().tolist()


def cpu(self: Tensor) -> Tensor:
    """This Tensor on the host; itself if it is there."""
    return to(self, "cpu")


def cuda(self: Tensor, device: Any = None) -> Tensor:
    """This Tensor on a GPU of its library."""
    return to(self, "cuda" if device is None else device if isinstance(device, str | Device) else f"cuda:{device}")


def _cast(dtype: dtypes.dtype) -> Any:
    def cast(self: Tensor, memory_format: Any = None) -> Tensor:
        return to(self, dtype)

    cast.__doc__ = f"This Tensor as {dtype.name}."
    return cast


CASTS = {"float": dtypes.float32, "double": dtypes.float64, "half": dtypes.float16, "bfloat16": dtypes.bfloat16,
         "long": dtypes.int64, "int": dtypes.int32, "short": dtypes.int16, "char": dtypes.int8, "byte": dtypes.uint8,
         "bool": dtypes.bool_, "cfloat": dtypes.complex64, "cdouble": dtypes.complex128}  # fmt: skip


def set_data(self: Tensor, value: Tensor) -> None:
    """``t.data = value``."""
    replace(self, value)


# -- what PyTorch asks a Tensor about --


def stride(self: Tensor, dim: int | None = None) -> Any:
    """Row-major strides, in elements: how a contiguous Tensor of this shape would lie."""
    strides, step = [], 1
    for n in reversed(self.shape):
        strides.append(step)
        step *= max(n, 1)
    return tuple(strides[::-1]) if dim is None else strides[::-1][dim]


def text(self: Tensor, *, tensor_contents: Any = None) -> str:
    """How PyTorch prints it."""
    node = self.grad_fn
    name = None if node is None else node.name()
    return printing.tensor_text(
        self.numpy_array(), self.dtype, requires_grad=self.requires_grad, grad_fn_name=name,
        device=str(self.device), default_dtype=dtypes.get_default_dtype(),
    )  # fmt: skip


def format_(self: Tensor, spec: str) -> str:
    """A 0-d Tensor is formatted as its number."""
    return format(self.item(), spec) if self.ndim == 0 and (spec or type(self) is Tensor) else text(self)


def deepcopy(self: Tensor, memo: Any) -> Tensor:
    """A leaf with the same array; a Tensor that was computed cannot be copied so."""
    if id(self) in memo:
        return memo[id(self)]  # type: ignore[no-any-return]
    if self._node is not None:
        raise RuntimeError("Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol "
                           "at the moment.")  # fmt: skip
    out = make(current(self), cls=type(self))
    out._requires_grad = self._requires_grad
    memo[id(self)] = out
    if self._grad is not None:
        out._grad = deepcopy(self._grad, memo)
    out.__dict__.update({k: v for k, v in self.__dict__.items() if k != "retains_grad"})
    return out


def _rebuild(cls: type[Tensor], host: Any, dtype: str, backend: str, requires_grad: bool,
             state: dict[str, Any]) -> Tensor:  # fmt: skip
    lib = array_namespace(backend)._library
    out = make(from_host(host, dtypes.NAMED[dtype], lib=lib)._array, cls=cls)
    out._requires_grad = requires_grad
    out.__dict__.update(state)
    return out


def reduce(self: Tensor, protocol: int) -> Any:
    """For pickle: the numbers, the dtype's name and the backend's."""
    if self._node is not None:
        raise RuntimeError("cannot pickle a Tensor that was computed from others that require grad; detach() it first")
    state = (type(self), arrays.host_array(self.numpy_array()), self.dtype.name, self.library.backend.name,
             self._requires_grad, dict(self.__dict__))  # fmt: skip
    return _rebuild, state


METHODS: dict[str, Any] = {
    "type": type_,
    "element_size": lambda self: self.dtype.itemsize,
    "numel": lambda self: int(self.size),
    "nelement": lambda self: int(self.size),
    "dim": lambda self: self.ndim,
    "ndimension": lambda self: self.ndim,
    "get_device": lambda self: -1 if self.device.type == "cpu" else self.device.index or 0,
    "is_floating_point": lambda self: self.dtype.is_floating_point,
    "is_complex": lambda self: self.dtype.is_complex,
    "is_signed": lambda self: self.dtype.is_signed,
    "is_contiguous": lambda self, memory_format=None: True,
    "is_inference": lambda self: "inference" in self.__dict__,
    "is_pinned": lambda self: False,
    "pin_memory": lambda self: self,
    "share_memory_": lambda self: self,
    "__repr__": text,
    "__format__": format_,
    "__deepcopy__": deepcopy,
    "__reduce_ex__": reduce,
}
PROPERTIES: dict[str, Any] = {
    "itemsize": lambda self: self.dtype.itemsize,
    "nbytes": lambda self: self.dtype.itemsize * int(self.size),
    "is_cuda": lambda self: self.device.type == "cuda",
    "is_cpu": lambda self: self.device.type == "cpu",
    "is_sparse": lambda self: False,
    "layout": lambda self: "torch.strided",
    "retains_grad": lambda self: "retains_grad" in self.__dict__,
    "output_nr": lambda self: self._index,
    "_base": lambda self: self._view.base if self._view else None,
    "H": lambda self: function("conj")(self.mT),
    "mH": lambda self: function("conj")(self.mT),
    "real": lambda self: function("real")(self) if self.dtype.is_complex else self,
    "imag": lambda self: function("imag")(self),
}


def attach() -> None:
    """Put the methods of this file onto Tensor."""
    for method in (backward, requires_grad_, retain_grad, register_hook, register_post_accumulate_grad_hook, detach,
                   detach_, clone, contiguous, to, to_device, to_backend, type_as, numpy, tolist, cpu, cuda,
                   stride):  # fmt: skip
        setattr(Tensor, method.__name__, method)
    for name, dtype in CASTS.items():
        setattr(Tensor, name, _cast(dtype))
    for name, special in METHODS.items():
        setattr(Tensor, name, special)
    for name, get in PROPERTIES.items():
        setattr(Tensor, name, property(get))
    Tensor.data = property(detach, set_data)  # type: ignore[attr-defined]

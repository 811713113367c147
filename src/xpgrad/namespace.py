"""The Array API namespace of Tensors: every function of the standard, recorded.

``x.__array_namespace__()`` returns the `Namespace` of the Tensor's own library. Its functions are made from the
registry of ops (and are the same for every library); what makes new arrays is bound to the library. Signatures are the
standard's.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from . import arrays, devices, dtypes, kernels, rules, standard  # noqa: F401  (kernels and rules fill the registries)
from .backend import named
from .modes import modes
from .op import COMPOSITES, OPS, Library, Op, library, library_of
from .tensor import Tensor, apply, current, make

_CREATION = ("arange", "empty", "eye", "full", "linspace", "ones", "zeros", "fft.fftfreq", "fft.rfftfreq")
# SciPy's names of special functions, which array-agnostic code looks for in `xp.special`, and the ops' own
_SPECIAL = {"digamma": "digamma", "erf": "erf", "erfc": "erfc", "erfcx": "erfcx", "erfinv": "erfinv",
            "expit": "sigmoid", "gammaln": "lgamma", "log_expit": "log_sigmoid", "log_ndtr": "log_ndtr",
            "logit": "logit", "psi": "digamma", "xlogy": "xlogy"}  # fmt: skip
_LIKE = ("empty_like", "full_like", "ones_like", "zeros_like")


@functools.cache
def function(name: str) -> Callable[..., Any]:
    """The function of Tensors called `name`, made from its op or composite; the same for every library.

    Raises:
        AttributeError: if there is neither.
    """
    made: Callable[..., Any]
    if name in OPS:
        made = _from_op(OPS[name])
        origin = OPS[name].forward
    elif name in COMPOSITES:
        made = _from_composite(COMPOSITES[name])
        origin = COMPOSITES[name]
    else:
        raise AttributeError(f"the namespace of Tensors has no function {name!r}")
    made.__name__ = made.__qualname__ = name.rpartition(".")[2]
    made.__doc__ = getattr(origin, "__doc__", None) or f"``{name}`` of the Array API standard {standard.VERSION}."
    made.__signature__ = signature(name)  # type: ignore[attr-defined]
    return made


def signature(name: str) -> inspect.Signature:
    """The standard's signature of `name`, or that of its forward without `xp`."""
    known = standard.signatures().get(name)
    if known is not None:
        return known
    origin = OPS[name].forward if name in OPS else COMPOSITES[name]
    if origin is None:
        raise AttributeError(name)
    full = inspect.signature(origin)
    return full.replace(parameters=list(full.parameters.values())[1:])


def _from_op(op: Op) -> Callable[..., Any]:
    count = len(op.args)
    names = [p.removeprefix("*") for p in op.args]
    others = [p for p in signature(op.name).parameters if p not in (*names, "arrays")]

    def call(*args: Any, **params: Any) -> Any:
        given = len(args)
        if params or given != count:
            if given > count:
                if given - count > len(others):
                    raise TypeError(f"{op.name} takes at most {count + len(others)} arguments, got {given}")
                params = {**dict(zip(others, args[count:], strict=False)), **params}
                args = args[:count]
            elif given < count:
                args = (*args, *[params.pop(name, None) for name in names[given:]])
            params = {k: current(v) if isinstance(v, Tensor) else tuple(v) if type(v) is list else v
                      for k, v in params.items()}  # fmt: skip
            unknown = params.keys() - set(others)
            if unknown:
                raise TypeError(f"{op.name}() got an unexpected keyword argument {sorted(unknown)[0]!r}; it takes "
                                f"{', '.join([*names, *others])}")  # fmt: skip
        return apply(op, args, params)

    return call


def _from_composite(composite: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **params: Any) -> Any:
        found = first_tensor((*args, *params.values()))
        if found is None:
            args = tuple([make(a) if arrays.is_array(a) else a for a in args])
            found = first_tensor(args)
        if found is None:
            raise TypeError(f"{composite.__name__}: at least one argument must be a Tensor or an array")
        return composite(namespace_of_library(found.library), *args, **params)

    return call


def first_tensor(values: Any) -> Tensor | None:
    """The first Tensor among `values` or in the sequences among them."""
    for v in values:
        if isinstance(v, Tensor):
            return v
        if isinstance(v, list | tuple):
            inner = first_tensor(v)
            if inner is not None:
                return inner
    return None


class Namespace:
    """The standard's namespace for Tensors on one library; see the module's text.

    Example:
        >>> import xpgrad
        >>> xp = xpgrad.array_namespace("numpy")
        >>> x = xp.asarray([1.0, 4.0])
        >>> xp.sqrt(x).dtype, xp.__array_api_version__
        (torch.float64, '2025.12')
    """

    __array_api_version__ = standard.VERSION
    e, pi, inf, nan, newaxis = math.e, math.pi, math.inf, math.nan, None

    def __init__(self, lib: Library, prefix: str = "") -> None:
        self._library = lib
        self._prefix = prefix
        self.__name__ = f"xpgrad.array_namespace({lib.backend.name!r})" + (f".{prefix[:-1]}" if prefix else "")
        if not prefix:
            for d in dtypes.ALL:
                if hasattr(lib.native, d.name):
                    setattr(self, d.name, d)
            self.linalg = Namespace(lib, "linalg.")
            self.fft = Namespace(lib, "fft.")
            self.special = Namespace(lib, "special.")

    def __repr__(self) -> str:
        return f"<{self.__name__}>"

    def __getattr__(self, name: str) -> Any:
        full = self._prefix + name
        if self._prefix == "special.":
            made = function(_SPECIAL.get(name, full))
        elif full in _CREATION or full in _LIKE:
            made = functools.partial(_create, self._library, full)
            made.__name__ = name  # type: ignore[attr-defined]
            made.__signature__ = standard.signatures()[full]  # type: ignore[attr-defined]
        elif full in standard.signatures() and full not in OPS and full not in COMPOSITES:
            made = function(name)  # linalg.matmul and others are the main namespace's
        else:
            made = function(full)
        setattr(self, name, made)
        return made

    def __dir__(self) -> list[str]:
        names = {*OPS, *COMPOSITES, *standard.signatures(), *standard.CONSTANTS}
        inside = {n.removeprefix(self._prefix) for n in names if n.startswith(self._prefix)}
        return sorted({n for n in inside if "." not in n} | set(super().__dir__()))

    # -- what is neither an op nor bound to a shape --

    def asarray(self, obj: Any, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Tensor:
        """A Tensor from numbers, nested sequences, a Tensor, or an array of the library.

        Raises:
            TypeError: for a Tensor on another library. ValueError: if ``copy=False`` and a copy is needed.
            RuntimeError: for a sequence with Tensors that require grad.
        """
        if isinstance(obj, Tensor) and obj.library is not self._library:
            raise TypeError(f"asarray: the Tensor is on {obj.library.backend.name}; move it first, "
                            f"with .to_backend({self._library.backend.name!r})")  # fmt: skip
        if isinstance(obj, Tensor) and copy is False and dtype not in (None, obj.dtype):
            raise ValueError(f"asarray: {obj.dtype.name} cannot become {dtype} without a copy")
        if isinstance(obj, Tensor) and dtype in (None, obj.dtype) and device is None and not copy:
            return obj
        if isinstance(obj, Tensor):
            out = apply(OPS["astype"], (obj,), {"dtype": dtype or obj.dtype, "copy": copy is not False})
            return out if device is None else apply(OPS["to_device"], (out,), {"device": device})  # type: ignore[no-any-return]
        native = self._library.native
        where = devices.native(device, native, self._library.backend)
        return make(native.asarray(_raw(obj, "asarray"), dtype=dtypes.native(native, dtype), device=where, copy=copy))

    def from_dlpack(self, x: Any, /, *, device: Any = None, copy: bool | None = None) -> Tensor:
        """A Tensor that shares or copies the memory of another library's array."""
        native = self._library.native
        x = _raw(x, "from_dlpack")
        options: dict[str, Any] = {} if copy is None else {"copy": copy}
        if device is not None:
            options["device"] = devices.native(device, native, self._library.backend)
        return make(native.from_dlpack(x, **options))

    def can_cast(self, from_: Any, to: Any, /) -> bool:
        """Whether the standard's promotion rules allow `from_` to become `to`."""
        native = self._library.native
        source = from_.dtype if isinstance(from_, Tensor) else from_
        return bool(native.can_cast(dtypes.native(native, source), dtypes.native(native, to)))

    def finfo(self, type: Any, /) -> Any:
        """Limits of a floating-point dtype."""
        return _limits(self._library.native, self._library.native.finfo, type)

    def iinfo(self, type: Any, /) -> Any:
        """Limits of an integer dtype."""
        return _limits(self._library.native, self._library.native.iinfo, type)

    def isdtype(self, dtype: Any, kind: Any) -> bool:
        """Whether `dtype` is of `kind`, as the standard names kinds."""
        native = self._library.native
        kinds = kind if isinstance(kind, tuple) else (kind,)
        return bool(native.isdtype(dtypes.native(native, dtype), tuple(dtypes.native(native, k) for k in kinds)))

    def result_type(self, *arrays_and_dtypes: Any) -> dtypes.dtype:
        """The dtype that the standard's promotion gives for these."""
        native = self._library.native
        given = [dtypes.native(native, current(a) if isinstance(a, Tensor) else a) for a in arrays_and_dtypes]
        return dtypes.from_native(native.result_type(*given))

    def broadcast_shapes(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """The shape that arrays of these shapes broadcast to."""
        out: list[int] = []
        for axis in range(-max(map(len, shapes), default=0), 0):
            extents = {s[axis] for s in shapes if len(s) >= -axis} - {1}
            if len(extents) > 1:
                raise ValueError(f"broadcast_shapes: shapes {', '.join(map(str, shapes))} do not broadcast together")
            out.append(extents.pop() if extents else 1)
        return tuple(out)

    def __array_namespace_info__(self) -> Any:
        """Capabilities, devices and dtypes of the library, in xpgrad's terms."""
        info = self._library.native.__array_namespace_info__()
        known = self._library.backend

        def named_dtypes(ask: Callable[..., Any], device: Any, **options: Any) -> dict[str, dtypes.dtype]:
            where = devices.native(device, self._library.native, known)
            return {name: dtypes.from_native(d) for name, d in ask(device=where, **options).items()}

        def default_device() -> devices.device:
            found = info.default_device()  # JAX answers None, for the first of its platform
            return devices.from_native(known.devices(self._library.native)[0] if found is None else found, known)

        return SimpleNamespace(
            capabilities=info.capabilities,
            default_device=default_device,
            default_dtypes=lambda *, device=None: named_dtypes(info.default_dtypes, device),
            devices=lambda: tuple(devices.from_native(d, known) for d in known.devices(self._library.native)),
            dtypes=lambda *, device=None, kind=None: named_dtypes(info.dtypes, device, kind=kind),
        )


def _raw(value: Any, name: str) -> Any:
    """`value` with raw arrays (or numbers, within sequences) in place of Tensors; `name` is not recorded."""
    if isinstance(value, Tensor):
        if modes.grad and value.requires_grad:
            raise RuntimeError(f"{name}: the gradient of a Tensor that requires grad would be lost here; detach() it "
                               "first, or use stack and broadcast_to")  # fmt: skip
        return current(value)
    if isinstance(value, list | tuple):
        pairs = [(v, _raw(v, name)) for v in value]
        return type(value)([v.item() if isinstance(v, Tensor) and v.ndim == 0 else raw for v, raw in pairs])
    return value


def _create(lib: Library, name: str, *args: Any, dtype: Any = None, device: Any = None, **params: Any) -> Tensor:
    native = lib.native
    maker = native
    for part in name.split("."):
        maker = getattr(maker, part)
    params["device"] = devices.native(device, native, lib.backend)
    if dtype is not None:
        params["dtype"] = dtypes.native(native, dtype)
    like = (current(args[0]), *args[1:]) if name in _LIKE and isinstance(args[0], Tensor) else args
    return make(maker(*[_raw(a, name) for a in like], **{k: _raw(v, name) for k, v in params.items()}))


def _limits(native: Any, limits: Callable[[Any], Any], of: Any) -> Any:
    found = limits(current(of).dtype if isinstance(of, Tensor) else dtypes.native(native, of))
    names = ("bits", "eps", "max", "min", "smallest_normal", "tiny", "resolution")
    known = {n: getattr(found, n) for n in names if hasattr(found, n)}
    known = {n: v if n == "bits" or isinstance(v, int) else float(v) for n, v in known.items()}
    return SimpleNamespace(**known, dtype=dtypes.from_native(of.dtype if isinstance(of, Tensor) else of).to_real())


_namespaces: dict[int, Namespace] = {}


def namespace_of_library(lib: Library, api_version: str | None = None) -> Namespace:
    """The namespace of Tensors on a library; one for each.

    Raises:
        ValueError: for a version of the standard that is not known.
    """
    if api_version is not None and api_version not in standard.VERSIONS:
        raise ValueError(f"Array API version {api_version!r} is not known; known are {', '.join(standard.VERSIONS)}")
    found = _namespaces.get(id(lib))
    if found is None:
        found = _namespaces[id(lib)] = Namespace(lib)
    return found


def array_namespace(of: Any) -> Namespace:
    """The namespace of Tensors on a library: for a Tensor, an array, a backend's name, or a namespace itself.

    Example:
        >>> import numpy, xpgrad
        >>> xpgrad.array_namespace(numpy) is xpgrad.array_namespace("numpy")
        True
    """
    if isinstance(of, Tensor):
        return namespace_of_library(of.library)
    if isinstance(of, str):
        return namespace_of_library(library(named(of).load()))
    if arrays.is_array(of):
        return namespace_of_library(library_of(of))
    native = of
    sample = native.zeros(1) if hasattr(native, "zeros") else None
    if sample is None:
        raise TypeError(f"array_namespace: {of!r} is neither a Tensor, an array, a backend's name nor a namespace")
    return namespace_of_library(library_of(sample))


def _namespace_of_tensor(self: Tensor, /, *, api_version: str | None = None) -> Namespace:
    """The namespace of Tensors on this Tensor's library."""
    return namespace_of_library(self.library, api_version)


Tensor.__array_namespace__ = _namespace_of_tensor  # type: ignore[method-assign]

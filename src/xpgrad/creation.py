"""Creation functions in PyTorch's spelling: new Tensors on the chosen backend, and random ones.

Whatever is new lies where `backend` chooses; an array that comes from a library stays with that library. Random
numbers are drawn on the host (see `random`) and then brought to the backend.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from . import arrays, devices, dtypes, random
from .backend import get_backend
from .dtypes import dtype as Dtype
from .op import Library, library, library_of
from .sizes import Size
from .tensor import Tensor, current, make


def chosen_library() -> Library:
    """The `Library` of the chosen backend."""
    return library(get_backend().load())


def shape_of(size: tuple[Any, ...]) -> tuple[int, ...]:
    """A shape from ``f(2, 3)`` or ``f((2, 3))``."""
    if len(size) == 1 and not isinstance(size[0], int) and isinstance(size[0], Sequence):
        size = tuple(size[0])
    return tuple([int(n) for n in size])


def finish(array: Any, requires_grad: bool = False) -> Tensor:
    """A Tensor around a fresh array."""
    out = make(array)
    if requires_grad:
        out.requires_grad = True
    return out


def _options(lib: Library, dtype: Dtype | None, device: Any) -> dict[str, Any]:
    return {"dtype": dtypes.native(lib.native, dtype), "device": devices.native(device, lib.native, lib.backend)}


def from_host(host: Any, dtype: Dtype | None = None, device: Any = None, requires_grad: bool = False,
              lib: Library | None = None) -> Tensor:  # fmt: skip
    """A Tensor on the chosen backend from a NumPy array."""
    lib = lib or chosen_library()
    options = _options(lib, dtype or dtypes.from_native(host.dtype), device)
    host = host if host.flags.writeable else host.copy()  # a library may share its memory, and warn of this one's
    return finish(lib.native.asarray(host, **options), requires_grad)


def _plain(data: Any) -> Any:
    """Nested lists of Python numbers, from sequences of numbers, Tensors and arrays."""
    if isinstance(data, list | tuple):
        return [_plain(d) for d in data]
    if isinstance(data, Tensor):
        return data.tolist() if data.ndim else data.item()
    return data.tolist() if hasattr(data, "tolist") else data


def _inferred(data: Any) -> Dtype:
    """The dtype that PyTorch gives to nested numbers."""
    kinds = set()
    stack = [data]
    while stack:
        d = stack.pop()
        if isinstance(d, list | tuple):
            stack.extend(d)
        else:
            kinds.add(type(d))
    default = dtypes.get_default_dtype()
    if complex in kinds:
        return default.to_complex()
    if float in kinds or not kinds:
        return default
    return dtypes.bool_ if kinds == {bool} else dtypes.int64


def tensor(data: Any, *, dtype: Dtype | None = None, device: Any = None, requires_grad: bool = False,
           pin_memory: bool = False) -> Tensor:  # fmt: skip
    """A Tensor with a copy of `data`.

    Args:
        data: numbers, nested sequences of them, an array of any library (which then computes on it), or a Tensor.
        dtype: if None, int64 for ints, the default dtype for floats, an array's own for an array.
        device: where it lies; a name such as ``"cpu"`` or ``"cuda:0"``, or a `device`.
        requires_grad: whether gradients flow to it.

    Raises:
        ValueError: for ragged sequences. RuntimeError: for a device that is not there.

    Example:
        >>> import xpgrad
        >>> xpgrad.tensor([[1, 2], [3, 4]])
        tensor([[1, 2],
                [3, 4]])
        >>> xpgrad.tensor([0.5, 1.0], dtype=xpgrad.float64)
        tensor([0.5000, 1.0000], dtype=torch.float64)
    """
    if isinstance(data, Tensor):
        data = current(data)
    if arrays.is_array(data) and getattr(data, "ndim", 0) is not None and not isinstance(data, float | complex):
        lib = library_of(data)
        options = _options(lib, dtype, device)
        return finish(lib.native.asarray(data, copy=True, **options), requires_grad)
    lib = chosen_library()
    data = _plain(data)
    return finish(lib.native.asarray(data, **_options(lib, dtype or _inferred(data), device)), requires_grad)


def as_tensor(data: Any, dtype: Dtype | None = None, device: Any = None) -> Tensor:
    """A Tensor that holds `data` itself where that is possible; a Tensor of that dtype and device as it is."""
    if isinstance(data, Tensor):
        same = dtype in (None, data.dtype) and device is None
        return data if same else data.to(device=device, dtype=dtype)
    if arrays.is_array(data):
        lib = library_of(data)
        return finish(lib.native.asarray(data, **_options(lib, dtype, device)))
    return tensor(data, dtype=dtype, device=device)


asarray = as_tensor


def from_numpy(array: Any) -> Tensor:
    """A Tensor around a NumPy array, without a copy, computing on the chosen backend."""
    if get_backend().name == "numpy":
        return finish(array)
    return from_host(array)


def frombuffer(buffer: Any, *, dtype: Dtype, count: int = -1, offset: int = 0, requires_grad: bool = False) -> Tensor:
    """A 1-d Tensor of the numbers in an object's memory, such as bytes.

    Raises:
        ValueError: if the buffer is too short for `count` elements from `offset`, or does not divide into elements.

    Example:
        >>> import xpgrad
        >>> xpgrad.frombuffer(b"\\x01\\x02", dtype=xpgrad.uint8)
        tensor([1, 2], dtype=torch.uint8)
    """
    view = memoryview(buffer).cast("B")[offset:]
    wanted = view.nbytes // dtype.itemsize if count < 0 else count
    if count < 0 and view.nbytes % dtype.itemsize:
        raise ValueError(f"frombuffer: {view.nbytes} bytes are no whole number of {dtype} elements")
    if wanted * dtype.itemsize > view.nbytes:
        raise ValueError(
            f"frombuffer: {wanted} elements of {dtype} need {wanted * dtype.itemsize} bytes, found {view.nbytes}"
        )
    return from_host(
        arrays.from_bytes(bytes(view[: wanted * dtype.itemsize]), dtype.name), dtype, requires_grad=requires_grad
    )


def _filled(name: str) -> Callable[..., Tensor]:
    def create(*size: Any, dtype: Dtype | None = None, device: Any = None, requires_grad: bool = False,
               **_: Any) -> Tensor:  # fmt: skip
        size = size or (_.pop("size"),)
        lib = chosen_library()
        options = _options(lib, dtype or dtypes.get_default_dtype(), device)
        return finish(getattr(lib.native, name)(shape_of(size), **options), requires_grad)

    def create_like(input: Tensor, *, dtype: Dtype | None = None, device: Any = None, requires_grad: bool = False,
                    memory_format: Any = None) -> Tensor:  # fmt: skip
        lib = input.library
        options = _options(lib, dtype or input.dtype, device or input.device)
        return finish(getattr(lib.native, name)(tuple(input.shape), **options), requires_grad)

    create.__name__, create_like.__name__ = name, f"{name}_like"
    create.__doc__ = f"A Tensor of `size`, {name}, on the chosen backend; of the default dtype if none is given."
    create_like.__doc__ = f"A Tensor of the shape, dtype, device and library of `input`, {name}."
    create.like = create_like  # type: ignore[attr-defined]
    return create


zeros, ones, empty = _filled("zeros"), _filled("ones"), _filled("empty")
zeros_like, ones_like, empty_like = zeros.like, ones.like, empty.like  # type: ignore[attr-defined]


def full(size: Any, fill_value: Any, *, dtype: Dtype | None = None, device: Any = None,
         requires_grad: bool = False) -> Tensor:  # fmt: skip
    """A Tensor of `size` filled with one number, of that number's dtype if none is given."""
    fill = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    lib = chosen_library()
    return finish(
        lib.native.full(shape_of((size,)), fill, **_options(lib, dtype or _inferred(fill), device)), requires_grad
    )


def full_like(input: Tensor, fill_value: Any, *, dtype: Dtype | None = None, device: Any = None,
              requires_grad: bool = False, memory_format: Any = None) -> Tensor:  # fmt: skip
    """A Tensor of the shape, dtype, device and library of `input`, filled with one number."""
    fill = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    lib = input.library
    options = _options(lib, dtype or input.dtype, device or input.device)
    return finish(lib.native.full(tuple(input.shape), fill, **options), requires_grad)


def arange(start: Any, end: Any = None, step: Any = 1, *, dtype: Dtype | None = None, device: Any = None,
           requires_grad: bool = False) -> Tensor:  # fmt: skip
    """Numbers from `start` (0 if only one is given) up to but not including `end`, `step` apart.

    Example:
        >>> import xpgrad
        >>> xpgrad.arange(3), xpgrad.arange(0, 1, 0.5)
        (tensor([0, 1, 2]), tensor([0.0000, 0.5000]))
    """
    if end is None:
        start, end = 0, start
    start, end, step = (v.item() if isinstance(v, Tensor) else v for v in (start, end, step))
    if step == 0 or (end - start) * step < 0:
        raise RuntimeError(
            f"arange: upper bound and lower bound are inconsistent with step {step}: from {start} to {end}"
        )
    lib = chosen_library()
    kind = dtype or _inferred([start, end, step])
    count = max(math.ceil((end - start) / step), 0)
    options = _options(lib, kind, device)
    if kind.is_floating_point:  # start + i step, as PyTorch computes it
        exact = [start + i * step for i in range(count)]
        return finish(
            lib.native.asarray(exact, **options) if exact else lib.native.zeros((0,), **options), requires_grad
        )
    return finish(lib.native.arange(start, start + count * step, step, **options), requires_grad)


def linspace(start: Any, end: Any, steps: int, *, dtype: Dtype | None = None, device: Any = None,
             requires_grad: bool = False) -> Tensor:  # fmt: skip
    """`steps` numbers evenly from `start` to `end`, both included."""
    start, end = (v.item() if isinstance(v, Tensor) else v for v in (start, end))
    lib = chosen_library()
    options = _options(lib, dtype or dtypes.get_default_dtype(), device)
    return finish(lib.native.linspace(start, end, steps, **options), requires_grad)


def logspace(start: float, end: float, steps: int, base: float = 10.0, *, dtype: Dtype | None = None,
             device: Any = None, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """``base ** linspace(start, end, steps)``."""
    exponents = linspace(start, end, steps, dtype=dtypes.float64, device=device)
    powers = (base**exponents).to(dtype or dtypes.get_default_dtype())
    return finish(current(powers), requires_grad)


def eye(n: int, m: int | None = None, *, dtype: Dtype | None = None, device: Any = None,
        requires_grad: bool = False) -> Tensor:  # fmt: skip
    """An (n, m) matrix with ones on the diagonal and zeros elsewhere."""
    lib = chosen_library()
    options = _options(lib, dtype or dtypes.get_default_dtype(), device)
    return finish(lib.native.eye(n, n if m is None else m, **options), requires_grad)


# -- random numbers --


class Generator(random.Generator):
    """A stream of random numbers whose state is handed out as a Tensor, as PyTorch does.

    Example:
        >>> import xpgrad
        >>> g = xpgrad.Generator().manual_seed(1)
        >>> xpgrad.rand(2, generator=g)
        tensor([0.7576, 0.2793])
    """

    def get_state(self) -> Any:
        """The whole state, a uint8 Tensor of 5056 elements on the host."""
        return finish(super().get_state())

    def set_state(self, state: Any) -> Generator:
        """Go on from `state`, a Tensor that `get_state` returned, here or in PyTorch."""
        super().set_state(state.numpy_array() if isinstance(state, Tensor) else state)
        return self


def get_rng_state() -> Tensor:
    """The default generator's state, a uint8 Tensor."""
    return finish(random.default_generator.get_state())


def set_rng_state(state: Tensor) -> None:
    """Let the default generator go on from `state`."""
    random.default_generator.set_state(state.numpy_array() if isinstance(state, Tensor) else state)


def _source(generator: random.Generator | None) -> random.Generator:
    return generator if generator is not None else random.default_generator


def rand(*size: Any, generator: Any = None, dtype: Dtype | None = None, device: Any = None, requires_grad: bool = False,
         **_: Any) -> Tensor:  # fmt: skip
    """Uniform numbers in [0, 1): PyTorch's, under the same seed, on every backend.

    Example:
        >>> import xpgrad
        >>> _ = xpgrad.manual_seed(0)
        >>> xpgrad.rand(3)
        tensor([0.4963, 0.7682, 0.0885])
    """
    kind = dtype or dtypes.get_default_dtype()
    return from_host(_source(generator).uniform(shape_of(size or (_["size"],)), kind), kind, device, requires_grad)


def randn(*size: Any, generator: Any = None, dtype: Dtype | None = None, device: Any = None,
          requires_grad: bool = False, **_: Any) -> Tensor:  # fmt: skip
    """Standard normal numbers: PyTorch's, under the same seed, on every backend."""
    kind = dtype or dtypes.get_default_dtype()
    return from_host(_source(generator).normal(shape_of(size or (_["size"],)), kind), kind, device, requires_grad)


def randint(low: int, high: Any = None, size: Any = None, *, generator: Any = None, dtype: Dtype = dtypes.int64,
            device: Any = None, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """Integers in [low, high), or in [0, low) where one bound is given: ``randint(10, (2, 3))``."""
    if size is None:
        low, high, size = 0, low, high
    host = _source(generator).integers(int(low), int(high), shape_of((size,)), dtype)
    return from_host(host, dtype, device, requires_grad)


def randperm(n: int, *, generator: Any = None, dtype: Dtype = dtypes.int64, device: Any = None) -> Tensor:
    """The integers below `n` in random order."""
    return from_host(_source(generator).permutation(n), dtype, device)


def rand_like(input: Tensor, *, dtype: Dtype | None = None, device: Any = None, requires_grad: bool = False,
              generator: Any = None, memory_format: Any = None) -> Tensor:  # fmt: skip
    """Uniform numbers of the shape, dtype and library of `input`."""
    kind = dtype or input.dtype
    return _beside(input, _source(generator).uniform(tuple(input.shape), kind), kind, device, requires_grad)


def randn_like(input: Tensor, *, dtype: Dtype | None = None, device: Any = None, requires_grad: bool = False,
               generator: Any = None, memory_format: Any = None) -> Tensor:  # fmt: skip
    """Standard normal numbers of the shape, dtype and library of `input`."""
    kind = dtype or input.dtype
    return _beside(input, _source(generator).normal(tuple(input.shape), kind), kind, device, requires_grad)


def randint_like(input: Tensor, low: int, high: int | None = None, *, dtype: Dtype | None = None, device: Any = None,
                 requires_grad: bool = False, memory_format: Any = None) -> Tensor:  # fmt: skip
    """Integers in [low, high) of the shape and library of `input`."""
    low, high = (0, low) if high is None else (low, high)
    kind = dtype or input.dtype
    return _beside(
        input, random.default_generator.integers(low, high, tuple(input.shape), kind), kind, device, requires_grad
    )


def _beside(input: Tensor, host: Any, dtype: Dtype, device: Any = None, requires_grad: bool = False) -> Tensor:
    return from_host(host, dtype, device or input.device, requires_grad, input.library)


def normal(mean: Any = 0.0, std: Any = 1.0, size: Any = None, *, generator: Any = None, dtype: Dtype | None = None,
           device: Any = None, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """Normal numbers with `mean` and `std`, each a number or a Tensor."""
    if size is not None:
        kind = dtype or dtypes.get_default_dtype()
        host = _source(generator).normal(shape_of((size,)), kind, float(mean), float(std))
        return from_host(host, kind, device, requires_grad)
    like = mean if isinstance(mean, Tensor) else std
    if isinstance(mean, Tensor) and isinstance(std, Tensor):
        like = mean + std
    if not isinstance(like, Tensor):
        raise TypeError("normal: give a size where mean and std are numbers")
    drawn = randn_like(like, generator=generator)
    return (drawn * std + mean).detach()  # type: ignore[no-any-return]


def bernoulli(input: Tensor, *, generator: Any = None, p: float | None = None) -> Tensor:
    """1 with the probability that `input` holds (or `p`), else 0."""
    source = _source(generator)
    host = source.bernoulli(p, tuple(input.shape), input.dtype) if p is not None else source.bernoulli(
        input.numpy_array(), dtype=input.dtype)  # fmt: skip
    return _beside(input, host, input.dtype)


def multinomial(input: Tensor, num_samples: int, replacement: bool = False, *, generator: Any = None) -> Tensor:
    """Indices drawn from each row of `input` in proportion to its weights."""
    host = _source(generator).multinomial(input.numpy_array(), num_samples, replacement)
    return _beside(input, host, dtypes.int64)


__all__ = ["Generator", "Size", "arange", "as_tensor", "asarray", "bernoulli", "empty", "empty_like", "eye",
           "frombuffer", "from_host", "from_numpy", "full", "full_like", "get_rng_state", "linspace",
           "logspace", "multinomial", "normal", "ones", "ones_like", "rand", "rand_like", "randint",
           "randint_like", "randn", "randn_like", "randperm", "set_rng_state", "tensor", "zeros",
           "zeros_like"]  # fmt: skip

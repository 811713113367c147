"""Random numbers, drawn on the host: the numbers that PyTorch's CPU generator gives, on every library and machine.

The generator is MT19937 read as 32-bit words, and a state goes to PyTorch and back. Draws are NumPy arrays; whoever
makes Tensors puts them where they belong. bfloat16, which NumPy lacks, comes as float32 that holds bfloat16 values.

PyTorch's compiled code fuses ``a * b + c`` into one rounding, so here it is rounded once as well: for float32 through
float64, in which the product is exact. With that the uniform numbers and float32's normal ones equal PyTorch's to the
last bit; the rest are computed in float64 and equal its to float64's last bits.

A compiler records and replays draws: it appends to `hooks` a function that is handed each draw, ready to be
made (and made again for the next step), and returns what the program is to see in its place.
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
from collections.abc import Callable, Iterator
from typing import Any, Concatenate, ParamSpec

import numpy as np

from . import dtypes
from .sampling import box_muller, box_muller_float32, cast, fma

Array = Any
Shape = int | tuple[int, ...]
P = ParamSpec("P")

hooks: list[Callable[[Callable[[], Array]], Array]] = []

_WORD = 2**32
_RANGE_OF_ONE_WORD = 2**28  # wider ranges of integers take two words each
_LARGEST_PERMUTATION = (_WORD - 1) // 20
_POD = np.dtype(
    [("seed", "u8"), ("left", "i4"), ("seeded", "i4"), ("next", "u8"), ("key", "u8", 624), ("normal_x", "f8"),
     ("normal_y", "f8"), ("normal_rho", "f8"), ("has_normal", "i4")],
    align=True,
)  # fmt: skip
_STATE = np.dtype([("pod", _POD), ("float_normal", "f4"), ("has_float_normal", "?")], align=True)


def _draw(method: Callable[Concatenate[Generator, P], Array]) -> Callable[Concatenate[Generator, P], Array]:
    """Let the last of `hooks`, if any, decide what a draw gives."""

    @functools.wraps(method)
    def drawn(self: Generator, /, *args: P.args, **kwargs: P.kwargs) -> Array:
        if hooks:
            return hooks[-1](functools.partial(method, self, *args, **kwargs))
        return method(self, *args, **kwargs)

    return drawn


class Generator:
    """A stream of random numbers; the same seed gives the same numbers as PyTorch's CPU generator.

    Example:
        >>> from xpgrad.random import Generator
        >>> Generator().manual_seed(0).integers(0, 10, (5,)).tolist()
        [4, 9, 3, 0, 3]
    """

    def __init__(self, device: Any = "cpu") -> None:
        self.device = device
        self.manual_seed(67280421310721)

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream of `seed`, from -2**63 up to 2**64 - 1; a negative one stands for ``2**64 + seed``.

        Raises:
            ValueError: if the seed is outside of that range.
        """
        seed = int(seed)
        if not -(2**63) <= seed < 2**64:
            raise ValueError(f"manual_seed: the seed must lie in [-2**63, 2**64), got {seed}")
        self._seed = seed % 2**64
        self._source: Any = None  # made at the first draw: importing xpgrad need not load numpy.random
        self._fresh = True
        self._spare: float | None = None
        return self

    def seed(self) -> int:
        """Start the stream of a seed from the operating system's entropy, and return that seed."""
        self.manual_seed(int.from_bytes(os.urandom(8), "little") % 2**53)
        return self._seed

    def initial_seed(self) -> int:
        """The seed that the stream was started with."""
        return self._seed

    def clone(self) -> Generator:
        """A generator that goes on from here with the same numbers."""
        return type(self)(self.device).set_state(self.get_state())

    def _numpy(self) -> Any:
        if self._source is None:
            bits = np.random.MT19937(0)
            state: Any = np.random.RandomState(self._seed % _WORD).get_state(legacy=False)
            bits.state = state
            self._source = np.random.Generator(bits)
        return self._source

    def get_state(self) -> Array:
        """The whole state as PyTorch lays it out: a uint8 array of 5056 elements.

        Example:
            >>> from xpgrad.random import Generator
            >>> Generator().get_state().shape
            (5056,)
        """
        inner = self._numpy().bit_generator.state["state"]
        state = np.zeros((), _STATE)
        pod = state["pod"]
        pod["seed"], pod["seeded"], pod["key"] = self._seed, 1, inner["key"]
        pod["left"], pod["next"] = 625 - inner["pos"], 0 if self._fresh else inner["pos"]
        if self._spare is not None:
            pod["normal_y"], pod["has_normal"] = self._spare, 1
        return np.frombuffer(state.tobytes(), np.uint8).copy()

    def set_state(self, state: Array) -> Generator:
        """Go on from a state that `get_state`, here or PyTorch's, returned.

        Raises:
            TypeError: if `state` is not uint8. RuntimeError: if it is no such state.
        """
        state = np.asarray(state)
        if state.dtype != np.uint8:
            raise TypeError(f"set_state: RNG state must be a uint8 array, got {state.dtype}")
        if state.size != _STATE.itemsize:
            raise RuntimeError(f"set_state: expected a state of {_STATE.itemsize} bytes, found one of {state.size}")
        pod = np.frombuffer(state.tobytes(), _STATE)[0]["pod"]
        left, following = int(pod["left"]), int(pod["next"])
        if not (pod["seeded"] and 1 <= left <= 624 and following in (0 if left == 1 else 625 - left, 625 - left)):
            raise RuntimeError("set_state: invalid mt19937 state; pass what get_state returned")
        self.manual_seed(int(pod["seed"]))
        inner = {"key": pod["key"].astype(np.uint32), "pos": 625 - left}
        self._numpy().bit_generator.state = {"bit_generator": "MT19937", "state": inner}
        self._fresh = following == 0
        self._spare = float(pod["normal_y"]) if pod["has_normal"] else None
        return self

    def _words(self, count: int) -> Array:
        """The next `count` 32-bit words."""
        self._fresh = self._fresh and count == 0
        return self._numpy().integers(0, _WORD, count, dtype=np.uint32)

    def _long_words(self, count: int) -> Array:
        """The next `count` 64-bit words, the high half drawn first."""
        pairs = self._words(2 * count).astype(np.uint64)
        return (pairs[::2] << np.uint64(32)) | pairs[1::2]

    def _floats(self, count: int) -> Array:
        """float32 in [0, 1), 24 bits each."""
        return (self._words(count) & np.uint32(2**24 - 1)).astype(np.float32) * np.float32(2**-24)

    def _doubles(self, count: int) -> Array:
        """float64 in [0, 1), 53 bits each."""
        return (self._long_words(count) & np.uint64(2**53 - 1)).astype(np.float64) * 2.0**-53

    def _normals(self, count: int) -> Array:
        """Standard normal float64 by Box and Muller's pairs; the second of the last pair may stay for later."""
        kept = [] if self._spare is None else [self._spare]
        u = self._doubles((count - len(kept) + 1) // 2 * 2).reshape(-1, 2)
        radius, angle = np.sqrt(-2 * np.log1p(-u[:, 1])), 2 * math.pi * u[:, 0]
        values = np.append(kept, np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1))
        self._spare = float(values[count]) if len(values) > count else None
        return values[:count]

    @_draw
    def uniform(self, shape: Shape, dtype: dtypes.dtype = dtypes.float32, low: float = 0.0, high: float = 1.0) -> Array:
        """Uniform in [`low`, `high`): ``u * (high - low) + low``; one word each, two for float64."""
        _demand(low <= high, f"uniform_ expects to return a [from, to) range, but found from={low} > to={high}")
        shape, part = _parts(shape, dtype)
        wide = _floating("uniform", part) is dtypes.float64
        u = self._doubles(_size(shape)) if wide else self._floats(_size(shape))
        kind = u.dtype.type
        if (low, high) != (0, 1):
            u = fma(np, u, kind(high) - kind(low), kind(low))
        values = cast(np, u, part)
        values[values == cast(np, kind(high), part)] = cast(np, kind(low), part)  # rounding may reach the open end
        return _joined(values.reshape(shape), dtype)

    @_draw
    def normal(self, shape: Shape, dtype: dtypes.dtype = dtypes.float32, mean: float = 0.0, std: float = 1.0) -> Array:
        """Normal with `mean` and `std`. From 16 values on PyTorch draws in blocks, which is another use of the stream.

        Complex numbers have `std` over both parts together: each has ``std / sqrt(2)``.
        """
        _demand(std >= 0, f"normal expects std >= 0.0, but found std {std}")
        shape, part = _parts(shape, dtype)
        if dtype.is_complex:
            std /= math.sqrt(2)
        count, wide = _size(shape), _floating("normal", part) is dtypes.float64
        if count < 16:
            z = fma(np, self._normals(count), std, mean)
        else:
            uniform, transform = (self._doubles, box_muller) if wide else (self._floats, box_muller_float32)
            whole = count - count % 16
            filled = whole if part.itemsize == 2 else count  # half precision draws none for the tail at first
            z = np.resize(uniform(filled), count)
            z[:whole] = transform(np, z[:whole])
            if whole < count:  # the last 16 are drawn anew
                z[-16:] = transform(np, uniform(16))
            z = fma(np, z, z.dtype.type(std), z.dtype.type(mean))
        return _joined(cast(np, z, part).reshape(shape), dtype)

    @_draw
    def integers(self, low: int, high: int, shape: Shape, dtype: dtypes.dtype = dtypes.int64) -> Array:
        """Integers in [`low`, `high`): ``word % (high - low) + low``; two words each from a range of 2**28 on."""
        _demand(low < high, f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
        if not dtype.is_floating_point and dtype is not dtypes.bool_:
            limits = np.iinfo(dtype.name)
            fits = limits.min <= low and high - 1 <= limits.max
            _demand(fits and high - low < 2**64, f"randint: [{low}, {high}) is out of bounds for {dtype}")
        span = high - low
        if span < _RANGE_OF_ONE_WORD:
            values = (self._words(_size(shape)) % np.uint32(span)).astype(np.int64) + low
        else:
            values = (self._long_words(_size(shape)) % np.uint64(span) + np.uint64(low % 2**64)).view(np.int64)
        return cast(np, values, dtype).reshape(shape)

    @_draw
    def permutation(self, n: int) -> Array:
        """The integers below `n` in random order, int64: for each place i, swap it with ``i + word % (n - i)``."""
        _demand(0 <= n < _LARGEST_PERMUTATION, f"randperm: n must lie in [0, {_LARGEST_PERMUTATION}), got {n}")
        order = list(range(n))
        steps = self._words(max(n - 1, 0)) % np.arange(n, 1, -1, dtype=np.uint32)
        for i, step in enumerate(steps.tolist()):
            order[i], order[i + step] = order[i + step], order[i]
        return np.asarray(order, dtype=np.int64)

    @_draw
    def bernoulli(self, p: float | Array, shape: Shape | None = None, dtype: dtypes.dtype = dtypes.float32) -> Array:
        """1 with probability `p`, else 0. A scalar `p` is met with float64 uniforms, an array with its own dtype's.

        `shape` is the array's where none is given. PyTorch on an Intel CPU may take another stream.
        """
        p = np.asarray(p)
        _demand(bool(np.all((p >= 0) & (p <= 1))), f"bernoulli_ expects p to be in [0, 1], but got p={p}")
        wide = p.dtype.itemsize > 4 or p.dtype.kind != "f"
        shape = p.shape if shape is None else _tuple(shape)
        u = (self._doubles if wide else self._floats)(_size(shape)).reshape(shape)
        return cast(np, u < p, dtype)

    @_draw
    def dropout(self, shape: Shape, p: float, dtype: dtypes.dtype = dtypes.float32) -> Array:
        """What dropout multiplies with: ``1 / (1 - p)`` with probability ``1 - p``, else 0; `p` below 1."""
        if not 0 <= p < 1:
            raise ValueError(f"dropout: the probability must lie in [0, 1) where numbers are drawn, got {p}")
        kept = (self._doubles(_size(shape)) < 1 - p).reshape(shape)
        return cast(np, kept / (np.float64 if dtype is dtypes.float64 else np.float32)(1 - p), dtype)

    @_draw
    def exponential(self, shape: Shape, dtype: dtypes.dtype = dtypes.float32, rate: float = 1.0) -> Array:
        """Exponential with `rate`: ``-log(1 - u) / rate``."""
        _demand(rate > 0, f"exponential_ expects lambda > 0.0, but found lambda={rate}")
        _floating("exponential", dtype)
        return cast(np, -1 / rate * np.log1p(-self._doubles(_size(shape))), dtype).reshape(shape)

    @_draw
    def log_normal(self, shape: Shape, dtype: dtypes.dtype = dtypes.float32, mean: float = 1.0,
                   std: float = 2.0) -> Array:  # fmt: skip
        """The exponential of a normal number with `mean` and `std`."""
        _demand(std > 0, f"log_normal_ expects std > 0.0, but found std={std}")
        _floating("log_normal", dtype)
        return cast(np, np.exp(fma(np, self._normals(_size(shape)), std, mean)), dtype).reshape(shape)

    @_draw
    def cauchy(self, shape: Shape, dtype: dtypes.dtype = dtypes.float32, median: float = 0.0,
               sigma: float = 1.0) -> Array:  # fmt: skip
        """Cauchy: ``median + sigma * tan(pi * (u - 1/2))``."""
        _demand(sigma > 0, f"cauchy_ expects sigma > 0.0, but found sigma={sigma}")
        _floating("cauchy", dtype)
        u = self._doubles(_size(shape))
        return cast(np, fma(np, np.tan(math.pi * (u - 0.5)), sigma, median), dtype).reshape(shape)

    @_draw
    def geometric(self, shape: Shape, p: float, dtype: dtypes.dtype = dtypes.float32) -> Array:
        """How many trials of probability `p` up to the first success: ``ceil(log(u) / log(1 - p))``."""
        _demand(0 < p < 1, f"geometric_ expects p to be in (0, 1), but got p={p}")
        return cast(np, np.ceil(np.log(self._doubles(_size(shape))) / math.log1p(-p)), dtype).reshape(shape)

    @_draw
    def multinomial(self, weights: Array, count: int, replacement: bool = False) -> Array:
        """`count` indices per row of `weights`, (K,) or (N, K), each with probability in proportion to its weight.

        Without replacement (and for a single one) the indices of the largest ``weight / exponential``; with it, a
        search of float64 uniforms in the cumulative weights.
        """
        weights = np.asarray(weights)
        _check_weights(weights, count, replacement)
        if not replacement or count == 1:
            kind = dtypes.from_native(weights.dtype)
            draws = cast(np, -np.log1p(-self._doubles(weights.size)), kind).reshape(weights.shape)
            with np.errstate(divide="ignore", invalid="ignore"):
                keys = weights / draws
            return np.argsort(-keys, axis=-1, kind="stable")[..., :count].astype(np.int64)
        rows = np.cumsum(weights, axis=-1, dtype=weights.dtype).reshape(-1, weights.shape[-1])
        rows /= rows[:, -1:]
        rows[:, -1] = 1
        u = self._doubles(len(rows) * count).reshape(-1, count)
        found = [np.searchsorted(row.astype(np.float64), v) for row, v in zip(rows, u, strict=True)]
        return np.asarray(found, dtype=np.int64).reshape(*weights.shape[:-1], count)


def _demand(holds: bool, message: str) -> None:
    if not holds:
        raise RuntimeError(message)


def _tuple(shape: Shape) -> tuple[int, ...]:
    return (shape,) if isinstance(shape, int) else tuple(shape)


def _size(shape: Shape) -> int:
    sizes = _tuple(shape)
    _demand(min(sizes, default=0) >= 0, f"random numbers: trying to create a tensor with negative dimension: {sizes}")
    return math.prod(sizes)


def _floating(name: str, dtype: dtypes.dtype) -> dtypes.dtype:
    _demand(dtype.is_floating_point, f"{name}: a continuous distribution needs a floating-point dtype, got {dtype}")
    return dtype


def _parts(shape: Shape, dtype: dtypes.dtype) -> tuple[Shape, dtypes.dtype]:
    """Shape and dtype of the real numbers to draw: for complex ones, both parts along a last axis."""
    return ((*_tuple(shape), 2), dtype.to_real()) if dtype.is_complex else (shape, dtype)


def _joined(parts: Array, dtype: dtypes.dtype) -> Array:
    return parts.view(dtype.name)[..., 0] if dtype.is_complex else parts


def _check_weights(weights: Array, count: int, replacement: bool) -> None:
    _demand(weights.ndim in (1, 2) and weights.dtype.kind == "f", "multinomial: the weights must be floating-point "
            f"of 1 or 2 dimensions, got {weights.dtype} of shape {weights.shape}")  # fmt: skip
    _demand(count > 0, f"multinomial: cannot sample n_sample <= 0 samples, got {count}")
    _demand(replacement or count <= weights.shape[-1], "multinomial: cannot sample n_sample > prob_dist.size(-1) "
            f"samples without replacement, got {count} of {weights.shape[-1]}")  # fmt: skip
    _demand(bool(np.all(np.isfinite(weights) & (weights >= 0))),
            "multinomial: probability tensor contains either `inf`, `nan` or element < 0")  # fmt: skip
    _demand(bool(np.all(np.sum(weights, axis=-1) > 0)),
            "multinomial: invalid multinomial distribution (sum of probabilities <= 0)")  # fmt: skip


def from_bytes(data: bytes, dtype: dtypes.dtype) -> Array:
    """The elements that lie in `data` as a NumPy array of its own; bfloat16 ones as float32."""
    if dtype is dtypes.bfloat16:
        return (np.frombuffer(data, np.uint16).astype(np.uint32) << 16).view(np.float32)
    return np.frombuffer(data, dtype.name).copy()


default_generator = Generator()
default_generator.seed()


def manual_seed(seed: int) -> Generator:
    """Start the default generator's stream of `seed`, and return that generator.

    Example:
        >>> import xpgrad.random
        >>> xpgrad.random.manual_seed(-1).initial_seed() == 2**64 - 1
        True
    """
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Start the default generator with a seed from the operating system, and return that seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed that the default generator was started with."""
    return default_generator.initial_seed()


@contextlib.contextmanager
def fork_rng(devices: Any = None, enabled: bool = True) -> Iterator[None]:
    """Put the default generator back, at the end of a ``with`` block, to where it was. `devices` is PyTorch's, unused.

    Example:
        >>> from xpgrad import random
        >>> with random.fork_rng():
        ...     first = random.default_generator.uniform(())
        >>> bool(first == random.default_generator.uniform(()))
        True
    """
    state = default_generator.get_state() if enabled else None
    try:
        yield
    finally:
        if state is not None:
            default_generator.set_state(state)

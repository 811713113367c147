"""The text of a Tensor, character for character as PyTorch prints it.

The numbers come from any array on the host that has a shape, slices and `tolist`; a large one is cut to its edges
before a single element is looked at. One `_Style` is chosen for all the numbers that are shown: fixed, integer-valued
(``1.``) or scientific, and a common width.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Iterator
from typing import Any

from . import dtypes


@dataclasses.dataclass
class _Options:
    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_options = _Options()
_PROFILES = {
    "default": _Options(),
    "short": _Options(precision=2, edgeitems=2),
    "full": _Options(threshold=math.inf),
}


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Choose how Tensors are printed; what is not given stays, but for `sci_mode`.

    Args:
        precision: digits after the point (4).
        threshold: the number of elements above which only the edges are printed (1000).
        edgeitems: how many at each edge of each dimension then (3).
        linewidth: characters per line (80).
        profile: ``"default"``, ``"short"`` or ``"full"``, to start from.
        sci_mode: scientific notation always (True), never (False), or where the range of the numbers asks for it.

    Raises:
        ValueError: for an unknown profile.

    Example:
        >>> import numpy
        >>> from xpgrad import dtypes, printing
        >>> with printing.printoptions(precision=2):
        ...     print(printing.tensor_text(numpy.asarray([1.12345]), dtypes.float32))
        tensor([1.12])
    """
    if profile is not None:
        if profile not in _PROFILES:
            raise ValueError(f"set_printoptions: unknown profile {profile!r}; choose one of {', '.join(_PROFILES)}")
        chosen = dataclasses.asdict(_PROFILES[profile])
    else:
        chosen = get_printoptions()
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    chosen.update({name: value for name, value in given.items() if value is not None}, sci_mode=sci_mode)
    for name, value in chosen.items():
        setattr(_options, name, value)


def get_printoptions() -> dict[str, Any]:
    """The options as `set_printoptions` takes them."""
    return dataclasses.asdict(_options)


@contextlib.contextmanager
def printoptions(**options: Any) -> Iterator[None]:
    """Other options within a ``with`` block; the arguments are those of `set_printoptions`."""
    before = get_printoptions()
    set_printoptions(**options)
    try:
        yield
    finally:
        set_printoptions(**before)


def tensor_text(
    array: Any,
    dtype: dtypes.dtype,
    *,
    requires_grad: bool = False,
    grad_fn_name: str | None = None,
    device: str = "cpu",
    default_dtype: dtypes.dtype | None = None,
    prefix: str = "tensor(",
) -> str:
    """What ``repr`` of a Tensor says.

    Args:
        array: the numbers on the host: an array with `shape`, slices and `tolist`.
        dtype: the Tensor's dtype; half-precision numbers may arrive in a wider array.
        requires_grad, grad_fn_name: said at the end, the name first.
        device: said unless it is ``"cpu"``.
        default_dtype: the dtype that goes without saying; the current default if not given.
        prefix: how the text starts.

    Example:
        >>> import numpy
        >>> from xpgrad import dtypes
        >>> from xpgrad.printing import tensor_text
        >>> print(tensor_text(numpy.asarray([[1, 2], [3, -4]]), dtypes.float32, requires_grad=True))
        tensor([[ 1.,  2.],
                [ 3., -4.]], requires_grad=True)
    """
    shape = tuple(array.shape)
    default = default_dtype or dtypes.get_default_dtype()
    empty = 0 in shape
    suffixes = [] if device == "cpu" else [f"device='{device}'"]
    if (empty and len(shape) != 1) or (not empty and not _options.edgeitems):
        suffixes.append(f"size={shape}")
    default_complex = dtypes.complex128 if default is dtypes.float64 else dtypes.complex64
    inferred = () if empty else (default_complex, dtypes.int64, dtypes.bool_)
    if dtype is not default and dtype not in inferred:
        suffixes.append(f"dtype={dtype}")
    if grad_fn_name is not None:
        suffixes.append(f"grad_fn=<{grad_fn_name}>")
    elif requires_grad:
        suffixes.append("requires_grad=True")
    body = "[]" if empty else _body(array, shape, dtype, len(prefix))
    return _with_suffixes(prefix + body, suffixes, len(prefix))


def parameter_text(text: str) -> str:
    """What ``repr`` of a Parameter says, from the text of its Tensor."""
    return f"Parameter containing:\n{text}"


class _Style:
    """How one real number is written, chosen by all that are shown."""

    def __init__(self, values: list[Any], floating: bool) -> None:
        self.point = ""
        self.spec = ""
        self.width = 1
        shown = values
        if floating:
            self.spec, self.point = ".0f", "."
            shown = [v for v in values if v and math.isfinite(v)]
            if shown:
                self._choose(shown)
        self.width = max([1, *(len(self._bare(v)) for v in shown)])

    def _choose(self, values: list[float]) -> None:
        least, most = min(map(abs, values)), max(map(abs, values))
        scientific = _options.sci_mode
        if scientific is None:
            scientific = most / least > 1000.0 or most > 1e8 or least < 1e-4
        if scientific:
            self.spec, self.point = f".{_options.precision}e", ""
        elif any(v != math.floor(v) for v in values):
            self.spec, self.point = f".{_options.precision}f", ""

    def _bare(self, value: Any) -> str:
        text = format(value, self.spec)
        return text + self.point if self.point and math.isfinite(value) else text

    def __call__(self, value: Any) -> str:
        return self._bare(value).rjust(self.width)


class _ComplexStyle:
    """How one complex number is written: each part has its own style."""

    def __init__(self, values: list[complex]) -> None:
        self.real = _Style([v.real for v in values], True)
        self.imag = _Style([v.imag for v in values], True)
        self.width = self.real.width + self.imag.width + 1

    def __call__(self, value: complex) -> str:
        imag = self.imag(value.imag).lstrip() + "j"
        return self.real(value.real) + ("" if imag[0] in "+-" else "+") + imag


def _body(array: Any, shape: tuple[int, ...], dtype: dtypes.dtype, indent: int) -> str:
    edge = _options.edgeitems if math.prod(shape) > _options.threshold else None
    if edge == 0 and shape:
        return "[...]"
    values = array.tolist() if edge is None else _edges(array, shape, edge)
    flat = values if shape else [values]
    for _ in shape[1:]:
        flat = [value for row in flat for value in row]
    style = _ComplexStyle(flat) if dtype.is_complex else _Style(flat, dtype.is_floating_point)
    return _render(values, shape, style, indent, edge)


def _edges(array: Any, shape: tuple[int, ...], edge: int) -> Any:
    """Nested lists of what is shown of a large array: the first and last `edge` of each long dimension."""
    if not shape:
        return array.tolist()
    n = shape[0]
    kept = range(n) if n <= 2 * edge else [*range(edge), *range(n - edge, n)]
    if len(shape) > 1:
        return [_edges(array[i], shape[1:], edge) for i in kept]
    return array.tolist() if n <= 2 * edge else array[:edge].tolist() + array[n - edge :].tolist()


def _render(values: Any, shape: tuple[int, ...], style: Any, indent: int, edge: int | None) -> str:
    if not shape:
        return str(style(values))
    cut = edge is not None and shape[0] > 2 * edge
    if len(shape) == 1:
        parts = [style(value) for value in values]
        if cut:
            parts.insert(len(parts) // 2, " ...")
        per_line = max(1, (_options.linewidth - indent) // (style.width + 2))
        lines = [", ".join(parts[i : i + per_line]) for i in range(0, len(parts), per_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
    parts = [_render(value, shape[1:], style, indent + 1, edge) for value in values]
    if cut:
        parts.insert(len(parts) // 2, "...")
    return "[" + ("," + "\n" * (len(shape) - 1) + " " * (indent + 1)).join(parts) + "]"


def _with_suffixes(text: str, suffixes: list[str], indent: int) -> str:
    """Append each suffix to the last line, or to a new one where PyTorch finds that line too long."""
    length = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if length + len(suffix) + 2 > _options.linewidth:
            text += ",\n" + " " * indent + suffix
            length = indent + len(suffix)
        else:
            text += ", " + suffix
            length += len(suffix) + 2
    return text + ")"

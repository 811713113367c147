"""Pooling in one to three dimensions, ties and ragged windows included."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Sample, case, distinct, fixed, real


def _pool(name: str, kernel: Any, **params: Any) -> Any:
    def reference(torch: Any, x: Any) -> Any:
        return getattr(torch.nn.functional, f"{name}{x.ndim - 2}d")(x, kernel, **params)

    return reference


def _indices(name: str, kernel: Any, **params: Any) -> Any:
    def reference(torch: Any, x: Any) -> Any:
        return getattr(torch.nn.functional, f"{name}{x.ndim - 2}d")(x, kernel, return_indices=True, **params)[1]

    return reference


def _take(name: str, kernel: Any) -> Any:
    def reference(torch: Any, v: Any, x: Any) -> Any:
        places = _indices(name, kernel)(torch, x)
        return torch.gather(v.flatten(2), 2, places.flatten(2)).reshape(places.shape)

    return reference


def _put(name: str, kernel: Any) -> Any:
    def reference(torch: Any, z: Any, x: Any) -> Any:
        places = _indices(name, kernel)(torch, x)
        return torch.zeros_like(x).flatten(2).scatter_add(2, places.flatten(2), z.flatten(2)).reshape(x.shape)

    return reference


def _spread(name: str, size: tuple[int, ...], *args: Any, **params: Any) -> Any:
    def reference(torch: Any, z: Any) -> Any:
        x = torch.zeros((*z.shape[:2], *size), dtype=z.dtype, requires_grad=True)
        y = getattr(torch.nn.functional, f"{name}{z.ndim - 2}d")(x, *args, **params)
        return torch.autograd.grad(y, x, z, create_graph=True)[0]

    return reference


def _ties(*shape: int) -> Sample:
    return fixed((np.arange(np.prod(shape)) * 7 % 5 // 2).reshape(shape).astype("float64"))


MAX: tuple[tuple[tuple[int, ...], Any, dict[str, Any]], ...] = (
    ((2, 3, 8), 2, {}),
    ((2, 2, 9), 3, {"stride": 2, "padding": 1}),
    ((2, 3, 6, 8), 2, {}),
    ((2, 2, 7, 6), (3, 2), {"stride": (2, 1), "padding": (1, 0)}),
    ((1, 2, 7, 7), 3, {"stride": 1, "dilation": 2, "padding": 1}),
    ((1, 2, 6, 7), 2, {"stride": 3, "ceil_mode": True}),
    ((1, 2, 4, 5, 4), (2, 3, 2), {"stride": 2}),
)
for shape, kernel, params in MAX:
    case("max_pool", distinct(*shape), torch=_pool("max_pool", kernel, **params), kernel=kernel, **params)
    case("max_pool", _ties(*shape), torch=_pool("max_pool", kernel, **params), about="ties", order=1, kernel=kernel,
         **params)  # fmt: skip
    case("max_pool_indices", _ties(*shape), torch=_indices("max_pool", kernel, **params), about="ties", kernel=kernel,
         **params)  # fmt: skip

_X = fixed((np.arange(2 * 2 * 5 * 6) * 37 % 120).reshape(2, 2, 5, 6) * 0.25)  # no two equal
case("max_pool_put", real(2, 2, 2, 3), _X, torch=_put("max_pool", 2),
     call=lambda xp, z, x: xp.max_pool_put(z, x, xp.max_pool(x, kernel=2), kernel=2))  # fmt: skip
case("max_pool_take", real(2, 2, 5, 6), _X, torch=_take("max_pool", 2),
     call=lambda xp, v, x: xp.max_pool_take(v, x, xp.max_pool(x, kernel=2), kernel=2))  # fmt: skip
case("adaptive_max_put", real(2, 2, 3, 4), _X, torch=_put("adaptive_max_pool", (3, 4)),
     call=lambda xp, z, x: xp.adaptive_max_put(z, x, xp.adaptive_max_pool(x, size=(3, 4))))  # fmt: skip
case("adaptive_max_take", real(2, 2, 5, 6), _X, torch=_take("adaptive_max_pool", (3, 4)),
     call=lambda xp, v, x: xp.adaptive_max_take(v, x, xp.adaptive_max_pool(x, size=(3, 4))))  # fmt: skip

for shape, kernel, params in (
    ((2, 3, 8), 2, {}),
    ((2, 2, 7), 3, {"stride": 2, "padding": 1, "ceil_mode": True}),
    ((2, 3, 6, 8), 2, {}),
    ((1, 2, 7, 6), (3, 2), {"stride": (2, 1), "padding": (1, 1)}),
    ((1, 2, 6, 6), 3, {"stride": 2, "padding": 1, "count_include_pad": False}),
    ((1, 2, 6, 7), 3, {"stride": 2, "padding": 1, "ceil_mode": True, "divisor_override": 4}),
    ((1, 2, 4, 5, 4), (2, 3, 2), {"stride": 2}),
):  # fmt: skip
    case("avg_pool", real(*shape), torch=_pool("avg_pool", kernel, **params), kernel=kernel, **params)

case("avg_pool_grad", real(2, 2, 3, 4), torch=_spread("avg_pool", (6, 8), 2), size=(6, 8), kernel=2)
case("avg_pool_grad", real(2, 2, 4, 3),
     torch=_spread("avg_pool", (7, 5), 3, stride=2, padding=1, count_include_pad=False), size=(7, 5), kernel=3,
     stride=2, padding=1, count_include_pad=False)  # fmt: skip

for shape, size in (((2, 2, 6), 3), ((2, 2, 7), 4), ((2, 3, 6, 8), (3, 2)), ((1, 2, 7, 5), (3, 4)),
                    ((1, 2, 3, 4), (5, 1)), ((1, 2, 4, 5, 3), (2, 3, 2))):  # fmt: skip
    case("adaptive_avg_pool", real(*shape), torch=_pool("adaptive_avg_pool", size), size=size)
    case("adaptive_max_pool", distinct(*shape), torch=_pool("adaptive_max_pool", size), size=size)
    case("adaptive_max_pool", _ties(*shape), torch=_pool("adaptive_max_pool", size), about="ties", order=1, size=size)
    case("adaptive_max_pool_indices", _ties(*shape), torch=_indices("adaptive_max_pool", size), about="ties",
         size=size)  # fmt: skip

case("adaptive_avg_pool_grad", real(1, 2, 3, 2), torch=_spread("adaptive_avg_pool", (7, 4), (3, 2)), size=(7, 4))
case("adaptive_avg_pool_grad", real(1, 2, 2, 2), torch=_spread("adaptive_avg_pool", (4, 4), (2, 2)), size=(4, 4))

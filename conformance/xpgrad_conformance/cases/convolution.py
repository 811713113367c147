"""Convolutions in one to three dimensions: every parameter alone, and some together."""

from __future__ import annotations

from typing import Any

from . import case, real


def _forward(**params: Any) -> Any:
    def reference(torch: Any, x: Any, w: Any, b: Any = None) -> Any:
        function = getattr(torch.nn.functional, f"conv{x.ndim - 2}d")
        return function(x, w, b, **params)

    return reference


def _padded(before: tuple[int, int], after: tuple[int, int], **params: Any) -> Any:
    def reference(torch: Any, x: Any, w: Any) -> Any:
        wider = torch.nn.functional.pad(x, (before[1], after[1], before[0], after[0]))
        return torch.nn.functional.conv2d(wider, w, **params)

    return reference


def _transposed(**params: Any) -> Any:
    def reference(torch: Any, x: Any, w: Any, b: Any = None) -> Any:
        function = getattr(torch.nn.functional, f"conv_transpose{x.ndim - 2}d")
        return function(x, w, b, **params)

    return reference


def _weight(shape: tuple[int, ...], **params: Any) -> Any:
    def reference(torch: Any, z: Any, x: Any) -> Any:
        function = getattr(torch.nn.functional, f"conv{x.ndim - 2}d")
        w = torch.zeros(shape, dtype=x.dtype, requires_grad=True)
        return torch.autograd.grad(function(x, w, **params), w, z, create_graph=True)[0]

    return reference


FORWARD: tuple[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]], ...] = (
    ((2, 3, 8), (4, 3, 3), {}),
    ((2, 4, 9), (6, 2, 2), {"stride": 2, "padding": 1, "dilation": 3, "groups": 2}),
    ((2, 3, 6, 7), (4, 3, 3, 2), {}),
    ((1, 2, 4, 4), (3, 2, 1, 1), {}),
    ((2, 2, 7, 8), (3, 2, 3, 3), {"stride": 2}),
    ((2, 2, 5, 5), (2, 2, 2, 2), {"stride": 3, "padding": 1}),
    ((2, 2, 5, 6), (3, 2, 3, 2), {"padding": (1, 2)}),
    ((2, 2, 5, 6), (3, 2, 4, 2), {"padding": "same"}),
    ((2, 2, 7, 7), (3, 2, 3, 3), {"dilation": (2, 1)}),
    ((2, 4, 5, 5), (4, 1, 3, 3), {"groups": 4, "padding": 1}),
    ((1, 4, 6, 9), (6, 2, 3, 2), {"stride": (2, 3), "padding": (1, 0), "dilation": (1, 2), "groups": 2}),
    ((1, 2, 4, 5, 4), (2, 2, 2, 3, 2), {}),
    ((1, 2, 5, 4, 6), (4, 1, 2, 2, 3), {"stride": (2, 1, 2), "padding": (1, 0, 1), "groups": 2}),
    # rows long enough to be multiplied where they lie
    ((2, 4, 4, 16), (4, 2, 3, 3), {"padding": 1, "groups": 2}),
    ((4, 2, 5, 16), (4, 1, 3, 2), {"stride": (2, 1), "groups": 2}),
    ((4, 2, 3, 31), (2, 1, 3, 3), {"stride": 2, "padding": 1, "groups": 2}),
    ((2, 2, 5, 17), (2, 2, 3, 2), {"dilation": (2, 1)}),
    ((2, 2, 3, 3, 24), (2, 2, 2, 2, 1), {"dilation": (2, 1, 1)}),
    # windows that do not overlap
    ((2, 3, 8), (4, 3, 2), {"stride": 2}),
    ((2, 3, 4, 6), (4, 3, 2, 3), {"stride": (2, 3)}),
    ((2, 2, 5, 6), (3, 2, 1, 2), {"stride": (2, 3), "padding": (0, 1)}),
    ((2, 4, 3, 5), (6, 2, 1, 1), {"stride": (1, 2), "padding": 1, "groups": 2}),
)  # fmt: skip
for shape, weight, params in FORWARD:
    case("convolution", real(*shape), real(*weight), torch=_forward(**params), complex=True, **params)

case("convolution", real(2, 2, 5, 5), real(3, 2, 3, 3), real(3), torch=_forward(stride=2), complex=True, stride=2)
case("convolution", real(2, 1, 6), real(3, 1, 4), real(3), torch=_forward())
case("convolution", real(2, 2, 5, 5), real(3, 2, 3, 2), torch=_padded((1, 0), (0, 2)), about="padding in pairs",
     padding=((1, 0), (0, 2)))  # fmt: skip
case("convolution", real(1, 3, 12, 5), real(2, 3, 5, 3), torch=_forward(), about="more rows than one product takes")

for shape, weight, size, params in (
    ((2, 3, 5), (3, 2, 3), (13,), {"stride": 3, "padding": 1}),
    ((2, 3, 4, 3), (3, 2, 3, 2), None, {}),
    ((1, 4, 3, 3), (4, 2, 2, 2), None, {"stride": 2, "groups": 2}),
    ((2, 3, 2, 3), (3, 2, 2, 2), None, {"stride": 2}),
    ((2, 3, 2, 3), (3, 2, 1, 1), None, {"stride": 2}),
    ((1, 2, 3, 3), (2, 2, 2, 3), (6, 9), {"stride": 3, "padding": 1, "dilation": (1, 2)}),
    ((1, 2, 3, 2, 3), (2, 2, 2, 2, 2), None, {"stride": (1, 2, 1), "padding": (0, 1, 1)}),
):  # fmt: skip
    case("conv_input_grad", real(*shape), real(*weight), torch=_transposed(**params), complex=True, size=size, **params)

# a larger size than the smallest is PyTorch's output_padding
case("conv_input_grad", real(2, 2, 3, 3), real(2, 3, 3, 3), real(3), torch=_transposed(stride=2, output_padding=1),
     size=(8, 8), stride=2)  # fmt: skip

for shape, given, weight, params in (
    ((2, 4, 3), (2, 3, 8), (4, 3, 3), {"stride": 2, "padding": 0}),
    ((2, 3, 4, 4), (2, 2, 6, 5), (3, 2, 3, 2), {}),
    ((1, 4, 3, 4), (1, 4, 6, 6), (4, 2, 3, 3), {"stride": (2, 1), "padding": (1, 1), "dilation": (1, 2), "groups": 2}),
    ((1, 2, 3, 3, 2), (1, 1, 4, 4, 4), (2, 1, 2, 2, 3), {}),
    ((2, 2, 3, 4), (2, 3, 3, 4), (2, 3, 1, 1), {}),
    ((3, 5, 1, 2), (3, 6, 1, 2), (5, 6, 1, 1), {}),
):  # fmt: skip
    case("conv_weight_grad", real(*shape), real(*given), torch=_weight(weight, **params), kernel=weight[2:], **params)

# too large to copy every window: rows at a time
case("convolution", real(4, 8, 20, 18), real(6, 8, 3, 3), real(6), torch=_forward(padding=1), about="in blocks",
     padding=1)  # fmt: skip
case("conv_input_grad", real(4, 8, 20, 18), real(8, 6, 3, 3), torch=_transposed(padding=1), about="in blocks",
     padding=1)  # fmt: skip
case("conv_weight_grad", real(4, 6, 20, 18), real(4, 8, 20, 18), torch=_weight((6, 8, 3, 3), padding=1),
     about="in blocks", kernel=(3, 3), padding=1)  # fmt: skip

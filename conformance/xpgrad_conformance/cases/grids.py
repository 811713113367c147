"""Padding, patches, unpooling, tables of embeddings and normalization: what layers are made of beside convolutions."""

from __future__ import annotations

from typing import Any

from . import case, fixed, integers, positive, real


def _functional(name: str, *args: Any, **params: Any) -> Any:
    return lambda torch, *xs: getattr(torch.nn.functional, name)(*xs, *args, **params)


for _mode in ("reflect", "replicate", "circular"):
    case("border_pad", real(2, 2, 5), pads=((2, 1),), mode=_mode, torch=_functional("pad", (2, 1), mode=_mode))
    case("border_pad", real(1, 2, 4, 5), pads=((1, 2), (3, 0)), mode=_mode,
         torch=_functional("pad", (3, 0, 1, 2), mode=_mode))  # fmt: skip
case("constant_pad", real(2, 3), pads=((0, 1), (2, 0)), value=1.5, complex=True,
     torch=_functional("pad", (2, 0, 0, 1), value=1.5))  # fmt: skip
case("im2col", real(2, 2, 5, 6), kernel=(2, 3), stride=(2, 1), padding=(1, 0),
     torch=_functional("unfold", (2, 3), stride=(2, 1), padding=(1, 0)))  # fmt: skip
case("col2im", real(2, 8, 12), size=(4, 5), kernel=2, torch=_functional("fold", (4, 5), 2))
case("max_unpool", real(1, 2, 2), fixed([[[1, 2], [0, 3]]]), size=(4,),
     torch=lambda torch, x, i: torch.nn.functional.max_unpool1d(x, i, 2))  # fmt: skip
case("embedding", real(5, 3), fixed([[0, 4, 0], [2, 2, 2]]),
     torch=lambda torch, w, i: torch.nn.functional.embedding(i, w))  # fmt: skip
case("embedding", real(5, 3), integers(4), about="a row without a gradient", padding_idx=2,
     torch=lambda torch, w, i: torch.nn.functional.embedding(i, w, padding_idx=2))  # fmt: skip

# the first output is compared; the others are its statistics
_FIRST: Any = {"compare": lambda xp, out: out[0] if isinstance(out, tuple) else out}
case("normalize_layer", real(3, 4), real(4), real(4), torch=lambda torch, x, w, b: torch.nn.functional.layer_norm(
     x, (4,), w, b), **_FIRST)  # fmt: skip
case("normalize_layer", real(2, 3, 4), count=2, **_FIRST,
     torch=lambda torch, x: torch.nn.functional.layer_norm(x, (3, 4)))  # fmt: skip
case("normalize_group", real(2, 4, 3), real(4), real(4), groups=2, **_FIRST,
     torch=lambda torch, x, w, b: torch.nn.functional.group_norm(x, 2, w, b))  # fmt: skip
case("normalize_batch", real(4, 3, 2), real(3), real(3), **_FIRST,
     torch=lambda torch, x, w, b: torch.nn.functional.batch_norm(x, None, None, w, b, training=True))  # fmt: skip
case("scale_batch", real(4, 3, 2), real(3), real(3), real(3), positive(3),
     torch=lambda torch, x, w, b, m, v: (
         (x - m[:, None]) / (v[:, None] + 1e-5) ** 0.5 * w[:, None] + b[:, None]))  # fmt: skip

for _mode, _size in (("nearest", 7), ("nearest-exact", 4), ("linear", 7), ("linear", 3)):
    case("resample", real(1, 2, 5), mode=_mode, size=(_size,), scales=(5 / _size,),
         torch=_functional("interpolate", size=_size, mode=_mode))  # fmt: skip
for _corners in (False, True):
    case("resample", real(1, 1, 4, 3), mode="cubic", size=(5, 7), align_corners=_corners,
         scales=(3 / 4, 2 / 6) if _corners else (4 / 5, 3 / 7),
         torch=_functional("interpolate", size=(5, 7), mode="bicubic", align_corners=_corners))  # fmt: skip
case("ctc_loss_each", real(5, 2, 4), fixed([[1, 2], [3, 3]]), fixed([5, 4]), fixed([2, 2]),
     call=lambda xp, x, *rest: xp.ctc_loss_each(xp.log_softmax(x, axis=-1), *rest),
     torch=lambda torch, x, *rest: torch.nn.functional.ctc_loss(
         torch.log_softmax(x, -1), *rest, reduction="none"))  # fmt: skip

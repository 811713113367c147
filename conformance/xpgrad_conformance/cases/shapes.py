"""Cases of functions that move elements about: reshaping, joining, repeating, casting."""

from __future__ import annotations

from . import case, fixed, real

case("reshape", real(2, 3), shape=(3, 2), complex=True, torch=lambda torch, x: x.reshape(3, 2))
case("reshape", real(2, 3), shape=(-1,), torch=lambda torch, x: x.reshape(-1))
case("reshape", real(), shape=(1, 1), torch=lambda torch, x: x.reshape(1, 1), about="0-d")
case("reshape", real(0, 3), shape=(3, 0), torch=lambda torch, x: x.reshape(3, 0), about="empty")
case("expand_dims", real(2, 3), axis=-1, torch=lambda torch, x: x[..., None])
case("expand_dims", real(2, 3), axis=(0, -1), torch=lambda torch, x: x[None, ..., None])
case("squeeze", real(2, 1, 3), axis=1, torch=lambda torch, x: torch.squeeze(x, 1))
case("squeeze", real(1, 2, 1), axis=(0, -1), torch=lambda torch, x: torch.squeeze(x))
case("permute_dims", real(2, 3, 4), axes=(2, 0, 1), complex=True, torch=lambda torch, x: x.permute(2, 0, 1))
case("permute_dims", real(2, 3, 4), axes=(0, -1, 1), torch=lambda torch, x: x.permute(0, 2, 1), about="negative axes")
case("moveaxis", real(2, 3, 4), call=lambda xp, x: xp.moveaxis(x, 0, -1), torch=lambda torch, x: x.movedim(0, -1))
case("moveaxis", real(2, 3, 4), call=lambda xp, x: xp.moveaxis(x, (0, 2), (1, 0)),
     torch=lambda torch, x: x.movedim((0, 2), (1, 0)))  # fmt: skip
case("matrix_transpose", real(2, 3, 4), complex=True, torch=lambda torch, x: x.mT)
case("broadcast_to", real(3, 1), shape=(2, 3, 4), complex=True, torch=lambda torch, x: x.expand(2, 3, 4))
case("broadcast_to", real(), shape=(2, 2), torch=lambda torch, x: x.expand(2, 2), about="0-d")
case("broadcast_to", real(1, 2), shape=(0, 2), torch=lambda torch, x: x.expand(0, 2), about="empty")
case("flip", real(2, 3), torch=lambda torch, x: x.flip(0, 1))
case("flip", real(2, 3), axis=-1, complex=True, torch=lambda torch, x: x.flip(1))
case("flip", real(2, 3, 2), axis=(0, -1), torch=lambda torch, x: x.flip(0, 2))
case("roll", real(2, 3), call=lambda xp, x: xp.roll(x, 2), torch=lambda torch, x: x.roll(2))
case("roll", real(2, 3), call=lambda xp, x: xp.roll(x, -1, axis=-1), torch=lambda torch, x: x.roll(-1, 1))
case("roll", real(2, 3), call=lambda xp, x: xp.roll(x, (1, 2), axis=(0, 1)),
     torch=lambda torch, x: x.roll((1, 2), (0, 1)))  # fmt: skip
for _k in (-1, 0, 1):
    case("tril", real(2, 3, 4), k=_k, torch=lambda torch, x, k=_k: torch.tril(x, k))
    case("triu", real(2, 3, 4), k=_k, torch=lambda torch, x, k=_k: torch.triu(x, k))
case("astype", real(3), call=lambda xp, x: xp.astype(xp.astype(x, xp.float32), x.dtype), order=1,
     torch=lambda torch, x: x.float().to(x.dtype), about="there and back")  # fmt: skip
case("astype", real(3), about="to complex",
     call=lambda xp, x: xp.astype(x, xp.complex64 if x.dtype == xp.float32 else xp.complex128),
     torch=lambda torch, x: x.to(x.dtype.to_complex()))  # fmt: skip

for _axis in (0, -1):
    case("concat", real(2, 3), real(2, 3), complex=True, call=lambda xp, a, b, i=_axis: xp.concat((a, b), axis=i),
         torch=lambda torch, a, b, i=_axis: torch.cat((a, b), i), about=f"axis {_axis}")  # fmt: skip
    case("stack", real(2, 3), real(2, 3), complex=True, call=lambda xp, a, b, i=_axis: xp.stack((a, b), axis=i),
         torch=lambda torch, a, b, i=_axis: torch.stack((a, b), i), about=f"axis {_axis}")  # fmt: skip
case("concat", real(2, 3), real(0, 3), real(1, 3), call=lambda xp, *a: xp.concat(a),
     torch=lambda torch, *a: torch.cat(a),
     about="one empty")  # fmt: skip
case("concat", real(2, 3), real(2), call=lambda xp, *a: xp.concat(a, axis=None), about="flat",
     torch=lambda torch, a, b: torch.cat((a.reshape(-1), b)))  # fmt: skip
case("concat", real(2), call=lambda xp, a: xp.concat((a, a)), torch=lambda torch, a: torch.cat((a, a)),
     about="twice the same")  # fmt: skip
case("unstack", real(3, 2), call=lambda xp, x: xp.unstack(x, axis=-1)[1] * xp.unstack(x)[0][0],
     torch=lambda torch, x: x[:, 1] * x[0, 0])  # fmt: skip

case("broadcast_arrays", real(2, 1), real(3), call=lambda xp, a, b: xp.multiply(*xp.broadcast_arrays(a, b)),
     torch=lambda torch, a, b: a * b)  # fmt: skip
for _indexing in ("xy", "ij"):
    case("meshgrid", real(2), real(3), real(2), about=_indexing,
         call=lambda xp, *a, i=_indexing: xp.multiply(*xp.meshgrid(*a, indexing=i)[:2]),
         torch=lambda torch, *a, i=_indexing: torch.multiply(*torch.meshgrid(*a, indexing=i)[:2]))  # fmt: skip
for _times in ((2,), (2, 1, 3), (0, 2), ()):
    case("tile", real(2, 3), call=lambda xp, x, t=_times: xp.tile(x, t),
         torch=lambda torch, x, t=_times: torch.tile(x, t),
         about=str(_times))  # fmt: skip
case("repeat", real(2, 3), call=lambda xp, x: xp.repeat(x, 2), torch=lambda torch, x: x.repeat_interleave(2))
case("repeat", real(2, 3), call=lambda xp, x: xp.repeat(x, 3, axis=-1),
     torch=lambda torch, x: x.repeat_interleave(3, 1))  # fmt: skip
case("repeat", real(2, 3), fixed([2, 0, 3]), call=lambda xp, x, n: xp.repeat(x, n, axis=1), about="counts are an array",
     torch=lambda torch, x, n: x.repeat_interleave(n, 1))  # fmt: skip
case("diff", real(2, 4), torch=lambda torch, x: torch.diff(x))
case("diff", real(4, 2), n=2, axis=0, complex=True, torch=lambda torch, x: torch.diff(x, n=2, dim=0))
case("diff", real(2, 4), real(2, 1), real(2, 2), call=lambda xp, x, a, b: xp.diff(x, prepend=a, append=b),
     torch=lambda torch, x, a, b: torch.diff(x, prepend=a, append=b), about="prepend and append")  # fmt: skip

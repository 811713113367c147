"""Cases of indexing, taking and functional assignment: basic keys, masks, integer arrays, repeated indices."""

from __future__ import annotations

from typing import Any

from . import case, fixed, real

KEYS: dict[str, Any] = {
    "an int": 1,
    "a negative int": (slice(None), -2),
    "slices": (slice(None, None, 2), slice(1, None)),
    "a reversed slice": (slice(None, None, -1),),
    "an ellipsis": (..., 0),
    "a new axis": (None, 0, ..., None),
    "all ints": (0, 1),
    "an empty slice": slice(0, 0),
}


def _theirs(x: Any, key: Any) -> Any:
    """PyTorch's indexing, which knows no negative steps."""
    return x.flip(0) if key == KEYS["a reversed slice"] else x[key]


for _about, _key in KEYS.items():
    case("getitem", real(3, 4), call=lambda xp, x, k=_key: x[k], torch=lambda torch, x, k=_key: _theirs(x, k),
         complex=True,
         about=_about)  # fmt: skip
case("getitem", real(), call=lambda xp, x: x[()], torch=lambda torch, x: x[()], about="0-d")

_rows, _columns = fixed([0, 2, 0, -1]), fixed([1, 0, 1, 3])
case("getitem", real(3, 4), _rows, _columns, call=lambda xp, x, i, j: x[i, j], torch=lambda torch, x, i, j: x[i, j],
     complex=True, about="repeated indices")  # fmt: skip
case("getitem", real(3, 4), _rows, call=lambda xp, x, i: x[i, 1], torch=lambda torch, x, i: x[i, 1],
     about="indices and an int")  # fmt: skip
case("getitem", real(4), fixed([[0, 3, 0], [1, 1, 1]]), call=lambda xp, x, i: x[i], torch=lambda torch, x, i: x[i],
     about="a table of indices")  # fmt: skip
case("getitem", real(2, 2), fixed([[True, False], [True, True]]), call=lambda xp, x, m: x[m],
     torch=lambda torch, x, m: x[m], about="a mask")  # fmt: skip
case("getitem", real(2, 2), fixed([[False, False], [False, False]]), call=lambda xp, x, m: x[m],
     torch=lambda torch, x, m: x[m], about="an empty mask")  # fmt: skip

case("take", real(3, 4), _rows, axis=0, complex=True, torch=lambda torch, x, i: x[i])
case("take", real(2, 4), _columns, axis=-1, torch=lambda torch, x, i: x[:, i])
case("take", real(2, 3, 2), fixed([2, 2, 0]), axis=1, torch=lambda torch, x, i: x[:, i], about="an inner axis")
case("take", real(4), _rows, torch=lambda torch, x, i: x[i], about="no axis")
_TABLE = [[0, 2, -1], [1, 1, 1]]
case("take_along_axis", real(2, 3), fixed(_TABLE), complex=True, torch=lambda torch, x, i: x.gather(1, i % 3))
case("take_along_axis", real(3, 3), fixed(_TABLE), axis=0, torch=lambda torch, x, i: x.gather(0, i % 3))


def _put(torch: Any, x: Any, value: Any, key: Any) -> Any:
    changed = x.clone()
    changed[key] = value
    return changed


def _set(xp: Any, x: Any, value: Any, key: Any) -> Any:
    changed = xp.asarray(x, copy=True)
    changed[key] = value
    return changed


case("setitem", real(3, 4), real(4), call=lambda xp, x, v: _set(xp, x, v, 1),
     torch=lambda torch, x, v: _put(torch, x, v, 1),
     complex=True, about="a row")  # fmt: skip
case("setitem", real(3, 4), real(), call=lambda xp, x, v: _set(xp, x, v, (slice(None), slice(0, 2))), about="broadcast",
     torch=lambda torch, x, v: _put(torch, x, v, (slice(None), slice(0, 2))))  # fmt: skip
case("setitem", real(2, 2), real(), fixed([[True, False], [True, True]]), call=lambda xp, x, v, m: _set(xp, x, v, m),
     torch=lambda torch, x, v, m: _put(torch, x, v, m), about="a mask")  # fmt: skip

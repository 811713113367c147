"""Einstein's sums: the equation is read once, and worked out two operands at a time with sums and matrix products.

A label is an int: the letters and, below zero, the dims that an ellipsis stands for, counted from the last one. An
operand is carried along with the list of its labels.
"""

from __future__ import annotations

import math
from typing import Any

from ..namespace import function

Labels = list[int]


def _letters(text: str, ndim: int | None, operand: int) -> Labels:
    """The labels of one operand, or of the output (`ndim` is then how many dims the ellipsis stands for)."""
    before, dots, after = text.partition("...")
    if any(not c.isalpha() for c in before + after):
        raise RuntimeError(f"einsum(): invalid subscript given at index {operand} in the equation string, subscripts "
                           f"must be in "
                           f"[a-zA-Z], got {text!r}")  # fmt: skip
    width = 0 if not dots else (ndim or 0) - (len(before + after) if operand >= 0 else 0)
    return [*map(ord, before), *range(-width, 0), *map(ord, after)]


def _read(equation: str, operands: list[Any]) -> tuple[list[Labels], Labels]:
    """The labels of each operand and of the output."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    texts = left.split(",")
    if len(texts) != len(operands):
        raise RuntimeError(f"einsum(): {'fewer' if len(texts) > len(operands) else 'more'} operands were provided "
                           f"than specified "
                           f"in the equation: {len(operands)} for {equation!r}")  # fmt: skip
    inputs = [_letters(t, x.ndim, i) for i, (t, x) in enumerate(zip(texts, operands, strict=True))]
    return inputs, _output(inputs, right if arrow else None)


def _output(inputs: list[Labels], right: str | None) -> Labels:
    """The output's labels: as written, else what an ellipsis stands for, and then all that occur once, in order."""
    width = -min((n for labels in inputs for n in labels), default=0)
    width = max(width, 0)
    every = [n for labels in inputs for n in labels]
    if right is None:
        return [*range(-width, 0), *sorted(n for n in set(every) if n >= 0 and every.count(n) == 1)]
    out = _letters(right, width, -1)
    for n in out:
        if n >= 0 and (n not in every or out.count(n) > 1):
            what = (
                "does not appear in the equation for any input operand"
                if n not in every
                else "appears more than once in the output"
            )
            raise RuntimeError(f"einsum(): output subscript {chr(n)} {what}")
    return out


def _diagonal(x: Any, labels: Labels, operand: int) -> tuple[Any, Labels]:
    """Each label once: repeated ones take the diagonal."""
    if len(labels) != x.ndim:
        raise RuntimeError(f"einsum(): the number of subscripts in the equation ({len(labels)}) does not match the "
                           f"number of "
                           f"dimensions ({x.ndim}) for operand {operand} and no ellipsis was given")  # fmt: skip
    labels = list(labels)
    for n in set(labels):
        while labels.count(n) > 1:
            i = labels.index(n)
            j = labels.index(n, i + 1)
            if x.shape[i] != x.shape[j]:
                raise RuntimeError(f"einsum(): subscript {chr(n)} is repeated for operand {operand} but the sizes "
                                   f"don't match, "
                                   f"{x.shape[j]} != {x.shape[i]}")  # fmt: skip
            x = function("linalg.diagonal")(function("moveaxis")(x, (i, j), (-2, -1)))
            labels = [m for k, m in enumerate(labels) if k not in (i, j)] + [n]
    return x, labels


def _without(x: Any, labels: Labels, kept: Any) -> tuple[Any, Labels]:
    """`x` summed over the labels that are not `kept`."""
    gone = tuple(i for i, n in enumerate(labels) if n not in kept)
    return (function("sum")(x, axis=gone), [n for n in labels if n in kept]) if gone else (x, labels)


def _arranged(x: Any, labels: Labels, order: Labels) -> Any:
    """`x` with its dims in an order of labels, of length 1 where it has none of that label."""
    there = [n for n in order if n in labels]
    x = function("permute_dims")(x, tuple(labels.index(n) for n in there))
    sizes = iter(x.shape)
    return function("reshape")(x, tuple(next(sizes) if n in labels else 1 for n in order))


def _product(a: Any, in_a: Labels, b: Any, in_b: Labels, later: set[int]) -> tuple[Any, Labels]:
    """The product of two operands, summed over what neither the output nor a later operand has."""
    one = {n for x, labels in ((a, in_a), (b, in_b)) for n, size in zip(labels, x.shape, strict=True) if size == 1}
    for n in one & set(in_a) & set(in_b):  # a length of 1 meets any other: it is dropped where it is 1
        if a.shape[in_a.index(n)] == 1:
            a, in_a = _without(a, in_a, set(in_a) - {n})
        else:
            b, in_b = _without(b, in_b, set(in_b) - {n})
    a, in_a = _without(a, in_a, later | set(in_b))
    b, in_b = _without(b, in_b, later | set(in_a))
    both = [n for n in in_a if n in in_b]
    batch, summed = [n for n in both if n in later], [n for n in both if n not in later]
    free_a, free_b = [n for n in in_a if n not in both], [n for n in in_b if n not in both]
    order = batch + free_a + free_b
    if not summed:
        return _arranged(a, in_a, order) * _arranged(b, in_b, order), order
    size = {n: k for x, labels in ((a, in_a), (b, in_b)) for n, k in zip(labels, x.shape, strict=True)}

    def block(*groups: Labels) -> tuple[int, ...]:
        return (*(size[n] for n in batch), *(math.prod(size[n] for n in group) for group in groups))

    left = function("reshape")(_arranged(a, in_a, batch + free_a + summed), block(free_a, summed))
    right = function("reshape")(_arranged(b, in_b, batch + summed + free_b), block(summed, free_b))
    out = function("matmul")(left, right)
    return function("reshape")(out, tuple(size[n] for n in order)), order


def einsum(*args: Any) -> Any:
    """Sums of products, as the equation says: ``einsum("ij,jk->ik", a, b)``.

    Letters name dims; what is not in the output is summed over. A letter that one operand has twice takes the diagonal,
    an ellipsis stands for any dims and broadcasts, and without an arrow the output has what occurs once, in
    alphabetical order. Operands are also taken with lists of ints: ``einsum(a, [0, 1], b, [1, 2], [0, 2])``.

    Raises:
        RuntimeError: if the equation does not fit the operands.

    Example:
        >>> import xpgrad
        >>> a = xpgrad.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> xpgrad.einsum("ii", a), xpgrad.einsum("ij,j", a, xpgrad.tensor([1.0, 10.0]))
        (tensor(5.), tensor([21., 43.]))
    """
    if not isinstance(args[0], str):
        args = _as_equation(args)
    equation, operands = args[0], list(args[1:])
    if len(operands) == 1 and isinstance(operands[0], list | tuple):
        operands = list(operands[0])
    inputs, output = _read(equation, operands)
    sizes: dict[int, int] = {}
    pairs = [_diagonal(x, labels, i) for i, (x, labels) in enumerate(zip(operands, inputs, strict=True))]
    for i, (x, labels) in enumerate(pairs):
        for n, size in zip(labels, x.shape, strict=True):
            if sizes.setdefault(n, size) == 1:
                sizes[n] = size
            elif size not in (1, sizes[n]):
                raise RuntimeError(f"einsum(): subscript {chr(n) if n >= 0 else '...'} has size {size} for operand "
                                   f"{i} which does "
                                   f"not broadcast with previously seen size {sizes[n]}")  # fmt: skip
    out, labels = pairs[0]
    for i, (x, its) in enumerate(pairs[1:], 1):
        later = set(output).union(*(others for _, others in pairs[i + 1 :]))
        out, labels = _product(out, labels, x, its, later)
    out, labels = _without(out, labels, set(output))
    return _arranged(out, labels, output)


def _as_equation(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Operands and lists of ints as an equation and operands; the letters are a-z and then A-Z, up to 51."""

    def text(labels: Any) -> str:
        return "".join("..." if n is Ellipsis else chr(n + (ord("A") if n < 26 else ord("a") - 26)) for n in labels)

    operands, lists = args[: len(args) - len(args) % 2 : 2], args[1::2]
    right = f"->{text(args[-1])}" if len(args) % 2 else ""
    return (",".join(text(labels) for labels in lists) + right, *operands)

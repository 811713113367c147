"""What every functional transform is made of: a call that is recorded between marks, and walked.

A transform marks its arguments as *inputs* of a graph of their own, calls the function, and walks that graph. The mark
is a node with an edge to the node that the argument came from, so a transform inside another, or inside a recorded
program, is itself recorded: the walk records whenever the outputs reach anything outside the marks. Otherwise it
runs on raw arrays, and what comes back does not require grad. Transforms therefore compose to any order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from . import arrays, trees
from .backward import grad as _grad
from .graph import AccumulateGrad, Node, differentiable
from .modes import enable_grad, modes
from .op import device_of
from .tensor import Tensor, current, edge_of, make


class Input(Node):
    """The mark that a transform puts on an argument: an identity, whose gradient the transform asks for."""

    __slots__ = ()

    def pull(self, grads: list[Any], place: Any, keep: bool) -> list[Any]:
        return grads


def wrap(tree: Any) -> Any:
    """`tree` with Tensors in place of raw arrays."""
    return trees.map_leaves(lambda a: make(a) if not isinstance(a, Tensor) and arrays.is_array(a) else a, tree)


def marked(t: Any, where: str) -> Tensor:
    """A Tensor that holds the array of `t` and is an input of a new graph.

    Raises:
        TypeError: if `t` is no array, or its dtype carries no gradients.
    """
    if not isinstance(t, Tensor):
        raise TypeError(
            f"{where} is {t!r:.60}, of type {type(t).__name__}; to be differentiated it must be a Tensor or an "
            "array, for example xpgrad.tensor(2.0)"
        )
    array = current(t)
    if not differentiable(array.dtype):
        raise TypeError(
            f"{where} is a Tensor of dtype {t.dtype}; only floating-point and complex Tensors can be differentiated"
        )
    edge = edge_of(t)
    return make(array, Input((edge,), ((array.shape, array.dtype),)))


def zeros(t: Tensor) -> Tensor:
    """Zeros of the shape, dtype and device of `t`."""
    return make(t.library.native.zeros_like(current(t)))


def reaches_outside(outputs: Sequence[Tensor], start: int) -> bool:
    """Whether a graph leads to a leaf, or to anything older than the node born at `start`: to what the call
    did not make.

    Births count downwards.
    """
    stack = [t._node for t in outputs if t._node is not None]
    seen = set(stack)
    while stack:
        node = stack.pop()
        if node.birth > start or isinstance(node, AccumulateGrad):
            return True
        for edge in node.edges:
            if edge is not None and edge[0] not in seen:
                seen.add(edge[0])
                stack.append(edge[0])
    return False


class Recorded:
    """One call of a function, recorded from marked inputs to outputs, that can be walked back any number of times.

    Attributes:
        inputs, outputs: the leaves, as marked and as they came out;
        output: the whole tree, fit to be handed to the caller;
        auxiliary: what came with the output, likewise; outer: whether anything outside the inputs is reached.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        argnums: tuple[int, ...],
        has_aux: bool,
        kwargs: dict[str, Any],
        name: str,
    ) -> None:
        outer_records = modes.grad
        args = tuple(wrap(a) for a in args)
        self.structures = [trees.structure(args[i]) for i in argnums]
        self.start = Input((None,), ()).birth
        self.inputs: list[Tensor] = []
        given = list(args)
        for i, shape in zip(argnums, self.structures, strict=True):
            places = [f"{name}: argument {i}{path}" for path in trees.paths(args[i])]
            leaves = [marked(t, place) for t, place in zip(shape.flatten_like(args[i], name), places, strict=True)]
            self.inputs += leaves
            given[i] = shape.unflatten(leaves)
        with enable_grad():
            result = function(*given, **wrap(kwargs))
        auxiliary = None
        if has_aux:
            if not isinstance(result, tuple) or len(result) != 2:
                raise TypeError(
                    f"{name}: with has_aux=True the function must return a pair (output, auxiliary), got "
                    f"{type(result).__name__}"
                )
            result, auxiliary = result
        self.outputs, self.structure = trees.flatten(result)
        for t, path in zip(self.outputs, trees.paths(result), strict=True):
            if not isinstance(t, Tensor):
                raise TypeError(
                    f"{name}: the function must return Tensors; its output{path} is of type {type(t).__name__}"
                )
        others = [t for t in trees.flatten(auxiliary)[0] if isinstance(t, Tensor)]
        self.outer = outer_records and reaches_outside([*self.outputs, *others], self.start)
        self.output = self.structure.unflatten([self.handed_out(t) for t in self.outputs])
        self.auxiliary = trees.map_leaves(lambda t: self.handed_out(t) if isinstance(t, Tensor) else t, auxiliary)

    def handed_out(self, t: Tensor) -> Tensor:
        """A Tensor for the caller: without its graph, unless that leads outside."""
        return t if self.outer else make(current(t))

    def pull(self, cotangents: Sequence[Any], recording: bool, keep: bool = True) -> list[Tensor | None]:
        """The gradients at the inputs, None where no output depends on one; a cotangent None leaves its output out."""
        pairs = [(t, c) for t, c in zip(self.outputs, cotangents, strict=True) if c is not None and t.requires_grad]
        if not pairs:
            return [None] * len(self.inputs)
        outputs, given = zip(*pairs, strict=True)
        return list(
            _grad(
                outputs, self.inputs, given, retain_graph=keep or recording, create_graph=recording, allow_unused=True
            )
        )

    def by_argument(self, gradients: Sequence[Tensor | None]) -> list[Any]:
        """Gradients, zeros where there are none, in the trees of the arguments."""
        whole = [zeros(t) if g is None else g for g, t in zip(gradients, self.inputs, strict=True)]
        out = []
        for shape in self.structures:
            out.append(shape.unflatten(whole[: shape.count]))
            whole = whole[shape.count :]
        return out


def like(leaves: Sequence[Any], given: Sequence[Any], what: str) -> list[Tensor]:
    """Tangents or cotangents as Tensors of the dtype of `leaves`, their shapes checked.

    Raises:
        ValueError: for another shape. TypeError: for a complex one where the leaf is real, or no array.
    """
    out = []
    for i, (t, v) in enumerate(zip(leaves, given, strict=True)):
        v = wrap(v)
        if isinstance(v, int | float | complex) and t.ndim == 0:
            v = make(t.library.native.asarray(v, dtype=current(t).dtype, device=device_of(current(t))))
        if not isinstance(v, Tensor):
            raise TypeError(
                f"{what} {i} must be a Tensor or an array of shape {tuple(t.shape)}, got {type(v).__name__}"
            )
        if tuple(v.shape) != tuple(t.shape):
            raise ValueError(f"{what} {i} has shape {tuple(v.shape)}, and should have {tuple(t.shape)}")
        if v.dtype is not t.dtype:
            if v.dtype.is_complex and not t.dtype.is_complex:
                raise TypeError(f"{what} {i} is complex, where {t.dtype} is differentiated")
            v = v.__array_namespace__().astype(v, t.dtype)
        out.append(v)
    return out


class Pushforward:
    """The linear map from tangents at the inputs of a recorded call to tangents at its outputs.

    The gradients g(v) at the inputs are linear in the cotangents v; the gradient of <g(v), t> with respect to v is J t.
    """

    def __init__(self, call: Recorded) -> None:
        self.call = call
        self.start = Input((None,), ()).birth
        tracked = [t for t in call.outputs if t.requires_grad]
        with enable_grad():
            self.dummies = [marked(zeros(t), "jvp: output") for t in tracked]
            every = iter(self.dummies)
            pulled = call.pull([next(every) if t.requires_grad else None for t in call.outputs], recording=True)
        self.pulled = pulled

    def __call__(self, tangents: Sequence[Tensor], recording: bool) -> list[Tensor]:
        pairs = [(g, t) for g, t in zip(self.pulled, tangents, strict=True) if g is not None and g.requires_grad]
        found: Iterator[Any] = iter([None] * len(self.dummies))
        if pairs:
            outputs, given = zip(*pairs, strict=True)
            found = iter(
                _grad(outputs, self.dummies, given, retain_graph=True, create_graph=recording, allow_unused=True)
            )
        pushed = [next(found) if t.requires_grad else None for t in self.call.outputs]
        return [zeros(t) if g is None else g for g, t in zip(pushed, self.call.outputs, strict=True)]


def basis(t: Tensor) -> Iterator[Tensor]:
    """The one-hot Tensors of the shape of `t`."""
    native, array = t.library.native, current(t)
    count = math.prod(array.shape)
    places = native.reshape(native.arange(count, device=device_of(array)), array.shape)
    for i in range(count):
        yield make(native.astype(places == i, array.dtype))


def rows(call: Recorded, k: int, recording: bool) -> Iterator[list[Tensor | None]]:
    """The gradients of each element of output `k` at every input."""
    for one in basis(call.outputs[k]):
        yield call.pull([one if i == k else None for i in range(len(call.outputs))], recording)


def stacked(parts: Sequence[Tensor], like: Tensor, shape: tuple[int, ...], axis: int) -> Tensor:
    """`parts` side by side along `axis`, in `shape`; zeros beside `like` where there are none."""
    xp = like.__array_namespace__()
    if not parts:
        return xp.zeros(shape, dtype=like.dtype, device=like.device)  # type: ignore[no-any-return]
    return xp.reshape(xp.stack(parts, axis=axis), shape)  # type: ignore[no-any-return]


__all__ = ["Input", "Pushforward", "Recorded", "basis", "like", "marked", "rows", "stacked", "wrap", "zeros"]

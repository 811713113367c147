"""The walk over the graph: from outputs back to leaves, each node once, newest first.

A node is always younger than the nodes of its arguments, so the youngest of the nodes that have received a gradient has
received all of it. First-order walks hand raw arrays to the rules; with `create_graph` they hand Tensors, and the walk
is itself recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Any

from . import dtypes
from .graph import Edge, Node
from .modes import modes
from .op import OPS, device_of, library_of
from .tensor import Tensor, apply, current, edge_of, make
from .views import write


def fit(g: Any, shape: tuple[int, ...], dtype: Any, name: str = "") -> Any:
    """A gradient summed over the axes along which its argument was broadcast, in the argument's dtype.

    Args:
        g: the gradient, a raw array or a Tensor.
        shape, dtype: the argument's; the dtype in its library's terms.
        name: of the node whose rules returned `g`, for errors.

    Raises:
        RuntimeError: if the argument does not broadcast to the shape of `g`.
    """
    recording = isinstance(g, Tensor)
    xp = g.__array_namespace__() if recording else library_of(g)
    found = tuple(g.shape)
    extra = len(found) - len(shape)
    if extra > 0 and found[extra:] == shape:  # the usual case, a bias
        g = xp.sum(g, axis=tuple(range(extra)), dtype=g.dtype)
    elif found != shape:
        if extra < 0 or any(n not in (1, m) for n, m in zip(shape, found[extra:], strict=True)):
            raise RuntimeError(f"Function {name} returned an invalid gradient - got {list(found)} but expected shape "
                               f"compatible with {list(shape)}")  # fmt: skip
        axes = tuple(i for i, n in enumerate(found) if i < extra or (shape[i - extra] == 1 and n != 1))
        g = xp.sum(g, axis=axes, keepdims=True, dtype=g.dtype) if axes else g
        g = xp.reshape(g, shape) if extra else g
    given, wanted = dtypes.from_native(g.dtype), dtypes.from_native(dtype)
    if given is not wanted:
        g = xp.real(g) if given.is_complex and not wanted.is_complex else g
        if dtypes.from_native(g.dtype) is not wanted:
            g = xp.astype(g, wanted if recording else dtype)
    return g if recording or shape else xp.native.asarray(g)  # NumPy returns scalars in place of 0-d arrays


def walk(roots: list[tuple[Edge, Any]], *, keep: bool, recording: bool, targets: set[Edge] | None = None,
         accumulate: bool = True) -> dict[Edge, Any]:  # fmt: skip
    """Carry gradients from `roots` to the leaves.

    Args:
        roots: edges and the gradients that start there, raw arrays or (recording) Tensors.
        keep: keep what the rules read, for another walk.
        recording: record the walk itself.
        targets: edges whose gradients are wanted; nothing that does not lead to them is computed. None: all leaves.
        accumulate: add to the ``.grad`` of the leaves that are reached.

    Returns:
        The gradient at each target that was reached.
    """
    place = _place if recording else None
    needed = _leading_to(targets, roots) if targets is not None else None
    anomaly = modes.anomaly and modes.check_nan
    waiting: dict[int, tuple[Node, list[Any]]] = {}  # by birth: a node and the gradients of its outputs so far
    births: list[int] = []  # a heap of the keys of `waiting`
    found: dict[Edge, Any] = {}
    node: Node | None = None
    edges: Sequence[Edge | None] = [edge for edge, _ in roots]
    pulled: Sequence[Any] = [g for _, g in roots]
    while True:
        for edge, g in zip(edges, pulled):  # noqa: B905  (saying strict costs a twentieth of the walk)
            if edge is None or g is None or (needed is not None and edge[0] not in needed):
                continue
            target, index = edge
            shape, dtype = target.outputs[index]
            if not shape or g.shape != shape or g.dtype is not dtype:
                g = fit(g, shape, dtype, node.name() if node is not None else "")
            entry = waiting.get(target.birth)
            if entry is None:
                waiting[target.birth] = entry = (target, [None] * len(target.outputs))
                heappush(births, target.birth)
            grads = entry[1]
            grads[index] = g if grads[index] is None else grads[index] + g
        if not births:
            return found
        node, grads = waiting.pop(heappop(births))
        if node.hooks is not None:
            grads = _hooks_before(node, grads, recording)
        if targets is not None:
            found |= {(node, i): g for i, g in enumerate(grads) if (node, i) in targets}
        edges = node.edges
        if not edges:  # a leaf
            if accumulate and grads[0] is not None:
                _accumulate(node, grads[0], recording)
            pulled = ()
        elif needed is not None and not any(edge is not None and edge[0] in needed for edge in edges):
            edges = pulled = ()
            continue
        else:
            pulled = node.pull(grads, place, keep)
            if anomaly:
                _check_nan(node, pulled)
        if node.hooks is not None:
            pulled = _hooks_after(node, pulled, grads, recording)


def _place(array: Any, edge: Edge | None) -> Tensor:
    return make(array, *edge) if edge is not None else make(array)


def _leading_to(targets: set[Edge], roots: list[tuple[Edge, Any]]) -> set[Node]:
    """The nodes on the ways from the roots to the targets, both included."""
    needed = {node for node, _ in targets}
    last = max((node.birth for node in needed), default=0)  # nothing older than all targets leads to one
    seen = {edge[0] for edge, _ in roots}
    stack = list(seen)
    while stack:
        for edge in stack.pop().edges:
            if edge is not None and edge[0] not in seen and edge[0].birth <= last:
                seen.add(edge[0])
                stack.append(edge[0])
    for node in sorted(seen, key=lambda node: -node.birth):  # the oldest first
        if any(edge is not None and edge[0] in needed for edge in node.edges):
            needed.add(node)
    return needed


def _wrapped(g: Any) -> Any:
    return g if g is None or isinstance(g, Tensor) else make(g)


def _unwrapped(values: Any, recording: bool) -> list[Any]:
    return [g if recording or g is None else current(g) for g in values]


def _hooks_before(node: Node, grads: list[Any], recording: bool) -> list[Any]:
    """The gradients of a node's outputs after the hooks on them, and on the node."""
    hooks = node.hooks
    wrapped = [_wrapped(g) for g in grads]
    for at in (hooks.tensor, hooks.retained) if hooks is not None else ():
        for index, calls in at.items():
            if wrapped[index] is not None:
                wrapped[index] = _checked(calls.run(wrapped[index]), wrapped[index])
    if hooks is not None and hooks.before.calls:
        changed = hooks.before.run(tuple(wrapped))
        wrapped = [_checked(new, g) for new, g in zip(_tuple(changed), wrapped, strict=True)]
    return _unwrapped(wrapped, recording)


def _hooks_after(node: Node, pulled: Sequence[Any], grads: list[Any], recording: bool) -> Sequence[Any]:
    """The gradients of a node's arguments after the hooks on the node."""
    if node.hooks is None or not node.hooks.after.calls:
        return pulled
    incoming = tuple([_wrapped(g) for g in grads])
    changed = tuple([_wrapped(g) for g in pulled])
    for hook in list(node.hooks.after.calls.values()):
        result = hook(changed, incoming)
        changed = changed if result is None else _tuple(result)
    if len(changed) != len(pulled):
        raise RuntimeError(f"a hook on {node.name()} returned {len(changed)} gradients in place of {len(pulled)}")
    return _unwrapped(changed, recording)


def _tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def _checked(new: Any, old: Any) -> Any:
    """What a hook returned in place of the gradient `old`."""
    if new is old or (new is None and old is None):
        return new
    if not isinstance(new, Tensor):
        raise TypeError(f"a hook on a gradient must return a Tensor or None, not {type(new).__name__}")
    if old is not None and new.shape != old.shape:
        raise RuntimeError(f"hook has changed the size of value: from {list(old.shape)} to {list(new.shape)}")
    if old is not None and new.dtype is not old.dtype:
        raise RuntimeError(f"hook has changed the type of value: from {old.dtype} to {new.dtype}")
    return new


def _check_nan(node: Node, pulled: Sequence[Any]) -> None:
    for i, g in enumerate(pulled):
        if g is not None and dtypes.rank(dtypes.from_native(g.dtype)) > 1:
            array = current(g) if isinstance(g, Tensor) else g
            xp = library_of(array)
            if bool(xp.any(xp.isnan(array))):
                where = f"The op was called here:\n{node.called_at}"
                if node.called_at is None:
                    where = "Turn anomaly detection on around the forward pass too, to be told where it was called."
                raise RuntimeError(f"Function '{node.name()}' returned nan values in its {i}th output. {where}")


def _accumulate(node: Any, g: Any, recording: bool) -> None:
    """Add to a leaf's ``.grad``: in place, or (recording) by a new Tensor."""
    leaf = node.variable
    if leaf._grad is None:
        leaf._grad = apply(OPS["clone"], (g,)) if recording else make(g)
    elif recording:
        leaf._grad = leaf._grad + g
    else:
        write(leaf._grad, make(current(leaf._grad) + g))
    if node.hooks is not None:
        for hook in list(node.hooks.accumulated.calls.values()):
            hook(leaf)


def _start(t: Tensor, gradient: Any, recording: bool) -> tuple[Edge, Any]:
    """The edge of an output and the gradient to start with there."""
    edge = edge_of(t)
    if edge is None:
        raise RuntimeError("element 0 of tensors does not require grad and does not have a grad_fn")
    array = t._array
    dtype = dtypes.from_native(array.dtype)
    if gradient is None:
        if array.shape and t.size != 1:
            raise RuntimeError("grad can be implicitly created only for scalar outputs; this one has shape "
                               f"{list(t.shape)}. Give a gradient of that shape")  # fmt: skip
        if dtype.is_complex:
            raise RuntimeError(f"grad can be implicitly created only for real scalar outputs but got {dtype}")
        ones = library_of(array).native.ones(array.shape, dtype=array.dtype, device=device_of(array))
        return edge, make(ones) if recording else ones
    gradient = _wrapped(gradient)
    if gradient.shape != t.shape:
        raise RuntimeError(f"Mismatch in shape: grad_output[0] has a shape of {gradient.shape} and output[0] has a "
                           f"shape of {t.shape}.")  # fmt: skip
    if dtypes.rank(gradient.dtype) < 2 or gradient.dtype.is_complex != dtype.is_complex:
        raise RuntimeError("Both grad_output and output are required to have the same dtype, or both real floating "
                           f"ones. Mismatch in dtype: grad_output[0] has a dtype of {gradient.dtype} and output[0] has "
                           f"a dtype of {dtype}.")  # fmt: skip
    return edge, (gradient if recording else current(gradient))


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _walk(outputs: Any, gradients: Any, keep: bool | None, recording: bool, **how: Any) -> dict[Edge, Any]:
    tensors = _listed(outputs)
    given = _listed(gradients) if gradients is not None else [None] * len(tensors)
    if len(given) != len(tensors):
        raise RuntimeError(f"got {len(tensors)} tensors and {len(given)} gradients")
    roots = [_start(t, g, recording) for t, g in zip(tensors, given, strict=True)]
    before, modes.grad = modes.grad, recording
    try:
        return walk(roots, keep=recording if keep is None else keep, recording=recording, **how)
    finally:
        modes.grad = before


def backward(tensors: Any, grad_tensors: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
             inputs: Any = None) -> None:  # fmt: skip
    """Add the gradients of `tensors` to the ``.grad`` of the leaves that they were computed from.

    Args:
        tensors: one Tensor or several.
        grad_tensors: the gradients that start there, of the same shapes; may be left out for scalars.
        retain_graph: keep what the rules read, so that the graph can be walked again. Default: `create_graph`.
        create_graph: record the walk, so that the gradients can be differentiated.
        inputs: only these get gradients.

    Raises:
        RuntimeError: for a graph that was freed, an output that is no scalar and has no gradient given, or a gradient
            of the wrong shape or dtype.

    Example:
        >>> import xpgrad
        >>> x = xpgrad.tensor(3.0, requires_grad=True)
        >>> xpgrad.autograd.backward(x * x)
        >>> x.grad
        tensor(6.)
    """
    if inputs is None:
        _walk(tensors, grad_tensors, retain_graph, create_graph)
        return
    chosen = _listed(inputs)
    if not chosen:
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    edges = [_edge_to(t) for t in chosen]
    found = _walk(tensors, grad_tensors, retain_graph, create_graph, targets=set(edges))
    for t, edge in zip(chosen, edges, strict=True):
        g = _wrapped(found.get(edge))
        if g is not None and not t.is_leaf:
            t._grad = g if t._grad is None else t._grad + g


def _edge_to(t: Tensor) -> Edge:
    edge = edge_of(t)
    if edge is None:
        raise RuntimeError("One of the differentiated Tensors does not require grad")
    return edge


def grad(outputs: Any, inputs: Any, grad_outputs: Any = None, retain_graph: bool | None = None,
         create_graph: bool = False, allow_unused: bool | None = None, is_grads_batched: bool = False,
         materialize_grads: bool = False) -> tuple[Any, ...]:  # fmt: skip
    """The gradients of `outputs` with respect to `inputs`; no ``.grad`` is touched.

    Args:
        outputs: one Tensor or several; what is differentiated is the sum of ``<grad_output, output>``.
        inputs: one Tensor or several, leaves or not.
        grad_outputs, retain_graph, create_graph: as in `backward`.
        allow_unused: return None, not an error, for an input that no output depends on.
        materialize_grads: return zeros in place of None.

    Returns:
        A tuple of gradients, one for each input.

    Example:
        >>> import xpgrad
        >>> x = xpgrad.tensor(2.0, requires_grad=True)
        >>> (first,) = xpgrad.autograd.grad(x**3, x, create_graph=True)
        >>> xpgrad.autograd.grad(first, x)
        (tensor(12.),)
    """
    if is_grads_batched:
        raise NotImplementedError("autograd.grad: is_grads_batched is not supported; loop over the gradients")
    chosen = _listed(inputs)
    edges = [_edge_to(t) for t in chosen]
    found = _walk(outputs, grad_outputs, retain_graph, create_graph, targets=set(edges), accumulate=False)
    out = []
    for t, edge in zip(chosen, edges, strict=True):
        g = _wrapped(found.get(edge))
        if g is None and materialize_grads:
            g = make(t.library.native.zeros_like(current(t)))
        elif g is None and not allow_unused:
            raise RuntimeError("One of the differentiated Tensors appears to not have been used in the graph. Set "
                               "allow_unused=True if this is the desired behavior.")  # fmt: skip
        out.append(g)
    return tuple(out)

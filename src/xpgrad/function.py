"""`autograd.Function`: an op that a user writes, with its own forward and backward.

Its forward computes on Tensors without being recorded; its backward is called with Tensors, and is recorded when the
walk is, so a backward made of recorded ops can be differentiated again.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .graph import FREED, Edge, Node, Place, differentiable
from .modes import modes, no_grad
from .tensor import Tensor, current, edge_of, make
from .views import refuse_leaf, write


class FunctionNode(Node):
    """The node of a custom Function, and the `ctx` that its forward and backward are handed.

    Attributes:
        needs_input_grad: for each argument of forward, whether a gradient is asked for.
        saved_tensors: what `save_for_backward` was given.
    """

    needs_input_grad: tuple[bool, ...]

    def __init__(self, function: type[Function], args: tuple[Any, ...]) -> None:
        super().__init__(tuple([edge_of(a) if isinstance(a, Tensor) else None for a in args]), ())
        self.function = function
        self.needs_input_grad = tuple([edge is not None for edge in self.edges])
        self._to_save: tuple[Tensor | None, ...] = ()
        self._saved: list[tuple[Any, Edge | int | None]] | None = None
        self._not_differentiable: tuple[Tensor, ...] = ()
        self._dirty: tuple[Tensor, ...] = ()
        self._materialize = True

    def name(self) -> str:
        """The class's name with ``Backward`` behind it, as PyTorch prints it."""
        return f"{self.function.__name__}Backward"

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep arguments or outputs for backward; they come back in `saved_tensors`."""
        self._to_save = tensors

    def mark_non_differentiable(self, *outputs: Tensor) -> None:
        """These outputs get no gradient."""
        self._not_differentiable = outputs

    def mark_dirty(self, *tensors: Tensor) -> None:
        """These arguments were changed in place by forward, and are returned by it."""
        self._dirty = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward is handed zeros (the default) or None for outputs that were not used."""
        self._materialize = value

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        """What `save_for_backward` was given.

        Raises:
            RuntimeError: after the graph was freed.
        """
        if self._saved is None:
            raise RuntimeError(f"{FREED} (The op is {self.name()}.)")
        return tuple([self._placed(array, edge) for array, edge in self._saved])

    def _placed(self, array: Any, edge: Edge | int | None) -> Tensor | None:
        """A saved array as a Tensor at its place in the graph; an int stands for one of this node's own outputs."""
        if array is None:
            return None
        if edge is None:
            return make(array)
        return make(array, self, edge) if isinstance(edge, int) else make(array, *edge)

    def finish(self, args: tuple[Any, ...], outputs: list[Any]) -> list[Any]:
        """Turn what forward saved into arrays and edges, and its outputs into outputs of this node.

        An output among what is saved is held as an array and its number, so that no cycle arises.
        """
        fixed = {id(t) for t in self._not_differentiable}
        dirty = {id(t) for t in self._dirty}
        edges = {id(a): edge for a, edge in zip(args, self.edges, strict=True) if id(a) not in dirty}
        own: dict[int, int] = {}
        for i, t in enumerate(outputs):
            if isinstance(t, Tensor) and id(t) not in fixed and differentiable(current(t).dtype):
                own[id(t)] = i
        self.outputs = tuple([(current(t).shape, t._array.dtype) if isinstance(t, Tensor) else ((), None)
                              for t in outputs])  # fmt: skip
        self._saved = []
        for t in self._to_save:
            if t is None:
                self._saved.append((None, None))
            else:
                self._saved.append((current(t), edges[id(t)] if id(t) in edges else own.get(id(t), edge_of(t))))
        self._to_save = ()
        finished = []
        for i, t in enumerate(outputs):
            if own.get(id(t)) is None:
                finished.append(make(current(t)) if id(t) in edges and isinstance(t, Tensor) else t)
            elif id(t) in dirty:
                refuse_leaf(t)
                finished.append(write(t, make(current(t), self, i)))
            else:
                finished.append(make(current(t), self, i))
        self._not_differentiable = self._dirty = ()
        return finished

    def pull(self, grads: list[Any], place: Place | None, keep: bool) -> Any:
        """Call the user's backward."""
        given = [g if g is None or isinstance(g, Tensor) else make(g) for g in grads]
        like = next(g for g in given if g is not None).library.native
        if self._materialize:
            given = [make(like.zeros(shape, dtype=dtype)) if g is None and dtype is not None else g
                     for g, (shape, dtype) in zip(given, self.outputs, strict=True)]  # fmt: skip
        returned = self.function.backward(self, *given)
        returned = returned if isinstance(returned, tuple) else (returned,)
        count = len(self.edges)
        if len(returned) < count or any(g is not None for g in returned[count:]):
            raise RuntimeError(f"function {self.name()} returned an incorrect number of gradients (expected {count}, "
                               f"got {len(returned)})")  # fmt: skip
        for i, g in enumerate(returned):
            if g is not None and not isinstance(g, Tensor):
                raise TypeError(f"function {self.name()} returned a {type(g).__name__} as gradient {i}; it must be a "
                                "Tensor or None")  # fmt: skip
        if self._saved and not keep:
            self._saved = None
        return [g if place is not None or g is None else current(g) for g in returned]


class Function:
    """A differentiable operation of your own: give it static `forward` and `backward`.

    ``forward(ctx, *args)`` computes; ``backward(ctx, *grad_outputs)`` returns one gradient (or None) for each argument.
    With `setup_context` given, forward takes no ctx. Call it by ``apply``.

    Example:
        >>> import xpgrad
        >>> class Cube(xpgrad.autograd.Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         ctx.save_for_backward(x)
        ...         return x**3
        ...     @staticmethod
        ...     def backward(ctx, g):
        ...         (x,) = ctx.saved_tensors
        ...         return g * 3 * x**2
        >>> x = xpgrad.tensor(2.0, requires_grad=True)
        >>> Cube.apply(x).backward()
        >>> x.grad
        tensor(12.)
    """

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the outputs; to be written by subclasses."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Compute the gradients of the arguments; to be written by subclasses."""
        raise NotImplementedError("You must implement the backward function for custom autograd.Function to use it in "
                                  "backward mode.")  # fmt: skip

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Save what backward needs, where forward takes no ctx."""
        raise NotImplementedError

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Call forward, and record the call if a gradient may be asked for."""
        ctx = FunctionNode(cls, args)
        with no_grad():
            if cls.setup_context is Function.setup_context:
                result = cls.forward(ctx, *args)
            else:
                result = cls.forward(*args)
                cls.setup_context(ctx, args, result)
        several = isinstance(result, tuple)
        outputs = list(result) if several else [result]
        if modes.grad and any(ctx.needs_input_grad):
            outputs = ctx.finish(args, outputs)
        else:
            unchanged = {id(a) for a in args} - {id(t) for t in ctx._dirty}
            outputs = [make(current(t)) if isinstance(t, Tensor) and id(t) in unchanged else t for t in outputs]
        return tuple(outputs) if several else outputs[0]


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Put on a Function's backward that cannot be differentiated again: a second derivative then raises.

    Example:
        >>> import xpgrad
        >>> from xpgrad.function import once_differentiable
        >>> class Exp(xpgrad.autograd.Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         ctx.save_for_backward(x)
        ...         return x.exp()
        ...     @staticmethod
        ...     @once_differentiable
        ...     def backward(ctx, g):
        ...         return g * ctx.saved_tensors[0].exp()
        >>> x = xpgrad.tensor(0.0, requires_grad=True)
        >>> xpgrad.autograd.grad(Exp.apply(x), x)
        (tensor(1.),)
    """

    @functools.wraps(backward)
    def once(ctx: FunctionNode, *grads: Any) -> Any:
        with no_grad():
            returned = backward(ctx, *grads)
        if not (modes.grad and any(g is not None and g.requires_grad for g in (*grads, *ctx.saved_tensors))):
            return returned
        several = isinstance(returned, tuple)
        barred = [_barred(g, ctx) for g in (returned if several else (returned,))]
        return tuple(barred) if several else barred[0]

    return once


class _Barred(Node):
    """The node of a gradient that cannot be differentiated again."""

    def pull(self, grads: list[Any], place: Place | None, keep: bool) -> Any:
        """Refuse."""
        raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")


def _barred(g: Tensor | None, ctx: FunctionNode) -> Tensor | None:
    """`g` as the output of a node that refuses."""
    if g is None:
        return None
    array = current(g)
    return make(array, _Barred((next(e for e in ctx.edges if e is not None),), ((array.shape, array.dtype),)))

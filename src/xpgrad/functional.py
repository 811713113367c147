"""``xpgrad.autograd.functional``: Jacobians, Hessians and products with them, in PyTorch's signatures.

These take the function and its inputs (a Tensor or a tuple of them) at once and return results. Without `create_graph`
nothing that comes back requires grad. With `strict`, an output or derivative that does not depend on an input is an
error and not zeros. `vectorize` and the strategies change only the way in PyTorch; they are accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .modes import set_grad_enabled
from .tensor import Tensor, current, make
from .transform import Pushforward, Recorded, like, rows, stacked


def _tuple(value: Any, what: str, name: str) -> tuple[bool, tuple[Tensor, ...]]:
    """Whether it was a tuple, and the tuple."""
    several = isinstance(value, tuple)
    found = value if several else (value,)
    for i, t in enumerate(found):
        if not isinstance(t, Tensor):
            place = f" at index {i}" if several else ""
            raise TypeError(
                f"The {what} given to {name} must be either a Tensor or a tuple of Tensors but{place} has type "
                f"{type(t)}."
            )
    return several, found


class _Call:
    """A recorded call, with the checks that all of these functions share."""

    def __init__(self, func: Callable[..., Any], inputs: Any, create_graph: bool, strict: bool, name: str) -> None:
        self.several_inputs, self.given = _tuple(inputs, "inputs", name)
        self.create_graph, self.strict, self.name = create_graph, strict, name
        given = self.given if create_graph else tuple([make(current(t)) for t in self.given])

        def checked(*args: Any) -> Any:
            out = func(*args)
            self.several_outputs, _ = _tuple(out, "outputs of the user-provided function", name)
            return out

        with set_grad_enabled(create_graph):
            self.recorded = Recorded(checked, given, tuple(range(len(given))), False, {}, name)
        self.recording = create_graph and self.recorded.outer
        self.outputs, self.inputs = self.recorded.outputs, self.recorded.inputs
        for i, t in enumerate(self.outputs):
            if strict and not t.requires_grad:
                raise RuntimeError(
                    f"Output {i} of the user-provided function does not require gradients. The outputs must be "
                    "computed in a differentiable manner from the input when running in strict mode."
                )

    def result(self, leaves: Sequence[Tensor], several: bool) -> Any:
        return tuple(leaves) if several else leaves[0]

    def pull(self, cotangents: Sequence[Any]) -> list[Tensor]:
        """Gradients at the inputs, zeros where there are none."""
        return self.filled(self.recorded.pull(cotangents, self.recording), "The output")

    def filled(self, gradients: list[Tensor | None], what: str) -> list[Tensor]:
        """Zeros in place of None; in strict mode, a refusal."""
        if self.strict and None in gradients:
            raise RuntimeError(
                f"{what} of the user-provided function is independent of input {gradients.index(None)}. This is "
                "not allowed in strict mode."
            )
        return self.recorded.by_argument(gradients)

    def vector(self, v: Any, leaves: Sequence[Tensor], what: str) -> list[Tensor]:
        """`v` for `leaves`; ones for the single element that may go without."""
        if v is None:
            if len(leaves) != 1 or leaves[0].size != 1:
                raise RuntimeError(f"The vector v can only be None if {what} is a single Tensor with a single element.")
            return [leaves[0].__array_namespace__().ones_like(leaves[0].detach())]
        _, given = _tuple(v, "v", self.name)
        if len(given) != len(leaves):
            raise RuntimeError(f"v is a tuple of invalid length: should be {len(leaves)} but got {len(given)}.")
        for t, one in zip(leaves, given, strict=True):
            if one.shape != t.shape:
                raise RuntimeError(f"v has invalid size: should be {t.shape} but got {one.shape}.")
        return like(leaves, given if self.create_graph else [make(current(t)) for t in given], f"{self.name}: v")


def vjp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """``(func(*inputs), vᵀ J)``; `v` has the shapes of the output.

    Example:
        >>> import xpgrad
        >>> from xpgrad import functional
        >>> functional.vjp(lambda x: x**2, xpgrad.tensor([1.0, 2.0]), xpgrad.tensor([1.0, 10.0]))
        (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    call = _Call(func, inputs, create_graph, strict, "vjp")
    found = call.pull(call.vector(v, call.outputs, "the output of the user-provided function"))
    return call.recorded.output, call.result(found, call.several_inputs)


def jvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """``(func(*inputs), J v)``, by walking back twice; `v` has the shapes of the inputs."""
    call = _Call(func, inputs, create_graph, strict, "jvp")
    vector = call.vector(v, call.inputs, "the input to the function")
    recording = call.create_graph and (call.recorded.outer or any(t.requires_grad for t in vector))
    pushed = Pushforward(call.recorded)(vector, recording)
    return call.recorded.output, call.result(pushed, call.several_outputs)


def jacobian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian: for Tensors a Tensor of shape ``output.shape + input.shape``, tuples of them for tuples.

    Example:
        >>> import xpgrad
        >>> from xpgrad import functional
        >>> functional.jacobian(lambda x, y: x * y, (xpgrad.tensor([1.0, 2.0]), xpgrad.tensor(3.0)))
        (tensor([[3., 0.],
                [0., 3.]]), tensor([1., 2.]))
    """
    call = _Call(func, inputs, create_graph, strict, "jacobian")
    per_output = []
    for k, y in enumerate(call.outputs):
        if y.dtype.is_complex:
            raise RuntimeError(f"jacobian: output {k} is complex; use vjp or jvp, or real and imaginary parts")
        found = [call.filled(row, f"Output {k}") for row in rows(call.recorded, k, call.recording)]
        blocks = [stacked([row[i] for row in found], x, (*y.shape, *x.shape), 0) for i, x in enumerate(call.inputs)]
        per_output.append(call.result(blocks, call.several_inputs))
    return call.result(per_output, call.several_outputs)


def _gradient(func: Callable[..., Any], strict: bool, name: str) -> Callable[..., tuple[Tensor, ...]]:
    """The gradients of `func`, which must return one element, as a recorded function of the same inputs."""

    def gradient(*args: Tensor) -> tuple[Tensor, ...]:
        call = _Call(func, args, True, strict, name)
        if call.several_outputs or call.outputs[0].size != 1:
            raise RuntimeError(f"The Tensor returned by the function given to {name} should contain a single element")
        call.recording = True
        found = call.pull(call.vector(None, call.outputs, "the output of the user-provided function"))
        for i, g in enumerate(found):
            if strict and not g.requires_grad:
                raise RuntimeError(
                    f"While computing the {name}, found that the jacobian of the user-provided function with respect "
                    f"to input {i} is independent of the input. This is not allowed in strict mode: is the "
                    "function twice differentiable, and not linear?"
                )
        return tuple(found)

    return gradient


def hessian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The Hessian of a function that returns one element: for a Tensor of ``input.shape + input.shape``, for a tuple
    a tuple of tuples.

    Example:
        >>> import xpgrad
        >>> from xpgrad import functional
        >>> functional.hessian(lambda x: (x**3).sum(), xpgrad.tensor([1.0, 2.0]))
        tensor([[ 6.,  0.],
                [ 0., 12.]])
    """
    several, given = _tuple(inputs, "inputs", "hessian")
    found = jacobian(_gradient(func, strict, "hessian"), given, create_graph, strict)
    return found if several else found[0][0]


def vhp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """``(func(*inputs), vᵀ H)``, H the Hessian of a function that returns one element.

    `v` has the shapes of the inputs.

    Example:
        >>> import xpgrad
        >>> from xpgrad import functional
        >>> functional.vhp(lambda x: (x**3).sum(), xpgrad.tensor([1.0, 2.0]), xpgrad.tensor([1.0, 1.0]))
        (tensor(9.), tensor([ 6., 12.]))
    """
    return _product(func, inputs, v, create_graph, strict, "vhp")


def hvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """``(func(*inputs), H v)``; the Hessian is symmetric, so this is `vhp`."""
    return _product(func, inputs, v, create_graph, strict, "hvp")


def _product(
    func: Callable[..., Any], inputs: Any, v: Any, create_graph: bool, strict: bool, name: str
) -> tuple[Any, Any]:
    several, given = _tuple(inputs, "inputs", name)
    values: list[Any] = []

    def keeping(*args: Tensor) -> Any:
        values.append(func(*args))
        return values[-1]

    call = _Call(_gradient(keeping, strict, name), given, create_graph, strict, name)
    found = call.pull(call.vector(v, call.inputs, "the input to the function"))
    return call.recorded.handed_out(values[0]), call.result(found, several)


__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

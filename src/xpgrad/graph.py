"""The graph: what a recorded op leaves behind.

A `Node` stands for one call of an op. It points to the nodes of its arguments (never to Tensors), and holds the
arrays that its rules read. A leaf's node is an `AccumulateGrad`, which points to the leaf; the leaf points back
weakly, so a graph is a tree of ownership and goes when its last Tensor goes.

What a call has to keep, and how its rules are to be called, depends on the op and on which arguments want gradients.
It is worked out once for each such combination, in a `Plan`.
"""

from __future__ import annotations

import functools
import itertools
import traceback
import weakref
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from . import dtypes
from .hooks import Handle, NodeHooks
from .modes import modes
from .op import Library, Op, Rule, device_of

Edge = tuple["Node", int]
Outputs = tuple[tuple[Any, Any], ...]
Place = Callable[[Any, Edge | None], Any]
births = itertools.count(0, -1)

FREED = ("Trying to backward through the graph a second time (or directly access saved tensors after they have already "
         "been freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). "
         "Specify retain_graph=True if you need to backward through the graph a second time or if you need to access "
         "saved tensors after calling backward.")  # fmt: skip


class Node:
    """One call of an op in the graph.

    Attributes:
        edges: for each argument, the node and output index that its gradient goes to, or None.
        outputs: shape and native dtype of each output.
        birth: a running number, counted downwards: a node's is smaller than those of its arguments' nodes.
        hooks: all hooks here, or None.
        called_at: the stack of the call, if anomalies were looked for.
    """

    __slots__ = ("__weakref__", "birth", "called_at", "edges", "hooks", "outputs")

    def __init__(self, edges: Sequence[Edge | None], outputs: Outputs) -> None:
        self.edges = edges
        self.outputs = outputs
        self.birth = next(births)
        self.hooks: NodeHooks | None = None
        self.called_at = call_stack() if modes.anomaly else None

    def pull(self, grads: list[Any], place: Place | None, keep: bool) -> Any:
        """The gradients of the arguments, given those of the outputs.

        Args:
            grads: one for each output, None where it got none; raw arrays, or Tensors if the walk is recorded.
            place: None, or (the walk is recorded) what makes a Tensor of a saved array and its edge.
            keep: keep what was saved, to be walked again. A node that saved no arrays always can be.
        """
        raise NotImplementedError

    def name(self) -> str:
        """The node's name, as PyTorch prints it."""
        return type(self).__name__

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        """The nodes of the arguments, each with the index of the output that was used."""
        return tuple(edge if edge is not None else (None, 0) for edge in self.edges)

    def hooked(self) -> NodeHooks:
        """The hooks here, to add to."""
        if self.hooks is None:
            self.hooks = NodeHooks()
        return self.hooks

    def register_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call ``hook(grad_inputs, grad_outputs)`` after the rules; what it returns replaces `grad_inputs`."""
        return self.hooked().after.add(hook)

    def register_prehook(self, hook: Callable[..., Any]) -> Handle:
        """Call ``hook(grad_outputs)`` before the rules; what it returns replaces `grad_outputs`."""
        return self.hooked().before.add(hook)

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(self):#x}>"


def call_stack() -> str:
    """Where the user's code is now: the stack without the frames of this package."""
    frames = traceback.extract_stack()
    package = __name__.rpartition(".")[0]
    here = __file__.rpartition("/")[0]
    last = max((i for i, frame in enumerate(frames) if not frame.filename.startswith(here)), default=len(frames) - 1)
    return f"(frames of {package} are left out)\n" + "".join(traceback.format_list(frames[: last + 1]))


class AccumulateGrad(Node):
    """The end of a path: adds the gradient to its leaf's ``.grad``."""

    __slots__ = ("variable",)

    def __init__(self, variable: Any) -> None:
        super().__init__((), ((variable._array.shape, variable._array.dtype),))
        self.variable = variable
        self.hooks = variable._hooks

    def hooked(self) -> NodeHooks:
        """The hooks here; the leaf keeps them, so that they outlive this node."""
        found = super().hooked()
        self.variable._hooks = found
        return found


def accumulator(leaf: Any) -> AccumulateGrad:
    """The node of a leaf; the leaf holds it weakly, graphs hold it."""
    node: AccumulateGrad | None = leaf._accumulator() if leaf._accumulator is not None else None
    if node is None:
        node = AccumulateGrad(leaf)
        leaf._accumulator = weakref.ref(node)
    return node


class OpNode(Node):
    """A call of a registered op; each name of PyTorch's has a subclass.

    Attributes:
        plan: what is saved and how rules are called.
        params: the call's other arguments, in the library's terms.
        xp: the library that computed.
        saved: the values under the plan's names, or None once they were freed.
    """

    __slots__ = ("params", "plan", "saved", "xp")
    plan: Plan
    params: Any
    xp: Library
    saved: tuple[Any, ...] | None

    def pull(self, grads: list[Any], place: Place | None, keep: bool) -> Any:
        """The gradients of the arguments, by the op's rules."""
        saved, plan, params = self.saved, self.plan, self.params
        if saved is None:
            raise RuntimeError(f"{FREED} (The op is {plan.op.name}.)")
        g: Any = grads[0]
        xp: Any = self.xp
        if place is not None:
            saved = self._placed(saved, place)
            xp = next(g for g in grads if g is not None).__array_namespace__()
        if len(grads) > 1:
            g = self._filled(grads, xp, recording=place is not None)
        pulled: list[Any] = []
        for call in plan.calls:
            if call is None:
                pulled.append(None)
                continue
            rule, reads, options = call
            if options:
                given = {name: params[name] for name in options if name in params}
                pulled.append(rule(xp, g, *map(saved.__getitem__, reads), **given))
            elif len(reads) == 1:
                pulled.append(rule(xp, g, saved[reads[0]]))
            else:
                pulled.append(rule(xp, g, *map(saved.__getitem__, reads)))
        if plan.holds_arrays and not keep:
            self.saved = None
        return pulled if plan.op.joint is None else pulled[0]

    def _filled(self, grads: list[Any], xp: Any, recording: bool) -> tuple[Any, ...]:
        """The gradients of several outputs, with zeros for those that got none."""
        like = next(g for g in grads if g is not None)
        filled = []
        for g, (shape, dtype) in zip(grads, self.outputs, strict=True):
            wanted = dtypes.from_native(dtype) if recording else dtype
            filled.append(xp.zeros(shape, dtype=wanted, device=device_of(like)) if g is None else g)
        return tuple(filled)

    def _placed(self, saved: tuple[Any, ...], place: Place) -> tuple[Any, ...]:
        """What was saved, its arrays as Tensors at their places in the graph."""
        out: list[Any] = []
        for name, value in zip(self.plan.names, saved, strict=True):
            if name == "y" and isinstance(value, tuple):
                out.append(tuple([place(v, (self, i)) for i, v in enumerate(value)]))
            elif name == "y":
                out.append(place(value, (self, 0)))
            elif name == "arrays":
                out.append(tuple([place(v, edge) for v, edge in zip(value, self.edges, strict=True)]))
            elif name in self.plan.op.args and type(value) not in (bool, int, float, complex, type(None)):
                out.append(place(value, self.edges[self.plan.op.args.index(name)]))
            else:
                out.append(value)
        return tuple(out)


@functools.cache
def _node_type(name: str) -> type[OpNode]:
    """The subclass of `OpNode` called `name`."""
    return type(name, (OpNode,), {"__slots__": ()})


# A rule with the positions, among what is saved, of its first arguments, and the names of its other parameters
_Call = tuple[Rule, tuple[int, ...], tuple[str, ...]]


class Plan:
    """What a call of an op saves, and how its rules are called, when certain arguments want gradients.

    Attributes:
        names: the names of what is saved: first arrays, then facts such as shapes.
        arrays: takes the arrays out of (*arguments, output).
        facts: functions of these and the edges.
        calls: for each rule, how it is called, or None where no gradient is wanted; one entry for a joint rule.
        holds_arrays: whether there is something to be freed.
        node_type: the class of the node.
    """

    __slots__ = ("arrays", "calls", "facts", "holds_arrays", "names", "node_type", "op")

    def __init__(self, op: Op, wanted: int) -> None:
        self.op = op
        self.node_type = _node_type(op.node)
        rules = op.rules if op.joint is None else (op.joint,)
        asked = [i for i, rule in enumerate(rules) if rule is not None and (op.joint is not None or wanted >> i & 1)]
        read = list(dict.fromkeys(name for i in asked for name in op.reads[i]))
        places = {name: -1 if name == "y" else op.args.index(name) for name in read if name in ("y", *op.args)}
        facts = {name: fact for name in read if name not in places and (fact := _fact(op, name)) is not None}
        self.names = (*places, *facts)
        self.arrays = _getter(*places.values())
        self.facts = tuple(facts.values())
        self.calls = [_call(rule, op.reads[i], self.names) if i in asked else None for i, rule in enumerate(rules)]
        self.holds_arrays = bool(places) or "arrays" in facts

    def save(self, values: list[Any], edges: Sequence[Edge | None]) -> tuple[Any, ...]:
        """What the rules will read of a call; `values` are its arguments and its output."""
        return self.arrays(values) + tuple([fact(values, edges) for fact in self.facts])


def _getter(*places: int) -> Callable[[Any], tuple[Any, ...]]:
    """What takes the items at `places` out of a list, as a tuple."""
    if len(places) > 1:
        return itemgetter(*places)
    return (lambda values: (values[places[0]],)) if places else lambda values: ()


def _fact(op: Op, name: str) -> Callable[..., Any] | None:
    """What finds the value called `name` in a rule, where it is no array; None for a parameter of the call."""
    if name == "arrays":
        return lambda values, edges: tuple(values[:-1])
    if name == "shapes":
        return lambda values, edges: tuple([a.shape for a in values[:-1]])
    if name == "needs":
        return lambda values, edges: tuple([edge is not None for edge in edges])
    argument, _, fact = name.rpartition("_")
    i = op.args.index(argument) if argument in op.args else -1
    if i >= 0 and fact == "shape":
        return lambda values, edges: getattr(values[i], "shape", ())
    if i >= 0 and fact == "device":
        return lambda values, edges: device_of(values[i])
    return None


def _call(rule: Any, reads: tuple[str, ...], saved: tuple[str, ...]) -> _Call:
    """How to call `rule`: what is saved by position, parameters by keyword."""
    first = tuple(name for name in reads if name in saved)
    options = tuple(name for name in reads if name not in saved)
    if reads[: len(first)] == first:
        return rule, tuple(map(saved.index, first)), options

    def reordered(xp: Any, g: Any, *values: Any, **params: Any) -> Any:
        return rule(xp, g, **dict(zip(first, values, strict=True)), **params)

    return reordered, tuple(map(saved.index, first)), options


def plan_of(op: Op, wanted: int) -> Plan:
    """The plan of `op` when the arguments whose bits are set in `wanted` want gradients."""
    plan: Plan | None = op.plans.get(wanted)
    if plan is None and op.joint is not None:  # a joint rule has one plan, whatever is wanted
        plan = op.plans[wanted] = next(iter(op.plans.values()), None) or Plan(op, wanted)
    elif plan is None:
        plan = op.plans[wanted] = Plan(op, wanted)
    return plan


def differentiable(native_dtype: Any) -> bool:
    """Whether Tensors of this dtype can carry gradients."""
    d = dtypes.from_native(native_dtype)
    return d.is_floating_point or d.is_complex

"""The peers that have a spelling of their own: LeNet in MyGrad and in hand-written JAX, and HIPS autograd's
overhead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from networks import OPS_IN_CHAIN

_SHAPES = {"w1": (6, 1, 5, 5), "w2": (16, 6, 5, 5), "w3": (400, 120), "w4": (120, 84), "w5": (84, 10)}


def _start(batch: int) -> tuple[dict[str, Any], Any, Any]:
    rng = np.random.default_rng(0)
    weights = {name: (rng.standard_normal(s) / np.sqrt(np.prod(s[1:]) if len(s) > 2 else s[0])).astype("float32")
               for name, s in _SHAPES.items()}  # fmt: skip
    biases = {f"b{i}": np.zeros(n, "float32") for i, n in enumerate((6, 16, 120, 84, 10), 1)}
    return weights | biases, rng.standard_normal((batch, 1, 32, 32)).astype("float32"), rng.integers(0, 10, batch)


def mygrad_lenet(batch: int) -> Callable[[], Any]:
    """The LeNet training step in MyGrad."""
    import mygrad as mg
    from mygrad.nnet.activations import relu
    from mygrad.nnet.layers import conv_nd, max_pool
    from mygrad.nnet.losses import softmax_crossentropy

    mg.turn_memory_guarding_off()
    values, x, y = _start(batch)
    p = {k: mg.tensor(v) for k, v in values.items()}
    momenta = {k: np.zeros_like(v) for k, v in values.items()}

    def step() -> Any:
        for t in p.values():
            t.null_grad()
        h = max_pool(relu(conv_nd(x, p["w1"], stride=1) + p["b1"].reshape(1, 6, 1, 1)), (2, 2), 2)
        h = max_pool(relu(conv_nd(h, p["w2"], stride=1) + p["b2"].reshape(1, 16, 1, 1)), (2, 2), 2)
        h = relu(h.reshape(batch, 400) @ p["w3"] + p["b3"])
        h = relu(h @ p["w4"] + p["b4"])
        loss = softmax_crossentropy(h @ p["w5"] + p["b5"], y)
        loss.backward()
        for k, t in p.items():
            momenta[k] = 0.9 * momenta[k] + t.grad
            t.data[...] -= 0.01 * momenta[k]
        return loss

    return step


def jax_lenet(batch: int) -> Callable[[], Any]:
    """The LeNet training step as one `jax.jit` program written by hand with `lax.conv`."""
    import jax
    import jax.numpy as jnp
    from jax import lax

    values, x, y = _start(batch)
    p = {k: jnp.asarray(v) for k, v in values.items()}
    momenta = {k: jnp.zeros_like(v) for k, v in p.items()}
    x, y = jnp.asarray(x), jnp.asarray(y)

    def pool(h: Any) -> Any:
        return lax.reduce_window(h, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")

    def loss_of(p: Any, x: Any, y: Any) -> Any:
        h = pool(jax.nn.relu(lax.conv(x, p["w1"], (1, 1), "VALID") + p["b1"][:, None, None]))
        h = pool(jax.nn.relu(lax.conv(h, p["w2"], (1, 1), "VALID") + p["b2"][:, None, None]))
        h = jax.nn.relu(h.reshape(batch, 400) @ p["w3"] + p["b3"])
        h = jax.nn.relu(h @ p["w4"] + p["b4"])
        logits = jax.nn.log_softmax(h @ p["w5"] + p["b5"])
        return -jnp.mean(jnp.take_along_axis(logits, y[:, None], axis=1))

    @jax.jit
    def update(p: Any, m: Any, x: Any, y: Any) -> Any:
        loss, g = jax.value_and_grad(loss_of)(p, x, y)
        m = jax.tree.map(lambda m, g: 0.9 * m + g, m, g)
        return loss, jax.tree.map(lambda p, m: p - 0.01 * m, p, m), m

    state = [p, momenta]

    def step() -> Any:
        loss, state[0], state[1] = update(*state, x, y)
        return jax.block_until_ready(loss)

    return step


def autograd_overhead() -> Callable[[], Any]:
    """The chain of products in HIPS autograd."""
    import autograd
    import autograd.numpy as anp

    def chain(x: Any) -> Any:
        y = x
        for _ in range(OPS_IN_CHAIN):
            y = y * x
        return anp.sum(y)

    gradient = autograd.grad(chain)
    x = np.ones(4, "float32")
    return lambda: gradient(x)


def mygrad_overhead() -> Callable[[], Any]:
    """The chain of products in MyGrad."""
    import mygrad as mg

    x = mg.tensor(np.ones(4, "float32"))

    def step() -> None:
        y = x
        for _ in range(OPS_IN_CHAIN):
            y = y * x
        y.sum().backward()

    return step

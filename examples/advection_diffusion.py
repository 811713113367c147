"""Recover a flow and a diffusivity field from noisy snapshots, with one program on NumPy, JAX and PyTorch arrays.

A tracer c(x, y, t) on a periodic square is carried by a steady flow and spreads; its diffusivity varies in space:

    ∂c/∂t = -u·∇c + ∇·(κ(x, y) ∇c),    u = (U + ∂ψ/∂y, V - ∂ψ/∂x),    ψ = A sin(x) sin(y),
    κ(x, y) = κ₀ exp(a cos(x) + b sin(y)).

Space derivatives are Fourier's (products are cut off by the two-thirds rule), time steps are classical Runge-Kutta.
The six numbers U, V, A, log κ₀, a, b are unknown; they are found from snapshots with noise by Adam, with gradients of
the whole simulation. `simulate` knows only the Array API: it takes its namespace from its argument, runs on bare arrays
as it is, and on xpgrad's Tensors it is differentiable.

    python examples/advection_diffusion.py                          # every library that is installed, side by side
    python examples/advection_diffusion.py --backend numpy --plot fit.png
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import os
import time
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the arrays are small: more threads would only wait for each other

import numpy as np

import xpgrad
from xpgrad.func import value_and_grad

NAMES = ("U", "V", "A", "log k0", "a", "b")
TRUTH = (0.6, -0.3, 0.5, math.log(0.05), 0.8, -0.5)
GUESS = (0.0, 0.0, 0.0, math.log(0.03), 0.0, 0.0)


def simulate(parameters: Any, start: Any, *, steps: int, snapshots: int, dt: float) -> Any:
    """The tracer at `snapshots` equally spaced times, shape (snapshots, n, n), from `start`, shape (n, n)."""
    xp = parameters.__array_namespace__()
    n = start.shape[0]
    options = {"dtype": start.dtype, "device": start.device}
    axis = xp.linspace(0, 2 * math.pi, n, endpoint=False, **options)
    x, y = axis[:, None], axis[None, :]
    waves = [frequencies(n, d=1 / n, device=start.device) for frequencies in (xp.fft.fftfreq, xp.fft.rfftfreq)]
    kx, ky = xp.meshgrid(*waves, indexing="ij")
    kept = xp.astype((abs(kx) < n / 3) & (abs(ky) < n / 3), start.dtype)
    ik = 1j * xp.astype(xp.stack([kx, ky]), start.dtype) * kept

    u, v, a, log_k0, p, q = (parameters[i] for i in range(6))
    flow = xp.stack([u + a * xp.sin(x) * xp.cos(y), v - a * xp.cos(x) * xp.sin(y)])
    diffusivity = xp.exp(log_k0 + p * xp.cos(x) + q * xp.sin(y))

    def rate(spectrum: Any) -> Any:
        slopes = xp.fft.irfftn(ik * spectrum, s=(n, n), axes=(1, 2))
        carried = xp.fft.rfftn(xp.sum(flow * slopes, axis=0), axes=(0, 1))
        spread = xp.sum(ik * xp.fft.rfftn(diffusivity * slopes, axes=(1, 2)), axis=0)
        return spread - kept * carried

    spectrum = xp.fft.rfftn(start, axes=(0, 1))
    seen = []
    for step in range(1, steps + 1):
        k1 = rate(spectrum)
        k2 = rate(spectrum + dt / 2 * k1)
        k3 = rate(spectrum + dt / 2 * k2)
        k4 = rate(spectrum + dt * k3)
        spectrum = spectrum + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        if step % (steps // snapshots) == 0:
            seen.append(xp.fft.irfftn(spectrum, s=(n, n), axes=(0, 1)))
    return xp.stack(seen)


def observations(n: int, noise: float, **run: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Where the tracer starts (two blobs), and what is seen of it later; on bare NumPy arrays, without xpgrad."""
    axis = np.linspace(0, 2 * math.pi, n, endpoint=False)
    x, y = np.meshgrid(axis, axis, indexing="ij")
    start = sum(np.exp(4 * (np.cos(x - cx) + np.cos(y - cy) - 2)) for cx, cy in ((2.0, 2.5), (4.5, 4.0)))
    seen = simulate(np.asarray(TRUTH), start, **run)
    return start, seen + noise * np.random.default_rng(0).normal(size=seen.shape)


def fit(backend: str, start: Any, seen: Any, iterations: int, rate: float = 0.2, **run: Any) -> tuple[Any, list[float]]:
    """The six parameters that Adam finds on `backend`, and the loss at every iteration."""
    with xpgrad.backend(backend):
        begin, target = xpgrad.from_numpy(start), xpgrad.from_numpy(seen)
        parameters = xpgrad.tensor(GUESS, dtype=xpgrad.float64)

    def loss(p: Any) -> Any:
        return ((simulate(p, begin, **run) - target) ** 2).mean()

    both = value_and_grad(loss)
    mean, square, losses = parameters * 0, parameters * 0, []
    for i in range(1, iterations + 1):
        value, gradient = both(parameters)
        mean = 0.8 * mean + 0.2 * gradient
        square = 0.95 * square + 0.05 * gradient**2
        step = rate * 0.5 * (1 + math.cos(math.pi * (i - 1) / iterations))
        parameters = parameters - step * (mean / (1 - 0.8**i)) / ((square / (1 - 0.95**i)) ** 0.5 + 1e-12)
        losses.append(float(value))
    return [float(p) for p in parameters], losses


def plot(path: str, start: Any, seen: Any, found: dict[str, tuple[list[float], list[float]]], **run: Any) -> None:
    """Save what was seen, what the fitted model makes of it, the diffusivity field, and the loss."""
    import matplotlib.pyplot as plt

    name, (parameters, _) = next(iter(found.items()))
    model = simulate(np.asarray(parameters), start, **run)
    n = start.shape[0]
    x = np.linspace(0, 2 * math.pi, n, endpoint=False)
    figure, axes = plt.subplots(2, 3, figsize=(11, 7), layout="constrained")
    fields = {"start": start, "last snapshot, with noise": seen[-1], f"fitted model ({name})": model[-1]}
    for ax, (title, field) in zip(axes[0], fields.items(), strict=True):
        ax.pcolormesh(x, x, field.T, vmin=0, vmax=float(np.max(seen)))
        ax.set(title=title, aspect="equal")
    for ax, values, title in zip(
        axes[1], (TRUTH, parameters), ("true diffusivity", "fitted diffusivity"), strict=False
    ):
        _, _, _, log_k0, a, b = values
        shown = ax.pcolormesh(x, x, np.exp(log_k0 + a * np.cos(x)[:, None] + b * np.sin(x)[None, :]).T, cmap="magma")
        figure.colorbar(shown, ax=ax)
        ax.set(title=title, aspect="equal")
    for backend, (_, losses) in found.items():
        axes[1, 2].semilogy(losses, label=backend)
    axes[1, 2].set(title="mean squared misfit", xlabel="iteration")
    axes[1, 2].legend()
    figure.savefig(path, dpi=120)


def main(argv: list[str] | None = None) -> dict[str, list[float]]:
    """Run the fit on each backend asked for, print the parameters side by side, and return them."""
    parser = argparse.ArgumentParser(description="Fit a flow and a diffusivity field to snapshots of a tracer.")
    parser.add_argument(
        "--backend", nargs="+", default=[b for b in ("numpy", "jax", "torch") if importlib.util.find_spec(b)]
    )
    parser.add_argument("--iterations", type=int, default=80)
    parser.add_argument("--size", type=int, default=24, help="points along each side")
    parser.add_argument("--steps", type=int, default=24, help="time steps")
    parser.add_argument("--noise", type=float, default=0.01)
    parser.add_argument("--plot", metavar="FILE", help="save a picture; needs matplotlib")
    options = parser.parse_args(argv)

    run = {"steps": options.steps, "snapshots": 4, "dt": 2.0 / options.steps}
    start, seen = observations(options.size, options.noise, **run)
    found = {}
    for backend in options.backend:
        began = time.perf_counter()
        found[backend] = fit(backend, start, seen, options.iterations, **run)
        losses = found[backend][1]
        print(f"{backend}: misfit {losses[0]:.3e} -> {losses[-1]:.3e} in {time.perf_counter() - began:.1f} s")
    print(f"\n{'':8}{'truth':>12}" + "".join(f"{b:>20}" for b in found))
    for i, name in enumerate(NAMES):
        print(f"{name:8}{TRUTH[i]:12.4f}" + "".join(f"{parameters[i]:20.14f}" for parameters, _ in found.values()))
    if options.plot:
        plot(options.plot, start, seen, found, **run)
        print(f"\nsaved {options.plot}")
    return {backend: parameters for backend, (parameters, _) in found.items()}


if __name__ == "__main__":
    main()

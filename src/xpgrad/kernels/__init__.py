"""The ops that the standard lacks and that networks live on: one file for each family, in standard calls alone."""

from . import (
    activations,
    adaptive,
    attention,
    bessel,
    convolution,
    ctc,
    cylinder,
    distributions,
    embeddings,
    gamma,
    incomplete,
    linear,
    losses,
    matrices,
    normalization,
    padding,
    patches,
    pooling,
    recurrent,
    resampling,
    special,
)

__all__ = ["activations", "adaptive", "attention", "bessel", "convolution", "ctc", "cylinder", "distributions",
           "embeddings", "gamma", "incomplete", "linear", "losses", "matrices", "normalization", "padding", "patches",
           "pooling", "recurrent", "resampling", "special"]  # fmt: skip

"""The Array API standard, differentiated: every function of it, with the gradient that it has.

A function is registered in one of two ways. `op(...)` gives it gradient rules of its own. `composite` writes it in
terms of other functions, whose records carry the gradient. Each file here fills these registries when it is read.
"""

from . import copies, decompositions, elementwise, fft, indexing, linalg, products, reductions, shapes

__all__ = ["copies", "decompositions", "elementwise", "fft", "indexing", "linalg", "products", "reductions", "shapes"]

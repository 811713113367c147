"""PyTorch's files: ``xpgrad.save`` and ``xpgrad.load`` of .pt and .pth, without PyTorch and without executing anything.

Such a file is a zip archive, not compressed: ``data.pkl``, a pickle of what was saved, in which each Tensor is a call
with the number of its storage, offset, shape and strides; and the bytes of each storage in ``data/<number>``.
"""

from .pickles import LoadError, RefusedError
from .reading import load
from .writing import save

__all__ = ["LoadError", "RefusedError", "load", "save"]

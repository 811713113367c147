"""What some scripts look for under PyTorch's longer path: ``xpgrad.nn.modules.batchnorm`` and ``.module``."""

from . import batchnorm, module

__all__ = ["batchnorm", "module"]

"""What training needs beside layers and optimizers; `data` loads samples in batches."""

from . import data

__all__ = ["data"]

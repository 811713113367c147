"""PyTorch's spellings where they differ from the standard's, and Tensor's named methods.

What is not written here IS the standard's function. Each file holds plain functions whose first parameter is a Tensor;
`METHODS` says which of them are methods too, and `attach` puts them there, with their in-place twins.
"""

from __future__ import annotations

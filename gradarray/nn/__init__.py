"""Neural networks: ``torch.nn``, of which there is :mod:`gradarray.nn.functional`."""

from gradarray.nn import functional

__all__ = ["functional"]

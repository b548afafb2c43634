"""Automatic differentiation: the walk, and the modes that steer the recording.

References
----------
``torch.autograd``.
"""

from gradarray.autograd import forward_ad, functional
from gradarray.autograd.backward import backward, grad
from gradarray.autograd.function import Function
from gradarray.autograd.modes import enable_grad, is_grad_enabled, no_grad, set_grad_enabled

__all__ = [
    "Function",
    "backward",
    "enable_grad",
    "forward_ad",
    "functional",
    "grad",
    "is_grad_enabled",
    "no_grad",
    "set_grad_enabled",
]

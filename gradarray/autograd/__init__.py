"""Automatic differentiation: the walk, and the modes that steer the recording.

References
----------
``torch.autograd``.
"""

from gradarray.autograd.backward import backward, grad
from gradarray.autograd.gradcheck import GradcheckError, gradcheck, gradgradcheck
from gradarray.autograd.modes import enable_grad, is_grad_enabled, no_grad, set_grad_enabled

__all__ = [
    "GradcheckError",
    "backward",
    "enable_grad",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "is_grad_enabled",
    "no_grad",
    "set_grad_enabled",
]

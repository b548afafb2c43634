"""Functions of functions: derivatives and batches, which compose in any order.

References
----------
``torch.func``, ``jax``.
"""

from gradarray.func.custom import custom_jvp, custom_vjp
from gradarray.func.forward import jvp, linearize
from gradarray.func.jacobian import hessian, jacfwd, jacrev
from gradarray.func.reverse import grad, grad_and_value, value_and_grad, vjp
from gradarray.func.vmap import is_transformed, vmap

__all__ = [
    "custom_jvp",
    "custom_vjp",
    "grad",
    "grad_and_value",
    "hessian",
    "is_transformed",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "value_and_grad",
    "vjp",
    "vmap",
]

"""Optimising: SciPy's solvers fed with derivatives, and derivatives of what solvers find.

References
----------
``scipy.optimize``.
"""

from gradarray.optimize.implicit import implicit_fixed_point, implicit_minimum, implicit_root
from gradarray.optimize.solvers import Problem, least_squares, minimize, root

__all__ = [
    "Problem",
    "implicit_fixed_point",
    "implicit_minimum",
    "implicit_root",
    "least_squares",
    "minimize",
    "root",
]

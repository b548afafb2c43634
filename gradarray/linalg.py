"""Linear algebra: the ``linalg`` extension of the Array API standard."""

from gradarray.functions.linalg import matmul, outer, tensordot, vecdot, vector_norm
from gradarray.functions.manipulation import matrix_transpose

__all__ = ["matmul", "matrix_transpose", "outer", "tensordot", "vecdot", "vector_norm"]

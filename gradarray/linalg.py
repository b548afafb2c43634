"""Linear algebra: the ``linalg`` extension of the Array API standard, and ``norm`` of ``torch.linalg``."""

from gradarray._dispatch import LinAlgError
from gradarray.functions.decompositions import cholesky, eig, eigh, eigvals, eigvalsh, qr, svd
from gradarray.functions.linalg import (
    cross,
    det,
    diagonal,
    inv,
    matmul,
    matrix_norm,
    matrix_power,
    matrix_rank,
    norm,
    outer,
    pinv,
    slogdet,
    solve,
    svdvals,
    tensordot,
    trace,
    vecdot,
    vector_norm,
)  # fmt: skip
from gradarray.functions.manipulation import matrix_transpose

__all__ = [
    "LinAlgError", "cholesky", "cross", "det", "diagonal", "eig", "eigh", "eigvals", "eigvalsh", "inv", "matmul",
    "matrix_norm", "matrix_power", "matrix_rank", "matrix_transpose", "norm", "outer", "pinv", "qr", "slogdet", "solve",
    "svd", "svdvals", "tensordot", "trace", "vecdot", "vector_norm",
]  # fmt: skip

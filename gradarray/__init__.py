"""gradarray: a define-by-run autograd ``Tensor`` over the Python Array API standard, on any backend.

The module is itself an Array API namespace, the same one for every device.
"""

import math

from gradarray import autograd, backends, cuda, fft, linalg
from gradarray._state import get_default_dtype, set_default_dtype
from gradarray._tensor import Size, Tensor
from gradarray.autograd import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from gradarray.creation import (
    arange,
    as_tensor,
    asarray,
    empty,
    empty_like,
    eye,
    from_dlpack,
    from_numpy,
    full,
    full_like,
    linspace,
    ones,
    ones_like,
    tensor,
    zeros,
    zeros_like,
)  # fmt: skip
from gradarray.devices import Device as device
from gradarray.devices import get_default_device, set_default_device
from gradarray.dtypes import DType as dtype
from gradarray.dtypes import (
    bool,
    can_cast,
    cdouble,
    cfloat,
    complex64,
    complex128,
    double,
    finfo,
    float,
    float32,
    float64,
    iinfo,
    int,
    int8,
    int16,
    int32,
    int64,
    isdtype,
    long,
    promote_types,
    short,
    uint8,
    uint16,
    uint32,
    uint64,
)  # fmt: skip
from gradarray.functions.elementwise import (
    abs,
    acos,
    acosh,
    add,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    bitwise_and,
    bitwise_invert,
    bitwise_left_shift,
    bitwise_or,
    bitwise_right_shift,
    bitwise_xor,
    ceil,
    clip,
    conj,
    copysign,
    cos,
    cosh,
    divide,
    equal,
    exp,
    expm1,
    floor,
    floor_divide,
    greater,
    greater_equal,
    hypot,
    imag,
    isfinite,
    isinf,
    isnan,
    less,
    less_equal,
    log,
    log1p,
    log2,
    log10,
    logaddexp,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    maximum,
    minimum,
    multiply,
    negative,
    nextafter,
    not_equal,
    positive,
    pow,
    real,
    reciprocal,
    relu,
    remainder,
    round,
    rsqrt,
    sigmoid,
    sign,
    signbit,
    sin,
    sinh,
    sqrt,
    square,
    subtract,
    tan,
    tanh,
    trunc,
)  # fmt: skip
from gradarray.functions.inspection import __array_namespace_info__
from gradarray.functions.linalg import matmul, outer, tensordot, vecdot
from gradarray.functions.manipulation import (
    astype,
    broadcast_arrays,
    broadcast_shapes,
    broadcast_to,
    clone,
    concat,
    diff,
    expand_dims,
    flip,
    matrix_transpose,
    meshgrid,
    moveaxis,
    permute_dims,
    repeat,
    reshape,
    roll,
    split,
    squeeze,
    stack,
    tile,
    transpose,
    tril,
    triu,
    unstack,
)  # fmt: skip
from gradarray.functions.pytorch import bmm, cat, dot, mm, mv, norm, permute, unbind, unsqueeze
from gradarray.functions.searching import (
    argmax,
    argmin,
    argsort,
    nonzero,
    searchsorted,
    sort,
    take,
    take_along_axis,
    where,
)  # fmt: skip
from gradarray.functions.sets import isin, unique_all, unique_counts, unique_inverse, unique_values
from gradarray.functions.statistical import (
    all,
    any,
    count_nonzero,
    cumulative_prod,
    cumulative_sum,
    max,
    mean,
    min,
    prod,
    std,
    sum,
    var,
)  # fmt: skip
from gradarray.functions.testing import allclose, isclose
from gradarray.functions.types import is_complex, is_floating_point, is_tensor, numel, result_type
from gradarray.printing import get_printoptions, printoptions, set_printoptions
from gradarray.random import (
    Generator,
    initial_seed,
    manual_seed,
    rand,
    rand_like,
    randint,
    randn,
    randn_like,
    randperm,
    seed,
)  # fmt: skip

__version__ = "0.1.0"
__array_api_version__ = "2025.12"
SUPPORTED_VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12", "2025.12")

# PyTorch's names for the same functions
sub, mul, div, neg, clamp = subtract, multiply, divide, negative, clip

e, pi, inf, nan, newaxis = math.e, math.pi, math.inf, math.nan, None

__all__ = [
    "SUPPORTED_VERSIONS", "Generator", "Size", "Tensor", "__array_namespace_info__", "abs", "acos", "acosh",
    "add", "all", "allclose", "any", "arange", "argmax", "argmin", "argsort", "as_tensor", "asarray", "asin",
    "asinh", "astype", "atan", "atan2", "atanh", "autograd", "backends", "bitwise_and", "bitwise_invert",
    "bitwise_left_shift", "bitwise_or", "bitwise_right_shift", "bitwise_xor", "bmm", "bool", "broadcast_arrays",
    "broadcast_shapes", "broadcast_to", "can_cast", "cat", "cdouble", "ceil", "cfloat", "clamp", "clip", "clone",
    "complex64", "complex128", "concat", "conj", "copysign", "cos", "cosh", "count_nonzero", "cuda",
    "cumulative_prod", "cumulative_sum", "device", "diff", "div", "divide", "dot", "double", "dtype", "e",
    "empty", "empty_like", "enable_grad", "equal", "exp", "expand_dims", "expm1", "eye", "fft", "finfo", "flip",
    "float", "float32", "float64", "floor", "floor_divide", "from_dlpack", "from_numpy", "full", "full_like",
    "get_default_device", "get_default_dtype", "get_printoptions", "greater", "greater_equal", "hypot", "iinfo",
    "imag", "inf", "initial_seed", "int", "int8", "int16", "int32", "int64", "is_complex", "is_floating_point",
    "is_grad_enabled", "is_tensor", "isclose", "isdtype", "isfinite", "isin", "isinf", "isnan", "less",
    "less_equal", "linalg", "linspace", "log", "log1p", "log2", "log10", "logaddexp", "logical_and",
    "logical_not", "logical_or", "logical_xor", "long", "manual_seed", "matmul", "matrix_transpose", "max",
    "maximum", "mean", "meshgrid", "min", "minimum", "mm", "moveaxis", "mul", "multiply", "mv", "nan", "neg",
    "negative", "newaxis", "nextafter", "no_grad", "nonzero", "norm", "not_equal", "numel", "ones", "ones_like",
    "outer", "permute", "permute_dims", "pi", "positive", "pow", "printoptions", "prod", "promote_types", "rand",
    "rand_like", "randint", "randn", "randn_like", "random", "randperm", "real", "reciprocal", "relu",
    "remainder", "repeat", "reshape", "result_type", "roll", "round", "rsqrt", "searchsorted", "seed",
    "set_default_device", "set_default_dtype", "set_grad_enabled", "set_printoptions", "short", "sigmoid", "sign",
    "signbit", "sin", "sinh", "sort", "split", "sqrt", "square", "squeeze", "stack", "std", "sub", "subtract",
    "sum", "take", "take_along_axis", "tan", "tanh", "tensor", "tensordot", "tile", "transpose", "tril", "triu",
    "trunc", "uint8", "uint16", "uint32", "uint64", "unbind", "unique_all", "unique_counts", "unique_inverse",
    "unique_values", "unsqueeze", "unstack", "var", "vecdot", "where", "zeros", "zeros_like",
]  # fmt: skip

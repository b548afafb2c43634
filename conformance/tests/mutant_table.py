"""The mutants: what is wrong with each, and the check that must say so. Run as a program it prints the table of docs.

Knows the checks by their names. Must not know how they are run.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from mutants import MUTANTS, Sound, declares, drawing, kernel, method

from gradarray.backends import Array, Backend, RandomSource

# -- memory and transfers ----------------------------------------------------------------------------------------------

CONTRACT, INDEXING, CAPABILITIES, FUNCTIONS, BEHAVIOURS = (
    f"test_{name}.py::test_" for name in ("contract", "indexing", "capabilities", "functions", "behaviours")
)

method(
    CONTRACT + "round_trip[float64-{}-copied]",
    "from_numpy",
    "float64 drifts to float32 on the way in",
    lambda self, x, device, *, copy: self.box(x, device, np.float32 if x.dtype == np.float64 else None, copy or None),
)
method(
    CONTRACT + "round_trip[float32-{}-shared]",
    "to_numpy",
    "the sign of zero is lost on the way out",
    lambda self, x: np.asarray(x) + x.dtype.type(0) if x.dtype.kind == "f" else np.asarray(x),
)
method(
    CONTRACT + "round_trip_of_0_d_arrays[float32-{}]",
    "from_numpy",
    "0-d arrays come back 1-d",
    lambda self, x, device, *, copy: self.box(np.atleast_1d(x), device, copy=copy or None),
)
method(
    CONTRACT + "strange_strides_arrive[{}]",
    "from_numpy",
    "elements are taken in the order in which they lie in memory",
    lambda self, x, device, *, copy: self.box(np.ravel(x, order="K").reshape(x.shape), device, copy=copy or None),
)
method(
    CONTRACT + "a_copy_from_numpy_is_independent[float32-{}]",
    "from_numpy",
    "copy=True shares memory",
    lambda self, x, device, *, copy: self.box(x, device),
)
method(
    CONTRACT + "a_copy_from_numpy_is_independent[float32-{}]",
    "from_numpy",
    "copy=True shares memory that has gaps",
    lambda self, x, device, *, copy: self.box(x, device, copy=(copy and x.flags.forc) or None),
)
method(CONTRACT + "a_copy_is_independent[float32-{}]", "copy", "the copy is the array itself", lambda self, x: x)
method(
    CAPABILITIES + "memory_is_shared_with_numpy_where_it_says_so[{}]",
    "to_numpy",
    "a silent copy instead of NumPy's memory",
    lambda self, x: np.array(x),
)
method(
    CONTRACT + "empty_has_the_shape_and_the_dtype[int8-{}]",
    "empty",
    "the dtype is ignored",
    lambda self, shape, dtype, device: self.box(np.empty(shape, np.float32), device),
)
method(
    CONTRACT + "to_device_arrives[{}]",
    "to_device",
    "what goes to another device stays where it is",
    lambda self, x, device: x.copy(),
)
method(
    CONTRACT + "to_device_copies[{}]",
    "to_device",
    "the copy on a device shares memory with the array",
    lambda self, x, device: self.box(x, device),
)
method(
    CONTRACT + "to_device_copies[{}]",
    "to_device",
    "the copy on a device shares the memory of one element",
    lambda self, x, device: self.box(x, device, copy=x.ndim > 0 or None),
)
method(
    CONTRACT + "an_array_says_where_it_lies[{}]",
    "device_of",
    "every array is said to lie on the second device",
    lambda self, x: self.devices()[1],
)
method(
    CONTRACT + "an_array_is_known_by_its_backend[{}]", "owns", "it claims whatever it is shown", lambda self, x: True
)
method(
    CONTRACT + "a_copy_from_dlpack_is_independent[{}]",
    "from_dlpack",
    "a copy that was asked for is not made",
    lambda self, x, device, *, copy: self.box(np.from_dlpack(x), device),
)
method(CONTRACT + "strides_are_in_elements[{}]", "strides", "strides are in bytes", lambda self, x: x.strides)
method(
    CONTRACT + "a_view_does_not_own_its_memory[{}]",
    "owns_memory",
    "views are said to own their memory",
    lambda self, x: True,
)
method(CONTRACT + "a_view_is_not_lent[{}]", "lends", "every array is lent, also a part of one", lambda self, x: True)
method(
    CONTRACT + "what_is_borrowed_is_what_was_there[{}]",
    "borrow",
    "what is borrowed is read in the order in which it lies in memory",
    lambda self, x, device: self.box(np.ravel(x, order="K").reshape(x.shape), device),
)
method(
    CONTRACT + "the_shape_is_that_of_the_array[{}]",
    "shape",
    "the shape has its lengths reversed",
    lambda self, x: tuple(reversed(x.shape)),
)
method(
    CONTRACT + "what_is_created_in_the_scope_lies_on_the_device[{}]",
    "kernels",
    "zeros land on another device",
    lambda self, device: {**Sound.kernels(self, device), "zeros": Sound.kernels(self, self.devices()[1])["zeros"]},
)


ZEROS: dict[Any, Array] = {}

method(
    CONTRACT + "what_is_created_has_memory_of_its_own[{}]",
    "kernels",
    "zeros of a shape are kept and given again",
    lambda self, device: {
        **Sound.kernels(self, device),
        "zeros": lambda shape, dtype=None: ZEROS.setdefault(
            (device, shape, dtype), self.box(np.zeros(shape, dtype), device)
        ),
    },
)

# -- indexing ----------------------------------------------------------------------------------------------------------


def _slice_to_copy(self: Sound, x: Array, key: Any) -> Array:
    return Sound.getitem(self, x, key).copy()


def _gather_as_view(self: Sound, x: Array, key: Any) -> Array:
    if isinstance(key, np.ndarray) and key.dtype.kind == "i" and key.tolist() == [0, 2]:
        return Sound.getitem(self, x, slice(0, 3, 2))
    return Sound.getitem(self, x, key)


def _from_the_end(self: Sound, x: Array, key: Any) -> Array:
    return Sound.getitem(self, x, key - 1 if isinstance(key, int) and not isinstance(key, bool) and key < 0 else key)


def _dropped(self: Sound, x: Array, key: Any, value: Array) -> Array:
    x.copy()[key] = value
    return x


def _rebound(self: Sound, x: Array, key: Any, value: Array) -> Array:
    made = x.copy()
    made[key] = value
    return made


def _unsigned_zero(self: Sound, x: Array, key: Any, value: Array) -> Array:
    x[key] = value + value.dtype.type(0) if value.dtype.kind in "fc" else value
    return x


def _one_by_one(self: Sound, x: Array, key: Any, value: Array) -> Array:
    if x.ndim == 1 and value.ndim == 1 and value.size > 1:
        target = x[key]
        for i in range(value.size):
            target[i] = value[i]
    else:
        x[key] = value
    return x


def _summed_up(self: Sound, x: Array, key: Any, value: Array) -> Array:
    x[key] = x[key] + value
    return x


def _overwritten(self: Sound, x: Array, key: Any, value: Array) -> Array:
    x[key] = value
    return x


def _saturated(self: Sound, x: Array, key: Any, value: Array) -> Array:
    total = np.asarray(x, np.float64 if x.dtype.kind != "c" else np.complex128)
    np.add.at(total, ... if isinstance(key, tuple) and not key else key, np.asarray(value))
    if x.dtype.kind in "iu":
        total = np.clip(total, np.iinfo(x.dtype).min, np.iinfo(x.dtype).max)
    x[...] = total.astype(x.dtype)
    return x


LEFT: dict[tuple[str, tuple[int, ...]], Array] = {}


def _used_memory(self: Sound, value: Array, key: Any, shape: tuple[int, ...]) -> Array:
    zeros = LEFT.setdefault((value.dtype.str, tuple(shape)), self.box(np.zeros(shape, value.dtype), value.where))
    return self.index_add(zeros, key, value)


method(
    CAPABILITIES + "a_view_shares_memory_where_views_are_claimed[{}-a slice]",
    "getitem",
    "a silent copy instead of a view",
    _slice_to_copy,
)
method(
    INDEXING + "getitem_with_arrays_copies[{}-[0, 2]]",
    "getitem",
    "a view instead of a copy, where the index is regular",
    _gather_as_view,
)
method(INDEXING + "getitem[{}--1]", "getitem", "negative integers are off by one", _from_the_end)
method(INDEXING + "setitem[{}-1]", "setitem", "what is written in place is not written", _dropped)
method(
    INDEXING + "setitem[{}-1]",
    "setitem",
    "what is written is not given back",
    lambda self, x, key, value: x.__setitem__(key, value),
)
method(
    CAPABILITIES + "a_write_changes_memory_where_mutable[{}]",
    "setitem",
    "it is written to a new array, in silence",
    _rebound,
)
method(INDEXING + "setitem_keeps_the_sign_of_zero[{}-...]", "setitem", "-0.0 is written as 0.0", _unsigned_zero)
method(
    INDEXING + "setitem_of_what_overlaps_is_as_if_it_did_not[{}]",
    "setitem",
    "what overlaps is copied one by one",
    _one_by_one,
)
method(
    INDEXING + "index_add_adds_up_what_comes_twice[{}]",
    "index_add",
    "of duplicates the last alone is added",
    _summed_up,
)
method(INDEXING + "index_add[{}-1]", "index_add", "it overwrites instead of adding", _overwritten)
method(INDEXING + "index_add_of_narrow_integers_wraps_around[{}]", "index_add", "narrow integers saturate", _saturated)
method(
    INDEXING + "index_adjoint_adds_to_zeros[{}-[0, 0, 2, 0]]",
    "index_adjoint",
    "it adds to memory that was used before",
    _used_memory,
)

# -- random numbers ----------------------------------------------------------------------------------------------------

drawing(
    CONTRACT + "a_seed_repeats_random_numbers[{}-uniform]",
    "uniform numbers take no notice of the seed",
    uniform=lambda self, shape, dtype: self._move(np.random.default_rng().random(shape, np.float32), dtype),
)
method(
    CONTRACT + "another_seed_gives_other_numbers[{}-normal]",
    "generator",
    "every seed gives the same numbers",
    lambda self, device, seed: RandomSource(self, device, 0),
)
method(
    CONTRACT + "another_seed_gives_other_numbers[{}-integers]",
    "generator",
    "of a seed the lower half counts",
    lambda self, device, seed: RandomSource(self, device, seed % 2**32),
)


class _Common(RandomSource):
    """All sources draw from the one that was made last."""

    one = np.random.Generator(np.random.PCG64())

    def __init__(self, backend: Backend, device: Any, seed: int) -> None:
        super().__init__(backend, device, seed)
        self.one.bit_generator.state = self.state()
        self._host = self.one


method(
    CONTRACT + "a_source_is_not_disturbed_by_another[{}-uniform]",
    "generator",
    "all sources have one state in common",
    lambda self, device, seed: _Common(self, device, seed),
)
drawing(
    CONTRACT + "random_numbers_have_the_shape_and_the_dtype[float64-{}]",
    "normal numbers of float64 are drawn in float32",
    normal=lambda self, shape, dtype: self._move(self._host.standard_normal(shape, np.float32), dtype),
)
drawing(
    CONTRACT + "random_numbers_have_the_shape_and_the_dtype[float32-{}]",
    "one uniform number is Python's",
    uniform=lambda self, shape, dtype: (
        RandomSource.uniform(self, shape, dtype) if shape else float(self._host.random(dtype=np.float32))
    ),
)
drawing(
    CONTRACT + "random_numbers_have_the_shape_and_the_dtype[int64-{}]",
    "random integers span 32 bits",
    integers=lambda self, low, high, shape, dtype: self._move(
        low + self._host.integers(0, min(high - low, 2**32), shape), dtype
    ),
)
drawing(
    CONTRACT + "the_next_numbers_are_others[{}-uniform]",
    "each draw gives the first numbers again",
    uniform=lambda self, shape, dtype: self._move(np.random.default_rng(0).random(shape, np.float32), dtype),
)
drawing(
    CONTRACT + "a_state_repeats_what_followed_it[{}-integers]",
    "set_state does nothing",
    set_state=lambda self, state: None,
)
drawing(
    CONTRACT + "uniform_numbers_are_uniform[{}]",
    "uniform numbers crowd near zero",
    uniform=lambda self, shape, dtype: self._move(self._host.random(shape, np.float32) ** 2, dtype),
)
drawing(
    CONTRACT + "uniform_numbers_never_reach_one[{}]",
    "uniform numbers are rounded from a coarse grid that has 1 in it",
    uniform=lambda self, shape, dtype: self._move(np.round(self._host.random(shape) * 2**20) / 2**20, dtype),
)
drawing(
    CONTRACT + "normal_numbers_are_standard_normal[{}]",
    "normal numbers have variance 2",
    normal=lambda self, shape, dtype: self._move(self._host.normal(0, 2**0.5, shape), dtype),
)
drawing(
    CONTRACT + "random_integers_leave_out_the_upper_end[{}]",
    "random integers include the upper end",
    integers=lambda self, low, high, shape, dtype: self._move(self._host.integers(low, high + 1, shape), dtype),
)
drawing(
    CONTRACT + "a_permutation_has_each_number_once[{}]",
    "a permutation is drawn with repetition",
    permutation=lambda self, n, dtype: self._move(self._host.integers(0, n, n), dtype),
)

# -- what is declared --------------------------------------------------------------------------------------------------

declares(CAPABILITIES + "mutable_is_not_denied_falsely[{}]", "mutable memory is denied", mutable=False, views=False)
declares(CAPABILITIES + "views_are_not_denied_falsely[{}-a transpose]", "views are denied", views=False)
declares(
    CAPABILITIES + "negative_steps_are_told_truly[{}]", "views with negative steps are denied", negative_steps=False
)
declares(
    CAPABILITIES + "memory_is_shared_with_numpy_where_it_says_so[{}]",
    "memory shared with NumPy is denied",
    shares_numpy_memory=False,
)
declares(CAPABILITIES + "lazy_is_told_truly[{}]", "it claims to be lazy", lazy=True)
declares(
    CAPABILITIES + "unknown_shapes_are_told_truly[{}]", "it claims that lengths may be unknown", unknown_shapes=True
)
declares(
    CAPABILITIES + "each_function_that_is_missing_is_really_absent[{}]",
    "a function that works is declared missing",
    missing={"tanh": "upstream has none: https://example.org/1"},
)
declares(
    CAPABILITIES + "each_function_that_is_missing_is_really_absent[{}]",
    "what is declared missing is no function",
    missing={"tanhh": "upstream has none: https://example.org/1"},
)
declares(
    CAPABILITIES + "each_dtype_that_is_lacking_is_really_absent[{}]",
    "a dtype that is listed is declared missing",
    missing={"complex128": "upstream has none: https://example.org/2"},
)
method(
    CAPABILITIES + "each_dtype_that_is_lacking_is_really_absent[{}]",
    "dtypes",
    "a dtype that works is left out",
    lambda self, device: {raw: d for raw, d in Backend.dtypes(self, device).items() if d.name != "int16"},
)
declares(
    CAPABILITIES + "views_are_not_denied_falsely[{}-a slice]",
    "it claims views, and that memory is immutable",
    mutable=False,
)
kernel(
    CAPABILITIES + "a_view_shares_memory_where_views_are_claimed[{}-a reshape]",
    "reshape",
    "reshape copies in silence",
    lambda x, shape: x.reshape(shape).copy(),
)
kernel(
    CAPABILITIES + "a_view_shares_memory_where_views_are_claimed[{}-a transpose]",
    "permute_dims",
    "a transpose is a copy",
    lambda x, axes: x.transpose(axes).copy(),
)
for _name, _copied in {
    "expand_dims": lambda x, *, axis: np.expand_dims(x, axis).copy(),
    "squeeze": lambda x, axis: np.squeeze(x, axis).copy(),
    "broadcast_to": lambda x, shape: np.broadcast_to(x, shape).copy(),
}.items():
    kernel(
        f"{CAPABILITIES}a_view_shares_memory_where_views_are_claimed[{{}}-{_name}]",
        _name,
        f"{_name} copies in silence",
        _copied,
    )
kernel(
    CAPABILITIES + "numbers_and_0_d_arrays_do_the_same[{}]",
    "add",
    "a 0-d array makes float64 of float32",
    lambda x, y: x + y if not isinstance(y, np.ndarray) or y.ndim else np.add(x, y, dtype=np.float64).view(type(x)),
)

# -- functions ---------------------------------------------------------------------------------------------------------

VALUES, DTYPES, INPUTS, OUTPUTS = (
    f"{FUNCTIONS}a_function_{words}[{{}}-"
    for words in (
        "gives_the_values_of_numpy",
        "gives_the_dtype_of_numpy",
        "leaves_its_inputs_alone",
        "gives_memory_of_its_own",
    )
)

kernel(VALUES + "sum with keepdims]", "sum", "keepdims is dropped", lambda x, *, axis, keepdims: np.sum(x, axis=axis))
kernel(
    VALUES + "max along an axis]",
    "max",
    "the axis is off by one",
    lambda x, *, axis, keepdims: np.max(
        x, axis=axis if axis is None or isinstance(axis, tuple) else (axis + 1) % x.ndim, keepdims=keepdims
    ),
)
kernel(
    VALUES + "max with nan]",
    "max",
    "nan is skipped",
    lambda x, *, axis, keepdims: np.fmax.reduce(
        x, axis=axis, keepdims=keepdims, initial=-np.inf if x.dtype.kind == "f" else None
    ),
)
kernel(
    VALUES + "argmax of ties]",
    "argmax",
    "of equal elements the last is taken",
    lambda x, *, axis, keepdims: (
        x.size - 1 - np.argmax(x[::-1]) if x.ndim == 1 else np.argmax(x, axis=axis, keepdims=keepdims)
    ),
)
kernel(
    VALUES + "matmul of a batch]",
    "matmul",
    "the second factor is transposed where it is square",
    lambda x, y: x @ (y.swapaxes(-1, -2) if y.ndim > 1 and y.shape[-1] == y.shape[-2] else y),
)
kernel(DTYPES + "sqrt of float32]", "sqrt", "float32 drifts to float64", lambda x: np.sqrt(x, dtype=np.float64))
kernel(VALUES + "maximum of float32 2]", "maximum", "nan counts as missing", lambda x, y: np.fmax(x, y))
kernel(
    VALUES + "add of int8 3]",
    "add",
    "int8 saturates",
    lambda x, y: (
        np.clip(x.astype(np.int16) + y, -128, 127).astype(np.int8) if getattr(x, "dtype", None) == np.int8 else x + y
    ),
)
kernel(
    VALUES + "floor_divide of int32 1]",
    "floor_divide",
    "it rounds towards zero",
    lambda x, y: np.trunc(np.divide(x, y)).astype(np.result_type(x, y)),
)
kernel(VALUES + "remainder of float32]", "remainder", "its sign is that of the dividend", lambda x, y: np.fmod(x, y))
kernel(
    VALUES + "round of float32 1]",
    "round",
    "halves are rounded away from zero",
    lambda x: np.copysign(np.floor(abs(x) + x.dtype.type(0.5)), x),
)
kernel(VALUES + "sign of float32 2]", "sign", "the sign of nan is 0", lambda x: np.nan_to_num(np.sign(x)))
kernel(VALUES + "sqrt of zeros]", "sqrt", "the root of -0.0 is 0.0", lambda x: np.sqrt(x) + x.dtype.type(0))
kernel(VALUES + "multiply of zeros]", "multiply", "a product has no sign of zero", lambda x, y: x * y + x.dtype.type(0))
kernel(
    VALUES + "clip of nan]",
    "clip",
    "nan is clipped",
    lambda x, lo=None, hi=None: np.fmin(np.fmax(x, -np.inf if lo is None else lo), np.inf if hi is None else hi),
)
kernel(
    VALUES + "add of float32 5]",
    "add",
    "no elements and one make one",
    lambda x, y: x + y if np.size(x) and np.size(y) else np.zeros(np.maximum(x.shape, np.shape(y)), x.dtype),
)
kernel(
    VALUES + "matmul of thirds and sevenths]",
    "matmul",
    "float32 is multiplied with the bits of float16",
    lambda x, y: (x.astype(np.float16) @ y.astype(np.float16)).astype(np.float32) if x.dtype == np.float32 else x @ y,
)
kernel(
    INPUTS + "argsort]",
    "argsort",
    "the input is sorted in place",
    lambda x, *, axis, descending, stable: (
        np.argsort(-x if descending else x, axis=axis, kind="stable"),
        x.sort(axis=axis),
    )[0],
)
kernel(
    INPUTS + "abs of float32]",
    "abs",
    "the input is overwritten",
    lambda x: np.copyto(x, np.abs(x)) or x.copy() if x.dtype.kind != "c" else np.abs(x),
)
kernel(OUTPUTS + "flip]", "flip", "flip gives a view of its input", lambda x, *, axis=None: np.flip(x, axis))
kernel(
    OUTPUTS + "trunc of int32 3]",
    "trunc",
    "of integers trunc gives the input itself",
    lambda x: x if x.dtype.kind in "iu" else np.trunc(x),
)
kernel(VALUES + "where]", "where", "the branches are swapped", lambda c, x, y: np.where(c, y, x))
kernel(
    VALUES + "concat]", "concat", "the first is put last", lambda xs, *, axis=0: np.concat(list(xs)[::-1], axis=axis)
)
kernel(
    VALUES + "argsort of ties]",
    "argsort",
    "equal elements change places",
    lambda x, *, axis, descending, stable: (
        x.shape[axis] - 1 - np.argsort(np.flip(-x if descending else x, axis), axis=axis, kind="stable")
    ),
)
kernel(VALUES + "conj of complex64]", "conj", "conj does nothing", lambda x: x.copy())
kernel(VALUES + "linalg.solve]", "linalg.solve", "the matrix is transposed", lambda a, b: np.linalg.solve(a.mT, b))
kernel(
    VALUES + "fft.ifft]",
    "fft.ifftn",
    "the inverse transform is not scaled",
    lambda x, **kw: np.fft.ifftn(x, **(kw | {"norm": "forward"})),
)
kernel(
    FUNCTIONS + "a_kernel_of_its_own_computes_what_it_is_named_for[{}-strong_multiply]",
    "strong_multiply",
    "0 · inf is nan",
    lambda g, p: g * p,
)
kernel(
    FUNCTIONS + "a_view_of_what_cannot_be_viewed_is_refused[{}]",
    "view",
    "what cannot be viewed is copied in silence",
    lambda x, *, shape: x.reshape(shape),
)
method(
    FUNCTIONS + "an_operation_in_place_writes[{}-add]",
    "in_place",
    "x += y computes, and does not write",
    lambda self, device: {"add": lambda x, y: np.add(x, y)},
)
method(
    FUNCTIONS + "an_operation_in_place_writes[{}-multiply]",
    "in_place",
    "x *= y writes where y has the shape of x",
    lambda self, device: {"multiply": lambda x, y: np.shape(y) == x.shape and np.multiply(x, y, out=x)},
)
method(
    FUNCTIONS + "a_kernel_gives_an_array_on_its_device[{}-tanh]",
    "kernels",
    "tanh is computed on another device",
    lambda self, device: {**Sound.kernels(self, device), "tanh": lambda x: self.box(np.tanh(x), self.devices()[1])},
)

# -- behaviours --------------------------------------------------------------------------------------------------------

kernel(BEHAVIOURS + "behaviour[{}-T03]", "zeros", "zeros are ones", lambda shape, dtype=None: np.ones(shape, dtype))
kernel(
    BEHAVIOURS + "behaviour[{}-A05]",
    "multiply",
    "a product is off by one per mille",
    lambda x, y: operator.mul(x, y) * 1.001,
)
kernel(
    BEHAVIOURS + "behaviour[{}-A10]",
    "add",
    "a sum is written into its first term",
    lambda x, y: (
        np.add(x, y, out=x)
        if isinstance(x, np.ndarray) and x.shape == np.shape(y) and x.dtype == getattr(y, "dtype", 0)
        else x + y
    ),
)


def table() -> str:
    """The mutants as a table in Markdown."""
    lines = ["| | mutated | what is wrong | caught by | case |", "|---|---|---|---|---|"]
    for number, mutant in enumerate(MUTANTS, 1):
        check, _, case = mutant.caught_by.partition("::test_")[2].removesuffix("]").partition("[")
        cases = ", ".join(part for part in case.replace("{}", "").split("-") if part) if case != "{}--1" else "-1"
        what = mutant.__name__.partition("_")[2]
        lines.append(f"| {number} | `{what}` | {mutant.__doc__} | {check.replace('_', ' ')} | {cases} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(table(), end="")

# What the compiler may take for granted of _place.py; see docs/performance.md.

cdef class Kind:
    cdef public object _twin, array_type, dtype, kernels, place, raw_dtype
    cdef public dict scalars
    cdef public bint inference, middle, plain, short

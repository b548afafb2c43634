# What the compiler may take for granted of _place.py; see docs/performance.md.

cdef class Place:
    cdef public object array_type, backend, complex_kernels, device, dtype_of, ground, in_place, integer, kernels
    cdef public object kind_of, kinds, large_from, level, owns_memory, raw_dtype, scope, shape_of, thrift, xp
    cdef public bint chunked, joins, mutable, negative_steps

cdef class Kind:
    cdef public object _twin, array_type, dtype, kernels, raw_dtype
    cdef public Place place
    cdef public dict found, scalars
    cdef public bint inference, middle, plain, short

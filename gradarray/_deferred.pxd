# What the compiler may take for granted of _deferred.py; see docs/performance.md.

from gradarray._engine cimport Deferred

cdef class Scattered(Deferred):
    cdef public object key, place, shape, value

cdef class Waiting(Deferred):
    cdef public object place, shape

cdef class Product(Waiting):
    cdef public object cells, gs, size, total

cdef class RowSum(Waiting):
    cdef public object g, mine

# What the compiler may take for granted of _deferred.py; see docs/performance.md.

from gradarray._engine cimport Deferred

cdef class Scattered(Deferred):
    cdef public object key, place, shape, value

cdef class Product(Deferred):
    cdef public object cell, g, parts, place, shape, size, total

cdef class RowSum(Deferred):
    cdef public object g, mine, place, shape

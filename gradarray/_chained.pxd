# What the compiler may take for granted of _chained.py; see docs/performance.md.

cimport cython

@cython.trashcan(True)
cdef class Chained:
    cdef public object to

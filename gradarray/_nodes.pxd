# What the compiler may take for granted of _nodes.py; see docs/performance.md.

cimport cython
from gradarray._engine cimport Node

@cython.trashcan(True)
cdef class OpNode(Node):
    cdef public object complex, params, place, shapes

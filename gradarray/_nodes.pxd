# What the compiler may take for granted of _nodes.py; see docs/performance.md.

from gradarray._engine cimport Node
from gradarray._place cimport Place

cdef class OpNode(Node):
    cdef public object complex, params, shapes
    cdef public Place place

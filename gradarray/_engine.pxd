# What the compiler may take for granted of _engine.py; see docs/performance.md.

cdef class Node:
    cdef object __weakref__
    cdef public object op, seq, edges, saved, hooks, outputs

cdef class Slot:
    cdef public Node node
    cdef public object index

cdef class Deferred:
    cdef object __weakref__

cdef class _Sums:
    cdef public object add, iadd
    cdef public set owned
    cpdef plus(self, key, total, g)

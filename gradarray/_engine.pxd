# What the compiler may take for granted of _engine.py; see docs/performance.md.

cdef class Node:
    cdef object __weakref__
    cdef public object op, seq, edges, saved, hooks, outputs

cdef class Slot:
    cdef public Node node
    cdef public object index

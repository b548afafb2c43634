# What the compiler may take for granted of _engine.py; see docs/performance.md.

cimport cython

from gradarray._chained cimport Chained

cdef class Node(Chained):
    cdef object __weakref__
    cdef public object hooks, op, saved
    cdef public long long seq
    cdef public int outputs

cdef class Slot:
    cdef public Node node
    cdef public object index

cdef class Deferred:
    cdef object __weakref__

cdef class _Sums:
    cdef public object add, iadd
    cdef public set owned
    cpdef plus(self, key, total, g)

@cython.locals(known=Py_ssize_t, every=bint, ending=bint)
cpdef leading_to(roots, targets)

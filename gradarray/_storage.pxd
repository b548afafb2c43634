# What the compiler may take for granted of _storage.py; see docs/performance.md.

from gradarray._engine cimport Node, Slot
from gradarray._place cimport Kind

cdef class Value:
    cdef object __weakref__
    cdef public object _cell, _data, _node, _shape
    cdef public Kind _kind
    cdef public Meta _meta

cdef class Meta:
    cdef public object base, grad, hooks, left, path, refuses, retains, root, steps
    cdef public Family family
    cdef public bint blind

cdef class Family:
    cdef public list members
    cdef public long long _prune_at, version
    cdef public bint lent, scattered
    cpdef add(self, Value x)
    cpdef prune(self)

cpdef _holders(cell)

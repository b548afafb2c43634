# What the compiler may take for granted of _dispatch.py; see docs/performance.md.

from gradarray._engine cimport Node, Slot
from gradarray._nodes cimport OpNode
from gradarray._place cimport Kind, Place
from gradarray._storage cimport Value

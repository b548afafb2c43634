# What the compiler may take for granted of backward.py; see docs/performance.md.

from gradarray._engine cimport Node
from gradarray._place cimport Kind, Place
from gradarray._storage cimport Meta, Value

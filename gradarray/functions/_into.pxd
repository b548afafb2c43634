# What the compiler may take for granted of _into.py; see docs/performance.md.

from gradarray._place cimport Kind
from gradarray._storage cimport Meta, Value

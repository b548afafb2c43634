"""Sorting functions: Array API standard, "Sorting Functions". ``sort`` of a tensor takes along ``argsort``."""

from __future__ import annotations

from gradarray._primitive import nondiff

nondiff("argsort", defaults={"axis": -1, "descending": False, "stable": True}, batch="axes")

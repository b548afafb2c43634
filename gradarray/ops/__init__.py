"""The table: importing this package fills it. One file for each chapter of the standard."""

from gradarray.ops import elementwise, indexing, linalg, manipulation, searching, sorting, statistical

__all__ = ["elementwise", "indexing", "linalg", "manipulation", "searching", "sorting", "statistical"]

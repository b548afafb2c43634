"""What every backend of gradarray must do: checks that anybody can run on any device, and a report of what held.

``pytest --pyargs gradarray_conformance --gradarray-device=mine:0``, or ``gradarray conformance mine:0``.

Knows nothing. pytest imports it in every run, also in those that have nothing to do with gradarray, so it must not
import anything.
"""

__version__ = "0.1.0"

"""What the command ``gradarray`` does: the tutorial's programs, run and judged, and the list of backends.

Knows the public API, as any user's program does. Must not know anything private of gradarray.
"""

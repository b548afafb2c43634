"""What the command ``gradarray`` does: the tutorial shown, the list of backends, the conformance suite started.

Knows the public API, as any user's program does. Must not know anything private of gradarray.
"""

"""The checks. Each takes the fixture ``device``, the name of the device to hold to account.

Knows what is public of gradarray. Must not know any backend by name, but for NumPy's, which is the truth.
"""

"""SciPy's switch for other arrays than NumPy's, on before SciPy is first imported here."""

import os

os.environ.setdefault("SCIPY_ARRAY_API", "1")

"""What the calls are made with: small arrays, always the same."""

import numpy as np

R = np.random.default_rng(1234)
x, y, z = (R.standard_normal(24) for _ in range(3))
pos, pos2 = R.uniform(0.5, 2, 24), R.uniform(0.5, 2, 24)
unit, unit2, unit3 = (R.uniform(0.1, 0.9, 24) for _ in range(3))
ints = R.integers(0, 5, 24)
X, Y = R.standard_normal((16, 3)), R.standard_normal((16, 3))
XP = R.uniform(0.2, 2, (16, 3))
SQ = R.standard_normal((4, 4))
SPD = SQ @ SQ.T + 4 * np.eye(4)
cplx = R.standard_normal(16) + 1j * R.standard_normal(16)
CX = R.standard_normal((4, 8)) + 1j * R.standard_normal((4, 8))
IMG = R.standard_normal((9, 10))
BIM = R.uniform(size=(9, 10)) > 0.4
LAB = R.integers(0, 4, (9, 10))
grid = np.sort(R.uniform(0, 10, 12))
gy = np.sin(grid)
gi = np.linspace(grid[0] + 0.1, grid[-1] - 0.1, 7)

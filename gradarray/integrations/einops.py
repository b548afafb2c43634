"""einops: ``rearrange``, ``reduce``, ``repeat``, ``einsum``, ``pack`` and ``unpack`` of tensors, differentiable.

Knows the public API and einops' ``AbstractBackend``, whose subclasses einops looks through for a type it does not know.
"""

from __future__ import annotations

from typing import Any

import gradarray as ga


def register(backends: Any) -> None:
    """Define the backend. einops looks through its subclasses itself."""

    class GradarrayBackend(backends.AbstractBackend):  # type: ignore[misc]
        """What einops calls on tensors."""

        framework_name = "gradarray"

        def is_appropriate_type(self, tensor: Any) -> bool:
            return isinstance(tensor, ga.Tensor)

        def from_numpy(self, x: Any) -> Any:
            return ga.asarray(x)

        def to_numpy(self, x: Any) -> Any:
            return x.numpy(force=True)

        def arange(self, start: int, stop: int) -> Any:
            return ga.arange(start, stop)

        def transpose(self, x: Any, axes: Any) -> Any:
            return ga.permute_dims(x, tuple(axes))

        def reduce(self, x: Any, operation: str, axes: Any) -> Any:
            return getattr(ga, operation)(x, axis=tuple(axes))

        def stack_on_zeroth_dimension(self, tensors: Any) -> Any:
            return ga.stack(tensors)

        def add_axis(self, x: Any, new_position: int) -> Any:
            return ga.expand_dims(x, axis=new_position)

        def add_axes(self, x: Any, n_axes: int, pos2len: dict[int, int]) -> Any:
            for position in pos2len:
                x = ga.expand_dims(x, axis=position)
            return ga.broadcast_to(x, tuple(pos2len.get(i, n) for i, n in enumerate(x.shape)))

        def tile(self, x: Any, repeats: Any) -> Any:
            return ga.tile(x, tuple(repeats))

        def concat(self, tensors: Any, axis: int) -> Any:
            return ga.concat(tensors, axis=axis)

        def is_float_type(self, x: Any) -> bool:
            return ga.isdtype(x.dtype, ("real floating", "complex floating"))

        def einsum(self, pattern: str, *x: Any) -> Any:
            if not hasattr(ga, "einsum"):
                raise NotImplementedError("einops.einsum of tensors needs gradarray.einsum, which is not there")
            return ga.einsum(pattern, *x)

    backends.GradarrayBackend = GradarrayBackend  # einops finds subclasses, but holds none

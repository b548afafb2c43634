"""Automatic differentiation: the walk, and the modes that steer the recording.

References
----------
``torch.autograd``.
"""

from typing import TYPE_CHECKING

from gradarray._later import later
from gradarray.autograd import graph
from gradarray.autograd.backward import backward, grad
from gradarray.autograd.function import Function
from gradarray.autograd.gradcheck import GradcheckError, gradcheck, gradgradcheck
from gradarray.autograd.modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)

if TYPE_CHECKING:
    from gradarray.autograd import forward_ad, functional, profiler
    from gradarray.autograd.anomaly import (
        AnomalyError,
        detect_anomaly,
        is_anomaly_check_nan_enabled,
        is_anomaly_enabled,
        set_detect_anomaly,
    )
    from gradarray.autograd.checkpointing import CheckpointError, checkpoint, checkpoint_sequential
    from gradarray.autograd.dropped import Drop, report_dropped
    from gradarray.autograd.pictures import Picture, graphviz, mermaid
else:
    __getattr__, __dir__ = later(
        __name__,
        {
            **dict.fromkeys(("forward_ad", "functional", "profiler"), ""),
            "anomaly": "AnomalyError detect_anomaly is_anomaly_check_nan_enabled is_anomaly_enabled set_detect_anomaly",
            "checkpointing": "CheckpointError checkpoint checkpoint_sequential",
            "dropped": "Drop report_dropped",
            "pictures": "Picture graphviz mermaid",
        },
    )

__all__ = [
    "AnomalyError",
    "CheckpointError",
    "Drop",
    "Function",
    "GradcheckError",
    "Picture",
    "backward",
    "checkpoint",
    "checkpoint_sequential",
    "detect_anomaly",
    "enable_grad",
    "forward_ad",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "graph",
    "graphviz",
    "inference_mode",
    "is_anomaly_check_nan_enabled",
    "is_anomaly_enabled",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "mermaid",
    "no_grad",
    "profiler",
    "report_dropped",
    "set_detect_anomaly",
    "set_grad_enabled",
]

"""Random programs agree with PyTorch, where that is installed."""

import os
import warnings

import pytest

from .programs import differences, program

pytest.importorskip("torch", reason="PyTorch is not installed; it is compared with where it is, and needed nowhere")
PROGRAMS = int(os.environ.get("GRADARRAY_ORACLE_PROGRAMS", "200"))


@pytest.mark.parametrize("start", range(0, PROGRAMS, 50))
def test_random_programs_agree(start):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what PyTorch has to say about both
        for seed in range(start, min(start + 50, PROGRAMS)):
            assert not differences(program(seed)), str(program(seed))

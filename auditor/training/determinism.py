"""Seeds and deterministic algorithms, for as long as a training lasts."""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Iterator

WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
"""cuBLAS is deterministic only with a workspace of fixed size."""


@contextlib.contextmanager
def deterministic(seed: int, device: str) -> Iterator[None]:
    """Seeds and deterministic algorithms inside; generators and flags as they were after."""
    import torch

    workspace = os.environ.get(WORKSPACE)
    if device.startswith("cuda"):
        os.environ.setdefault(WORKSPACE, ":4096:8")
    before = torch.are_deterministic_algorithms_enabled()
    state = random.getstate()
    try:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            torch.use_deterministic_algorithms(True)
            yield
    finally:
        torch.use_deterministic_algorithms(before)
        random.setstate(state)
        if workspace is None:
            os.environ.pop(WORKSPACE, None)

"""Seeds and deterministic algorithms, for as long as a training lasts."""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Iterator


@contextlib.contextmanager
def deterministic(seed: int, device: str) -> Iterator[None]:
    """Seeds and deterministic algorithms inside; generators and flags as they were after."""
    import torch

    if device.startswith("cuda"):
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
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

"""Seeds and deterministic algorithms, for as long as a training lasts."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator


@contextlib.contextmanager
def deterministic(seed: int) -> Iterator[None]:
    """Seeds and deterministic algorithms inside; generators and flags as they were after.

    On CUDA ``devices.device_named`` has told cuBLAS before.
    """
    import torch

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


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Python's and numpy's global generators seeded, for recipes whose libraries use them, and restored."""
    import numpy

    python, arrays = random.getstate(), numpy.random.get_state()
    seed_anew(seed)
    try:
        yield
    finally:
        random.setstate(python)
        numpy.random.set_state(arrays)


def seed_anew(seed: int) -> None:
    """Python's and numpy's global generators, once more: libraries draw from them while they are imported, which
    happens in a process's first training alone.
    """
    import numpy

    random.seed(seed)
    numpy.random.seed(seed % 2**32)


@contextlib.contextmanager
def on_device(device: str) -> Iterator[None]:
    """accelerate takes the current CUDA device, whichever one the model was told to be on."""
    import torch

    if not device.startswith("cuda:"):
        yield
        return
    before = torch.cuda.current_device()
    torch.cuda.set_device(device)
    try:
        yield
    finally:
        torch.cuda.set_device(before)


@contextlib.contextmanager
def accelerate_afterwards_as_new() -> Iterator[None]:
    """accelerate keeps device and precision for the whole process and refuses a second training with others."""
    from accelerate.state import AcceleratorState, GradientState

    try:
        yield
    finally:
        AcceleratorState._reset_state(reset_partial_state=True)
        GradientState._reset_state()

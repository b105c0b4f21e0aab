"""Seeds, deterministic algorithms and process-wide state for the duration of a training."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator


@contextlib.contextmanager
def deterministic(seed: int) -> Iterator[None]:
    """Seed torch and use deterministic algorithms inside.

    Restores generators and flags on exit. On CUDA, ``devices.device_named`` has already configured cuBLAS.
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
    """Seed the global generators of Python and numpy; restore them on exit.

    The libraries of some recipes draw from these generators.
    """
    import numpy

    python, arrays = random.getstate(), numpy.random.get_state()
    seed_globals(seed)
    try:
        yield
    finally:
        random.setstate(python)
        numpy.random.set_state(arrays)


def seed_globals(seed: int) -> None:
    """Seed the global generators of Python and numpy again.

    Libraries draw from these generators while they are imported, which happens only in a process's first training.
    """
    import numpy

    random.seed(seed)
    numpy.random.seed(seed % 2**32)


@contextlib.contextmanager
def on_device(device: str) -> Iterator[None]:
    """Make ``device`` the current CUDA device inside.

    accelerate uses the current CUDA device, even when the model is on another.
    """
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
def accelerate_reset() -> Iterator[None]:
    """Reset accelerate's global state on exit.

    accelerate keeps device and precision for the whole process and refuses a second training with different ones.
    """
    from accelerate.state import AcceleratorState, GradientState

    try:
        yield
    finally:
        AcceleratorState._reset_state(reset_partial_state=True)
        GradientState._reset_state()

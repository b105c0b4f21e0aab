"""Devices: which there are, what they are called, and what they say when their memory is full."""

from __future__ import annotations

import contextlib
import functools
import os
import traceback
from collections.abc import Iterator
from importlib import metadata
from typing import Any

from auditor.errors import ModelError, OutOfMemoryError

PRECISIONS = ("fp32", "bf16", "fp16")
FULL = ("out of memory", "can't allocate memory", "Failed to allocate memory", "bad_alloc")
"""What torch says on devices for which it has no exception of its own, and ONNX Runtime everywhere."""
WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
"""cuBLAS is deterministic only with a workspace of fixed size."""


def device_named(name: str) -> str:
    """``auto`` → the best device there is; another one is checked. Raises ModelError."""
    device = _device_named(name)
    if device.startswith("cuda"):
        # torch reads it at the first product of matrices of the process, be it an answer long before a training.
        os.environ.setdefault(WORKSPACE, ":4096:8")
    return device


def _device_named(name: str) -> str:
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        kind = torch.device(name)
    except RuntimeError:
        raise ModelError(f"unknown device {name!r}", hint="auto, cpu, cuda, cuda:1 or mps") from None
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there.get(kind.type, False) or (kind.type == "cuda" and (kind.index or 0) >= torch.cuda.device_count()):
        raise ModelError(f"device {name!r} is not there", hint="--device auto takes the best there is")
    return name


def checked_device(device: str, precision: str) -> str:
    """The device by name, if it is there and computes in this precision. Raises ModelError."""
    if precision not in PRECISIONS:
        raise ModelError(f"unknown precision {precision!r}", hint=f"one of {', '.join(PRECISIONS)}")
    where = device_named(device)
    if precision == "fp16" and where.startswith("cpu"):
        raise ModelError("fp16 does not run on a CPU", hint="precision = fp32 or bf16")
    return where


def device_words(device: Any) -> str:
    """What of a torch device decides the last bits: which GPU it is, or which vector instructions a CPU has."""
    import torch

    if device.type == "cuda":
        return f"cuda {torch.cuda.get_device_name(device)}"
    return f"cpu {torch.backends.cpu.get_cpu_capability()}" if device.type == "cpu" else str(device.type)


def versions() -> str:
    """Threads and the versions of whatever computes, in words."""
    import torch

    return f"{torch.get_num_threads()} threads, {_packages()}"


@functools.cache
def _packages() -> str:
    """Read from the installed files once: the words are part of every batch's key."""
    from auditor import __version__

    packages = ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "transformers"))
    return f"{packages}, auditor {__version__}"


def is_full(error: BaseException) -> bool:
    """Whether an exception says that a device's memory is full."""
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in FULL)


@contextlib.contextmanager
def memory_errors(name: str, hint: str | None = None) -> Iterator[None]:
    """Inside, a device whose memory is full raises OutOfMemoryError, with its cached memory given back."""
    import torch

    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_full(error):
            raise
        # The frames on the way hold the tensors that there is no memory for.
        traceback.clear_frames(error.__traceback__)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        raise OutOfMemoryError("the device is out of memory", where=name, hint=hint) from None

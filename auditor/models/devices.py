"""Devices: availability, description, and recognition of out-of-memory errors."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import traceback
from collections.abc import Iterator
from importlib import metadata
from typing import Any

from auditor.errors import ModelError, OutOfMemoryError

PRECISIONS = ("fp32", "bf16", "fp16")
FULL = ("out of memory", "can't allocate memory", "Failed to allocate memory", "bad_alloc")
"""Parts of out-of-memory messages for which torch has no exception type of its own.

ONNX Runtime uses such messages on every device.
"""
WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
"""cuBLAS is deterministic only with a workspace of fixed size."""


def device_named(name: str) -> str:
    """Return the device by name; ``auto`` is the best one available.

    Raises ModelError for a device that is unknown or not available.
    """
    device = _device_named(name)
    if device.startswith("cuda"):
        # torch reads the variable at the process's first matrix product, perhaps long before any training.
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
        raise ModelError(f"device {name!r} is not available", hint="--device auto takes the best one available")
    return name


def checked_device(device: str, precision: str) -> str:
    """Return the device by name if it supports the precision. Raises ModelError."""
    if precision not in PRECISIONS:
        raise ModelError(f"unknown precision {precision!r}", hint=f"one of {', '.join(PRECISIONS)}")
    where = device_named(device)
    if precision == "fp16" and where.startswith("cpu"):
        raise ModelError("fp16 does not run on a CPU", hint="precision = fp32 or bf16")
    return where


def device_words(device: Any) -> str:
    """Describe what determines the last bits of a torch device's results.

    That is the GPU model, or a CPU's vector instructions.
    """
    import torch

    if device.type == "cuda":
        return f"cuda {torch.cuda.get_device_name(device)}"
    return f"cpu {torch.backends.cpu.get_cpu_capability()}" if device.type == "cpu" else str(device.type)


def versions() -> str:
    """Describe the number of threads and the versions of the numeric libraries."""
    import torch

    return f"{torch.get_num_threads()} threads, {_packages()}"


@functools.cache
def _packages() -> str:
    """Return the versions of the packages, read from the installed files once.

    They are part of the key of every batch.
    """
    from auditor import __version__

    packages = ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "transformers"))
    return f"{packages}, auditor {__version__}"


def is_full(error: BaseException) -> bool:
    """Return whether an exception says that a device's memory is full."""
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in FULL)


@contextlib.contextmanager
def memory_errors(name: str, hint: str | None = None) -> Iterator[None]:
    """Turn errors about full memory into OutOfMemoryError.

    The device's cached memory is freed first.
    """
    import torch

    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_full(error):
            raise
        # The traceback's frames keep the tensors alive that fill the memory.
        traceback.clear_frames(error.__traceback__)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        raise OutOfMemoryError("the device is out of memory", where=name, hint=hint) from None


def reset_peak(kind: str) -> None:
    """Forget the highest memory use of a kind of device.

    Nothing happens where the device does not count it.
    """
    import torch

    if kind == "cuda":
        for index in range(torch.cuda.device_count()):
            torch.cuda.reset_peak_memory_stats(index)


def peak_bytes(kind: str) -> int | None:
    """Return the highest memory use in bytes, or None.

    On CUDA it is that of the fullest device since ``reset_peak``; on a CPU that of the process since its start.
    None: it is not known.
    """
    import torch

    if kind == "cuda":
        return max(int(torch.cuda.max_memory_allocated(index)) for index in range(torch.cuda.device_count()))
    if kind != "cpu":
        return None
    try:
        import resource
    except ModuleNotFoundError:  # on Windows
        return None
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest if sys.platform == "darwin" else highest * 1024

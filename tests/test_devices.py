"""What devices say when their memory is full, and what the last bits of answers depend on."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tiny import tiny_checkpoint

from auditor.errors import OutOfMemoryError
from auditor.models import devices, hugging_face
from auditor.models.options import LoadOptions
from auditor.types import Classify

FULL = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    MemoryError(),
    RuntimeError("MPS backend out of memory (MPS allocated: 1.00 GB)"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:119] DefaultCPUAllocator: can't allocate memory: you tried"),
]


@pytest.mark.parametrize("error", FULL, ids=lambda error: type(error).__name__)
def test_full_memory_is_told_apart_on_every_device(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    emptied: list[bool] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: emptied.append(True))
    with pytest.raises(OutOfMemoryError, match="mini: the device is out of memory"), devices.memory_errors("mini"):
        raise error
    assert emptied == [True]


def test_other_errors_of_a_device_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="device-side assert"), devices.memory_errors("mini"):
        raise RuntimeError("CUDA error: device-side assert triggered")


def test_a_checkpoint_without_memory_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = hugging_face.load(tiny_checkpoint(tmp_path / "mini"), LoadOptions(device="cpu"), name="mini")

    def full(**_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(model._model, "forward", full)
    with pytest.raises(OutOfMemoryError):
        model.run(model.encode([Classify(("a film",))]))


def test_numerics_name_device_precision_threads_and_versions(tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "mini")
    model = hugging_face.load(folder, LoadOptions(device="cpu"), name="mini")
    words = f", fp32, {torch.get_num_threads()} threads, torch {torch.__version__}"
    assert words in model.numerics
    assert ", bf16, " in hugging_face.load(folder, LoadOptions(device="cpu", precision="bf16"), name="mini").numerics


def test_a_gpu_is_named_by_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "H100")
    assert devices.device_words(SimpleNamespace(type="cuda")) == "cuda H100"
    assert devices.device_words(SimpleNamespace(type="mps")) == "mps"


@pytest.mark.parametrize("name", ["auto", "cuda", "cuda:0"])
@pytest.mark.parametrize("own", [None, ":16:8"])
def test_cublas_is_told_to_be_deterministic_before_anything_is_computed(
    name: str, own: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # torch looks once, at the process's first product: an audit answers before one of its probes trains.
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setenv(devices.WORKSPACE, own or "")
    if own is None:
        monkeypatch.delenv(devices.WORKSPACE)
    devices.device_named(name)
    assert os.environ[devices.WORKSPACE] == (own or ":4096:8")


def test_a_cpu_needs_no_word_to_cublas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(devices.WORKSPACE, "")
    monkeypatch.delenv(devices.WORKSPACE)
    devices.device_named("cpu")
    assert devices.WORKSPACE not in os.environ

"""A torch module → a session of ONNX Runtime that answers in its place, by a file that is gone afterwards."""

from __future__ import annotations

import contextlib
import importlib
import shutil
import tempfile
import warnings
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from auditor.errors import AuditError, ModelError
from auditor.models.libraries import said

OPSET = 17
TORCH = 'backend = "torch"'
"""The hint of every refusal."""

Provider: TypeAlias = tuple[str, dict[str, str]]
"""What of ONNX Runtime computes, and its options."""


def runtime() -> Any:
    """The package onnxruntime."""
    return importlib.import_module("onnxruntime")


def provider(device: str) -> Provider:
    """What of ONNX Runtime computes on this device. Raises ModelError; never another device in its place."""
    import torch

    where = torch.device(device)
    if where.type == "cpu":
        return "CPUExecutionProvider", {}
    name = "CUDAExecutionProvider"
    if where.type != "cuda" or name not in runtime().get_available_providers():
        has = f"this onnxruntime has no {name}" if where.type == "cuda" else "it runs on cpu or cuda"
        hint = "--device cpu, or install onnxruntime-gpu" if where.type == "cuda" else "--device cpu"
        raise ModelError(f'backend "onnx" cannot use device {device!r}: {has}', hint=hint)
    # TF32, on unless told otherwise, keeps ten bits of what float32 means.
    return name, {"device_id": str(where.index or 0), "use_tf32": "0"}


@contextlib.contextmanager
def refused(what: str, where: str) -> Iterator[None]:
    """Whatever an exporter or a runtime raises is a ModelError in one line."""
    try:
        yield
    except AuditError:
        raise
    except Exception as error:
        # Of every kind, assertions among them; whatever it is, torch can still be asked.
        raise ModelError(f"{what}: {said(error)}", where=where, hint=TORCH) from error


def session_of(module: Any, example: Mapping[str, Any], chosen: Provider, where: str, *, by_token: bool) -> Any:
    """The module exported and opened; ``example``: a batch by the names of its tensors. Raises ModelError.

    ``by_token``: whether it answers for every token, and not once for a row.
    """
    with contextlib.ExitStack() as stack:
        with refused("does not export to ONNX", where):
            folder = Path(tempfile.mkdtemp(prefix="auditor-onnx-"))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            _export(module, example, folder / "model.onnx", by_token=by_token)
        with refused("does not open in ONNX Runtime", where):
            session = _opened(folder / "model.onnx", chosen)
        if len(list(folder.iterdir())) > 1:
            # From 2 GiB on weights lie in files of their own, which the session reads for as long as it lives.
            weakref.finalize(session, stack.pop_all().close)
    return session


def _export(module: Any, example: Mapping[str, Any], file: Path, *, by_token: bool) -> None:
    import torch

    names = list(example)

    class Logits(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = module

        def forward(self, *tensors: Any) -> Any:
            return self.module(**dict(zip(names, tensors, strict=True))).logits

    # The exporter leaves everything below in the mode that it found the root in, and a new root is in training mode.
    root = Logits().eval()
    given = tuple(example[name] for name in names)
    axes = {name: {0: "batch", 1: "sequence"} for name in (*names, *(["logits"] if by_token else []))}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)  # type: ignore[attr-defined]
        warnings.filterwarnings("ignore", module=r"torch\.onnx")
        warnings.filterwarnings("ignore", message="You are using the legacy TorchScript")
        torch.onnx.export(
            root,
            given,
            str(file),
            input_names=names,
            output_names=["logits"],
            dynamic_axes={"logits": {0: "batch"}, **axes},
            opset_version=OPSET,
            dynamo=False,
        )


def _opened(file: Path, chosen: Provider) -> Any:
    import torch

    package = runtime()
    options = package.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.use_deterministic_compute = True
    # What it logs as an error it also raises.
    options.log_severity_level = 4
    # Threads that wait for the next batch by spinning would keep the tokenizer from its cores.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    session = package.InferenceSession(str(file), options, providers=[chosen])
    session.disable_fallback()
    if session.get_providers()[0] != chosen[0]:
        raise ModelError(f"ONNX Runtime cannot start its {chosen[0]}", hint="--device cpu, or mend its CUDA libraries")
    return session

"""Export of a torch module to an ONNX Runtime session.

The exported file is temporary.
"""

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

from auditor.errors import AuditError, ModelError, first_line
from auditor.models.heads.base import Head

OPSET = 17
TORCH = 'backend = "torch"'
"""The hint of every error."""

Provider: TypeAlias = tuple[str, dict[str, str]]
"""Name of an ONNX Runtime execution provider, and its options."""


def runtime() -> Any:
    """Return the package onnxruntime."""
    return importlib.import_module("onnxruntime")


def provider(device: str) -> Provider:
    """Return the execution provider for this device.

    Raises ModelError if there is none, instead of using another device.
    """
    import torch

    where = torch.device(device)
    if where.type == "cpu":
        return "CPUExecutionProvider", {}
    name = "CUDAExecutionProvider"
    if where.type != "cuda" or name not in runtime().get_available_providers():
        has = f"this onnxruntime has no {name}" if where.type == "cuda" else "it runs on cpu or cuda"
        hint = "--device cpu, or install onnxruntime-gpu" if where.type == "cuda" else "--device cpu"
        raise ModelError(f'backend "onnx" cannot use device {device!r}: {has}', hint=hint)
    # TF32, the default, has only ten bits of mantissa.
    return name, {"device_id": str(where.index or 0), "use_tf32": "0"}


@contextlib.contextmanager
def failures(what: str, where: str) -> Iterator[None]:
    """Turn any error of an exporter or a runtime into a ModelError.

    It has one line.
    """
    try:
        yield
    except AuditError:
        raise
    except Exception as error:
        # Exceptions of all types, assertions among them; torch still works as an alternative.
        raise ModelError(f"{what}: {first_line(error)}", where=where, hint=TORCH) from error


def session_of(module: Any, example: Mapping[str, Any], chosen: Provider, where: str, head: Head[Any]) -> Any:
    """Export the module and open the session.

    ``example`` is a batch of tensors by name; ``head`` names the module's logits. Raises ModelError.
    """
    with contextlib.ExitStack() as stack:
        with failures("does not export to ONNX", where):
            folder = Path(tempfile.mkdtemp(prefix="auditor-onnx-"))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            _export(module, example, folder / "model.onnx", head)
        with failures("does not open in ONNX Runtime", where):
            session = _opened(folder / "model.onnx", chosen)
        if len(list(folder.iterdir())) > 1:
            # Weights of 2 GiB and more are in separate files, which the session reads as long as it exists.
            weakref.finalize(session, stack.pop_all().close)
    return session


def _export(module: Any, example: Mapping[str, Any], file: Path, head: Head[Any]) -> None:
    import torch

    names = list(example)

    class Logits(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = module

        def forward(self, *tensors: Any) -> Any:
            return head.logits(self.module(**dict(zip(names, tensors, strict=True))))

    # The exporter restores all submodules to the root's mode, and a new root is in training mode.
    root = Logits().eval()
    given = tuple(example[name] for name in names)
    axes = {name: {0: "batch", 1: "sequence"} for name in (*names, *(["logits"] if head.answers_tokens else []))}
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
    # Errors in its log are also raised.
    options.log_severity_level = 4
    # Threads that spin while they wait for the next batch would keep the tokenizer off their cores.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    session = package.InferenceSession(str(file), options, providers=[chosen])
    session.disable_fallback()
    if session.get_providers()[0] != chosen[0]:
        raise ModelError(
            f"ONNX Runtime cannot start its {chosen[0]}", hint="--device cpu, or repair its CUDA libraries"
        )
    return session

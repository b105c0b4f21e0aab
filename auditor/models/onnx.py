"""Checkpoints that run in ONNX Runtime.

A checkpoint is exported when it is loaded, compared with torch, and then used instead of it. This holds for audited
checkpoints only: models that a probe trains, as for the learning curve, stay in torch.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from auditor.errors import ModelError, NoAnswerError, first_line
from auditor.models import company, hugging_face
from auditor.models.checkpoint import Checkpoint
from auditor.models.devices import checked_device, device_words, versions
from auditor.models.heads.base import Head
from auditor.models.onnx_export import TORCH, Provider, failures, provider, runtime, session_of
from auditor.models.options import DEFAULTS, LoadOptions
from auditor.models.padding import named_padding
from auditor.models.rows import Filling, Row
from auditor.models.text_model import TextModel
from auditor.types import Model, Response

PACKAGES = ("onnxruntime", "onnx")
"""Required packages; torch's exporter always imports the second."""
TOLERANCE = 1e-4
"""Allowed difference between a probability in ONNX Runtime and in torch.

Sound exports differ by less than 1e-6.
"""


class OnnxModel(TextModel):
    """Model in ONNX Runtime, with its head and tokenizer.

    ``run`` takes one batch, pads it to its longest member and returns probabilities (the head's, in float32).
    """

    def __init__(
        self,
        session: Any,
        head: Head[Any],
        filling: Filling,
        *,
        name: str,
        labels: tuple[str, ...],
        fingerprint: str,
        device: str,
        names_padding: bool,
        again: Callable[[], Model],
    ) -> None:
        import torch

        super().__init__(head, filling, name=name, labels=labels, fingerprint=fingerprint, again=again)
        self._session = session
        self._names_padding = names_padding
        self.parameters: int | None = None
        """Number of the checkpoint's parameters."""
        self.weight_bytes: int | None = None
        """Bytes that the checkpoint's parameters take in memory."""
        self._inputs = [tensor.name for tensor in session.get_inputs()]
        where = torch.device(device)
        self._device_kind = str(where.type)
        # Fixed now: the session keeps the number of threads that it was created with.
        self._numerics = f"onnxruntime {runtime().__version__}, {device_words(where)}, fp32, {versions()}"

    @property
    def numerics(self) -> str:
        """Description of ONNX Runtime's version, device, precision, threads and other versions."""
        return self._numerics

    @property
    def device_kind(self) -> str:
        """``cpu`` or ``cuda``."""
        return self._device_kind

    def _groups(self, rows: list[Row], *, singly: bool) -> list[list[Row]]:
        # The export looks for the padding token; a model whose configuration names none does not.
        if not self._names_padding and any(self.filling.token in row["input_ids"] for row in rows):
            raise NoAnswerError("has no answer: the text contains the padding token", where=self._name, hint=TORCH)
        return super()._groups(rows, singly=singly)

    def _logits(self, padded: dict[str, Any]) -> Any:
        import torch

        try:
            (logits,) = self._session.run(["logits"], {name: padded[name].numpy() for name in self._inputs})
        except Exception as error:
            # ONNX Runtime's exceptions have no common base class; full memory is recognized by the message.
            raise RuntimeError(str(error)) from error
        return torch.from_numpy(logits)


def check(precision: str) -> None:
    """Check that models can be loaded with ONNX Runtime.

    Raises ModelError for a missing package and for a precision other than fp32.
    """
    if precision != "fp32":
        raise ModelError(
            f'backend "onnx" computes in fp32 only, not {precision}', hint=f'precision = "fp32", or {TORCH}'
        )
    for name in PACKAGES:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            hint = f"pip install {' '.join(PACKAGES)}"
            raise ModelError(f'backend "onnx" needs {name}, which is not installed', hint=hint) from None
        except ImportError as error:
            raise ModelError(f'backend "onnx" needs {name}: {first_line(error)}', hint=TORCH) from error


def load(source: Path | Checkpoint, options: LoadOptions = DEFAULTS, *, name: str) -> OnnxModel:
    """Load a local checkpoint as ``hugging_face.load`` does, and export it.

    Raises ModelError for a checkpoint that cannot be exported or whose answers differ from those in torch.
    """
    check(options.precision)
    where = checked_device(options.device, options.precision)
    chosen = provider(where)
    # Export on the CPU whatever the device: one export serves all devices, and float32 is float32 there.
    torch_model = hugging_face.load(source, replace(options, device="cpu"), name=name)
    path, head = (source.path, source.head) if isinstance(source, Checkpoint) else (source, options.head)
    again = replace(options, head=head)
    return _exported(torch_model, str(path), where, chosen, again=lambda: load(path, again, name=name))


def _exported(
    torch_model: hugging_face.HuggingFaceModel,
    path: str,
    device: str,
    chosen: Provider,
    again: Callable[[], Model],
) -> OnnxModel:
    encoded = company.checks(torch_model)
    # Each text alone, then all together: batch shapes that differ from the one that the exporter sees.
    batches = [*([request] for request in encoded), encoded]
    expected = [answer for batch in batches for answer in torch_model.run(batch)]
    rows = torch_model.rows(encoded[:2])
    rows = rows[:1] if torch_model.singly else rows
    with named_padding(torch_model.module, torch_model.filling.token):
        session = session_of(
            torch_model.module,
            torch_model.head.pad(rows, torch_model.filling),
            chosen,
            path,
            torch_model.head,
        )
    model = OnnxModel(
        session,
        torch_model.head,
        torch_model.filling,
        name=torch_model.name,
        labels=torch_model.labels,
        fingerprint=torch_model.fingerprint,
        device=device,
        names_padding=torch_model.names_padding,
        again=again,
    )
    model.singly, model.notes = torch_model.singly, torch_model.notes
    model.parameters, model.weight_bytes = torch_model.parameters, torch_model.weight_bytes
    with failures("does not run in ONNX Runtime", path):
        answers = [answer for batch in batches for answer in model.run(batch)]
    _check_equal_answers(model.head, list(zip(answers, expected, strict=True)), path)
    return model


def _check_equal_answers(head: Head[Any], pairs: list[tuple[Response, Response]], where: str) -> None:
    rows = [row for pair in pairs for row in company.side_by_side(head, *pair)]
    worst = max(company.apart(a, b) for onnx, torch_row in rows for a, b in zip(onnx, torch_row, strict=True))
    if worst > TOLERANCE or any(onnx.index(max(onnx)) != torch_row.index(max(torch_row)) for onnx, torch_row in rows):
        what = "numbers" if all(len(onnx) == 1 for onnx, _ in rows) else "probabilities"
        message = f"answers differ between ONNX Runtime and torch: {what} differ by up to {worst:.1e}"
        raise ModelError(message, where=where, hint=TORCH)

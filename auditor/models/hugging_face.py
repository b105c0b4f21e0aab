"""Local transformers checkpoints for sequence classification."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import warnings
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from auditor.errors import ModelError
from auditor.models import checkpoint
from auditor.types import Encoded, Model, Request, Response

CHUNK = 1024
"""Texts handed to the tokenizer at once."""


class HuggingFaceModel:
    """A sequence-classification model and its tokenizer in evaluation mode.

    ``run`` takes one batch, pads it to its longest member and answers with probabilities (softmax in float32).
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        name: str,
        max_length: int,
        precision: str,
        fingerprint: str,
        again: Callable[[], Model] | None,
    ) -> None:
        self._model = model.eval()
        self._tokenizer = tokenizer
        self._name = name
        self._max_length = max_length
        self._precision = precision
        self._fingerprint = fingerprint
        self._again = again
        config = model.config
        self._labels = tuple(str(config.id2label[index]) for index in range(config.num_labels))

    @property
    def name(self) -> str:
        return self._name

    @property
    def labels(self) -> tuple[str, ...]:
        return self._labels

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @property
    def device_kind(self) -> str:
        """``cpu``, ``cuda`` or ``mps``."""
        return str(self._model.device.type)

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        found: list[Encoded] = []
        for start in range(0, len(requests), CHUNK):
            found += self._encode(requests[start : start + CHUNK])
        return found

    def _encode(self, requests: Sequence[Request]) -> Iterator[Encoded]:
        pairs = [request if len(request) > 1 else request[0] for request in requests]
        # Not truncated by the tokenizer, so that it is known which texts were too long for the model.
        whole = self._tokenizer(pairs, truncation=False, verbose=False)
        cut = self._tokenizer(pairs, truncation=True, max_length=self._max_length)
        types = cut.get("token_type_ids") or [[]] * len(requests)
        for ids, kinds, untruncated in zip(cut["input_ids"], types, whole["input_ids"], strict=True):
            key = hashlib.sha256(array("i", ids).tobytes() + b"|" + array("i", kinds).tobytes()).hexdigest()
            yield Encoded(key, len(ids), len(untruncated) > len(ids), {"input_ids": ids, "token_type_ids": kinds})

    def run(self, batch: Sequence[Encoded]) -> list[Response]:
        import torch

        names = ("input_ids", "token_type_ids") if batch[0].payload["token_type_ids"] else ("input_ids",)
        padded = self._tokenizer.pad(
            [{name: item.payload[name] for name in names} for item in batch], return_tensors="pt"
        )
        padded = padded.to(self._model.device)
        with torch.inference_mode(), self._autocast():
            logits = self._model(**padded).logits
        scores = torch.softmax(logits.float(), dim=-1)
        if not bool(torch.isfinite(scores).all()):
            raise ModelError(
                "answers with numbers that are not finite", where=self._name, hint="are its weights sound?"
            )
        return [tuple(row) for row in scores.cpu().double().tolist()]

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        import torch

        if self._precision == "fp32":
            return contextlib.nullcontext()
        kind = torch.bfloat16 if self._precision == "bf16" else torch.float16
        return torch.autocast(self._model.device.type, dtype=kind)

    def reload(self) -> Model:
        """Loaded afresh from disk; a model that exists in memory only is returned as it is."""
        return self if self._again is None else self._again()


def device_named(name: str) -> str:
    """``auto`` → the best device there is; another one is checked. Raises ModelError."""
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


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """transformers without its progress bars, notices and warnings about the checkpoint: we say what matters ourselves."""
    import transformers

    log = logging.getLogger("transformers")
    level = log.level
    log.setLevel(logging.ERROR)
    transformers.utils.logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


def load_tokenizer(path: Path, *, trust_remote_code: bool = False) -> Any:
    """The folder's fast tokenizer. Raises ModelError."""
    from transformers import AutoTokenizer

    with quiet():
        try:
            tokenizer = AutoTokenizer.from_pretrained(
                str(path), local_files_only=True, use_fast=True, trust_remote_code=trust_remote_code
            )
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(f"its tokenizer does not load: {_first_line(error)}", where=str(path)) from None
    # Encoding and padding are apart on purpose: batches are planned between them.
    tokenizer.deprecation_warnings["Asking-to-pad-a-fast-tokenizer"] = True
    if not tokenizer.is_fast:
        raise ModelError("has no fast tokenizer", where=str(path), hint="save it with use_fast=True")
    return tokenizer


def load(
    path: Path,
    *,
    name: str,
    task_name: str = "text-classification",
    device: str = "auto",
    precision: str = "fp32",
    max_length: int | None = None,
    allow_pickle: bool = False,
    trust_remote_code: bool = False,
) -> HuggingFaceModel:
    """Load a local checkpoint: safetensors, no remote code, no network, unless asked. Raises ModelError."""
    from transformers import AutoModelForSequenceClassification

    checkpoint.describe(path, task_name, allow_pickle=allow_pickle, trust_remote_code=trust_remote_code)
    where = device_named(device)
    if precision == "fp16" and where == "cpu":
        raise ModelError("fp16 does not run on a CPU", hint="precision = fp32 or bf16")
    tokenizer = load_tokenizer(path, trust_remote_code=trust_remote_code)
    safe = any(path.glob("*.safetensors"))
    with quiet():
        try:
            model, info = AutoModelForSequenceClassification.from_pretrained(
                str(path),
                local_files_only=True,
                use_safetensors=safe,
                trust_remote_code=trust_remote_code,
                output_loading_info=True,
            )
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise ModelError(f"does not load: {_first_line(error)}", where=str(path)) from None
    if info["missing_keys"]:
        keys = ", ".join(sorted(info["missing_keys"])[:3])
        raise ModelError(f"lacks weights: {keys}", where=str(path), hint="fine-tune it first with audit train")
    arguments = {
        "name": name,
        "task_name": task_name,
        "device": device,
        "precision": precision,
        "max_length": max_length,
        "allow_pickle": allow_pickle,
        "trust_remote_code": trust_remote_code,
    }
    return HuggingFaceModel(
        model.to(where),
        tokenizer,
        name=name,
        max_length=_length(model, tokenizer, max_length),
        precision=precision,
        fingerprint=checkpoint.fingerprint(path),
        again=lambda: load(path, **arguments),  # type: ignore[arg-type]
    )


def wrap(model: Any, tokenizer: Any, *, name: str, max_length: int | None) -> HuggingFaceModel:
    """A model that exists in memory only, such as one that a probe has just trained."""
    length = _length(model, tokenizer, max_length)
    return HuggingFaceModel(
        model, tokenizer, name=name, max_length=length, precision="fp32", fingerprint="in memory", again=None
    )


def _length(model: Any, tokenizer: Any, given: int | None) -> int:
    limits = [given, tokenizer.model_max_length, getattr(model.config, "max_position_embeddings", None)]
    return min(int(limit) for limit in limits if limit is not None and limit > 0)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0]

"""Local transformers checkpoints for sequence classification."""

from __future__ import annotations

import contextlib
import hashlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from auditor.errors import ModelError
from auditor.models import checkpoint
from auditor.models.devices import checked_device, device_named, device_words, memory_errors, versions
from auditor.models.loading import load_tokenizer, load_weights, loading, quiet
from auditor.types import Encoded, Model, Request, Response

__all__ = ["HuggingFaceModel", "device_named", "length_limit", "load", "load_tokenizer", "loading", "quiet", "wrap"]

CHUNK = 1024
"""Texts handed to the tokenizer at once."""
DEFAULT_LENGTH = 512
"""Tokens, where neither model nor tokenizer nor user names a limit."""


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
        self._pieces = int(model.get_input_embeddings().num_embeddings)

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
    def numerics(self) -> str:
        """Kind of device, precision, threads and versions, in words."""
        return f"{device_words(self._model.device)}, {self._precision}, {versions()}"

    @property
    def device_kind(self) -> str:
        """``cpu``, ``cuda`` or ``mps``."""
        return str(self._model.device.type)

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        """Token ids, cut at the greatest length. Raises ModelError for a tokenizer that is not the model's own."""
        found: list[Encoded] = []
        for start in range(0, len(requests), CHUNK):
            found += self._encode(requests[start : start + CHUNK])
        return found

    def _encode(self, requests: Sequence[Request]) -> Iterator[Encoded]:
        rows = self._tokenize(requests)
        # First without a limit, so that it is known which texts were too long for the model; only those again.
        long = [index for index, (ids, _) in enumerate(rows) if len(ids) > self._max_length]
        for index, row in zip(long, self._tokenize([requests[index] for index in long], cut=True), strict=True):
            rows[index] = row
        truncated = frozenset(long)
        for index, (ids, kinds) in enumerate(rows):
            if max(ids, default=0) >= self._pieces:
                hint = "its tokenizer belongs to another model"
                raise ModelError(f"has no embedding for token id {max(ids)}", where=self._name, hint=hint)
            key = hashlib.sha256(array("i", ids).tobytes() + b"|" + array("i", kinds).tobytes()).hexdigest()
            yield Encoded(key, len(ids), index in truncated, {"input_ids": ids, "token_type_ids": kinds})

    def _tokenize(self, requests: Sequence[Request], *, cut: bool = False) -> list[tuple[list[int], list[int]]]:
        """Token ids and token types (empty where the model has none) of each request."""
        if not requests:
            return []
        pairs = [request if len(request) > 1 else request[0] for request in requests]
        limit = {"max_length": self._max_length} if cut else {}
        found = self._tokenizer(pairs, truncation=cut, verbose=False, **limit)
        types = found.get("token_type_ids") or [[]] * len(requests)
        return list(zip(found["input_ids"], types, strict=True))

    def run(self, batch: Sequence[Encoded]) -> list[Response]:
        """Probabilities of the labels for each. Raises ModelError for numbers that are not finite, OutOfMemoryError."""
        with memory_errors(self._name):
            return self._run(batch)

    def _run(self, batch: Sequence[Encoded]) -> list[Response]:
        import torch

        names = ("input_ids", "token_type_ids") if batch[0].payload["token_type_ids"] else ("input_ids",)
        padded = self._tokenizer.pad(
            [{name: item.payload[name] for name in names} for item in batch], return_tensors="pt"
        )
        padded = padded.to(self._model.device)
        with torch.inference_mode(), self._autocast():
            logits = self._model(**padded).logits
        # One transfer: a check on the device itself would wait for it a second time.
        scores = torch.softmax(logits.float(), dim=-1).cpu()
        if not bool(torch.isfinite(scores).all()):
            raise ModelError(
                "answers with numbers that are not finite", where=self._name, hint="are its weights sound?"
            )
        return [tuple(row) for row in scores.double().tolist()]

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        import torch

        if self._precision == "fp32":
            return contextlib.nullcontext()
        kind = torch.bfloat16 if self._precision == "bf16" else torch.float16
        return torch.autocast(self._model.device.type, dtype=kind)

    def reload(self) -> Model:
        """Loaded afresh from disk; a model that exists in memory only is returned as it is."""
        return self if self._again is None else self._again()


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
    checkpoint.describe(path, task_name, allow_pickle=allow_pickle, trust_remote_code=trust_remote_code)
    where = checked_device(device, precision)
    tokenizer = load_tokenizer(path, trust_remote_code=trust_remote_code)
    model = load_weights(path, where, trust_remote_code=trust_remote_code)
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
        model,
        tokenizer,
        name=name,
        max_length=length_limit(model, tokenizer, max_length),
        precision=precision,
        fingerprint=checkpoint.fingerprint(path),
        again=lambda: load(path, **arguments),  # type: ignore[arg-type]
    )


def wrap(
    model: Any, tokenizer: Any, *, name: str, max_length: int | None, fingerprint: str | None = None
) -> HuggingFaceModel:
    """A model that exists in memory only, such as one that a probe has just trained; ``reload`` returns itself.

    ``fingerprint``: what its answers follow from, where that is known; else it says ``in memory``.
    """
    return HuggingFaceModel(
        model,
        tokenizer,
        name=name,
        max_length=length_limit(model, tokenizer, max_length),
        precision="fp32",
        fingerprint="in memory" if fingerprint is None else fingerprint,
        again=None,
    )


def length_limit(model: Any, tokenizer: Any, given: int | None) -> int:
    """The least of what the user, the tokenizer and the model's positions allow, in tokens."""
    limits = [given, tokenizer.model_max_length, getattr(model.config, "max_position_embeddings", None)]
    for name, module in model.named_modules():
        # RoBERTa and its kin count positions from padding_idx + 1, so 514 positions hold 512 tokens.
        if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None:
            limits.append(module.num_embeddings - module.padding_idx - 1)
    return min(
        (int(one) for one in limits if one is not None and 0 < one < checkpoint.NO_LIMIT), default=DEFAULT_LENGTH
    )

"""Local transformers checkpoints that classify texts, or the words of a text."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from auditor.models import adapters, checkpoint
from auditor.models.devices import checked_device, device_named, device_words, versions
from auditor.models.loading import load_tokenizer, load_weights, loading, quiet
from auditor.models.texts import TextModel, Texts
from auditor.models.words import WordTexts
from auditor.types import Model

__all__ = [
    "HuggingFaceModel",
    "answers_words",
    "device_named",
    "length_limit",
    "load",
    "load_tokenizer",
    "loading",
    "quiet",
    "wrap",
]

DEFAULT_LENGTH = 512
"""Tokens, where neither model nor tokenizer nor user names a limit."""


class HuggingFaceModel(TextModel):
    """A sequence- or token-classification model and its tokenizer in evaluation mode.

    ``run`` takes one batch, pads it to its longest member and answers with probabilities (softmax in float32): of each
    text, or of each of its words.
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
        self._precision = precision
        config = model.config
        labels = tuple(str(config.id2label[index]) for index in range(config.num_labels))
        pieces = int(model.get_input_embeddings().num_embeddings)
        limits: dict[str, Any] = {"name": name, "max_length": max_length, "pieces": pieces}
        texts: Texts | WordTexts = Texts(tokenizer, **limits)
        if answers_words(model):
            texts = WordTexts(tokenizer, outside=labels.index("O") if "O" in labels else 0, **limits)
        super().__init__(texts, name=name, labels=labels, fingerprint=fingerprint, again=again)

    @property
    def module(self) -> Any:
        """The torch module that answers, in evaluation mode."""
        return self._model

    @property
    def numerics(self) -> str:
        """Kind of device, precision, threads and versions, in words."""
        return f"{device_words(self._model.device)}, {self._precision}, {versions()}"

    @property
    def device_kind(self) -> str:
        """``cpu``, ``cuda`` or ``mps``."""
        return str(self._model.device.type)

    def _logits(self, padded: Any) -> Any:
        import torch

        with torch.inference_mode(), self._autocast():
            return self._model(**padded.to(self._model.device)).logits

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        import torch

        if self._precision == "fp32":
            return contextlib.nullcontext()
        kind = torch.bfloat16 if self._precision == "bf16" else torch.float16
        return torch.autocast(self._model.device.type, dtype=kind)


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
    architecture = checkpoint.ARCHITECTURES[task_name]
    words = architecture == checkpoint.WORDS
    tokenizer = load_tokenizer(path, trust_remote_code=trust_remote_code, words=words)
    weights = load_weights(path, where, architecture, trust_remote_code=trust_remote_code)
    model = adapters.attach(weights, path)
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


def answers_words(model: Any) -> bool:
    """Whether a torch module answers for every word, and not for the whole text."""
    return type(adapters.plain(model)).__name__.endswith(checkpoint.WORDS)


def wrap(model: Any, tokenizer: Any, *, name: str, max_length: int | None, fingerprint: str = "") -> HuggingFaceModel:
    """A model that exists in memory only, such as one that a probe has just trained; ``reload`` returns itself.

    ``fingerprint``: what its answers follow from, where that is known; without it they are not kept between runs.
    """
    return HuggingFaceModel(
        model,
        tokenizer,
        name=name,
        max_length=length_limit(model, tokenizer, max_length),
        precision="fp32",
        fingerprint=fingerprint,
        again=None,
    )


def length_limit(model: Any, tokenizer: Any, given: int | None) -> int:
    """The least of what the user, the tokenizer and the model's positions allow, in tokens of the text."""
    taken, positions = adapters.virtual_tokens(model), getattr(model.config, "max_position_embeddings", None)
    limits = [given, tokenizer.model_max_length, None if positions is None else positions - taken]
    for name, module in model.named_modules():
        # RoBERTa and its kin count positions from padding_idx + 1, so 514 positions hold 512 tokens.
        if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None:
            limits.append(module.num_embeddings - module.padding_idx - 1 - taken)
    return min(
        (int(one) for one in limits if one is not None and 0 < one < checkpoint.NO_LIMIT), default=DEFAULT_LENGTH
    )

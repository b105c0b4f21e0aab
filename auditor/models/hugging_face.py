"""Local transformers checkpoints with one of the heads."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from auditor.errors import ModelError, NoAnswerError
from auditor.models import adapters, checkpoint, company, embedding, gradients, heads, padding
from auditor.models.checkpoint import Checkpoint
from auditor.models.devices import checked_device, device_named, device_words, memory_errors, versions
from auditor.models.libraries import quiet
from auditor.models.loading import check_config, load_weights, loading, why
from auditor.models.options import DEFAULTS, LoadOptions
from auditor.models.rows import Row
from auditor.models.text_model import TextModel
from auditor.models.tokenizing import load_tokenizer
from auditor.types import Classify, Encoded, FloatArray, Model, Request, TokenWeight

__all__ = [
    "HuggingFaceModel",
    "device_named",
    "length_limit",
    "load",
    "load_tokenizer",
    "loading",
    "quiet",
    "wrap",
]

DEFAULT_LENGTH = 512
"""Token limit if neither model nor tokenizer nor user names one."""


class HuggingFaceModel(TextModel):
    """Transformers model in evaluation mode, with its head and tokenizer.

    ``run`` takes one batch, pads it to its longest member and returns probabilities (the head's, in float32).
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        head: heads.Kind,
        name: str,
        max_length: int,
        precision: str,
        fingerprint: str,
        again: Callable[[], Model] | None,
    ) -> None:
        self._model = model.eval()
        self._precision = precision
        config = model.config
        labels = tuple(str(config.id2label[index]) for index in range(config.num_labels)) if head.labelled else ()
        pieces = padding.vocabulary_of(model)
        bound = head(tokenizer, name=name, max_length=max_length, pieces=pieces, labels=labels)
        filling = padding.filling(model, tokenizer)
        super().__init__(bound, filling, name=name, labels=labels, fingerprint=fingerprint, again=again)
        self._names_padding = padding.names_padding(model)

    @property
    def module(self) -> Any:
        """The torch module, in evaluation mode."""
        return self._model

    @property
    def names_padding(self) -> bool:
        """Whether the model's configuration names the padding token."""
        return self._names_padding

    @property
    def numerics(self) -> str:
        """Description of the kind of device, precision, threads and versions."""
        return f"{device_words(self._model.device)}, {self._precision}, {versions()}"

    @property
    def device_kind(self) -> str:
        """``cpu``, ``cuda`` or ``mps``."""
        return str(self._model.device.type)

    @property
    def parameters(self) -> int:
        """Number of parameters; shared ones count once."""
        return sum(weights.numel() for weights in self._model.parameters())

    @property
    def weight_bytes(self) -> int:
        """Bytes that the parameters take in memory."""
        return sum(weights.numel() * weights.element_size() for weights in self._model.parameters())

    def _embeddings(self) -> Any:
        # Some architectures have no table of tokens, and say so by this error.
        with contextlib.suppress(NotImplementedError):
            return getattr(self._model.get_input_embeddings(), "weight", None)
        return None

    def settle(self, *, thorough: bool = True) -> None:
        """Find out, in float32, how texts can be padded.

        Raises ModelError for a model whose answers are not sound.
        """
        precision, self._precision = self._precision, "fp32"
        try:
            company.settle(self, left=self.head.tokenizer.padding_side == "left", thorough=thorough)
        finally:
            self._precision = precision

    def _groups(self, rows: list[Row], *, singly: bool) -> list[list[Row]]:
        # A model that names no padding token treats the filling token as text, so a text may contain it.
        if not self._names_padding and any(self.filling.token in row["input_ids"] for row in rows):
            return [[row] for row in rows]
        return super()._groups(rows, singly=singly)

    def embed(self, batch: Sequence[Encoded]) -> FloatArray | None:
        """Return the mean of each text's tokens in the encoder's last layer.

        Special tokens count, padding and virtual tokens do not; a token that several windows of a long text share
        counts in each. Raises as ``run`` does.
        """
        if not embedding.tells_states(self._model):
            return None
        rows = [list(self.head.rows(request)) for request in batch]
        states: list[Any] = []
        with memory_errors(self.name):
            for group in self._groups([row for own in rows for row in own], singly=self.singly):
                told = self._passed(group, 0, functools.partial(self._states, group))
                if told is None:
                    return None
                states += told
        return embedding.means(states, [len(own) for own in rows])

    def _states(self, rows: Sequence[Row], padded: dict[str, Any]) -> list[Any] | None:
        import torch

        with torch.inference_mode():
            output = self._output(padded, output_hidden_states=True)
        lengths = [len(row["input_ids"]) for row in rows]
        return embedding.states_of(output, lengths, self.filling, adapters.virtual_tokens(self._model), self.name)

    def _logits(self, padded: dict[str, Any]) -> Any:
        import torch

        with torch.inference_mode():
            return self.logits(padded)

    def logits(self, padded: Mapping[str, Any]) -> Any:
        """Return a batch's logits, with a gradient where that is on."""
        return self.head.logits(self._output(padded))

    def _output(self, padded: Mapping[str, Any], **wanted: bool) -> Any:
        on_device = {name: values.to(self._model.device) for name, values in padded.items()}
        with self._autocast(), self._padding_named(padded):
            return self._model(**on_device, **wanted)

    def integrated_gradients(self, request: Request, label: int, steps: int) -> list[list[TokenWeight]] | None:
        """Return the weights of each text's tokens, or None.

        Of tags of words they are not told. Raises OutOfMemoryError.
        """
        if not isinstance(request, Classify):
            return None
        return gradients.integrated_gradients(self, request, label, steps)

    def _padding_named(self, padded: Mapping[str, Any]) -> contextlib.AbstractContextManager[Any]:
        alone = len(padded["input_ids"]) == 1
        if self._names_padding or (alone and bool(padded.get("attention_mask", padded["input_ids"]).bool().all())):
            return contextlib.nullcontext()
        return padding.named_padding(self._model, self.filling.token)

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        import torch

        if self._precision == "fp32":
            return contextlib.nullcontext()
        kind = torch.bfloat16 if self._precision == "bf16" else torch.float16
        return torch.autocast(self._model.device.type, dtype=kind)


def load(source: Path | Checkpoint, options: LoadOptions = DEFAULTS, *, name: str) -> HuggingFaceModel:
    """Load a local checkpoint with its tokenizer.

    Pickle weights and code in the folder need the options that allow them; nothing is downloaded. If ``source`` is a
    folder, it is described first, and again whenever it is reloaded. Raises ModelError.
    """
    described = source if isinstance(source, Checkpoint) else _described(source, options)
    path, remote = described.path, options.trust_remote_code
    head = heads.of(described.head)
    where = checked_device(options.device, options.precision)
    check_config(path, head.architecture, trust_remote_code=remote)
    notes: list[str] = []
    tokenizer = load_tokenizer(path, trust_remote_code=remote, words=head.reads_words, notes=notes)
    weights, loading_notes = load_weights(path, where, head.architecture, trust_remote_code=remote)
    notes += loading_notes
    model = adapters.attach(weights, path)
    limit = length_limit(model, tokenizer, options.max_length)
    check_room(limit, tokenizer, path)
    with loading("does not load", path):
        loaded = HuggingFaceModel(
            model,
            tokenizer,
            head=head,
            name=name,
            max_length=limit,
            precision=options.precision,
            fingerprint=described.fingerprint,
            again=lambda: load(path, replace(options, head=described.head), name=name),
        )
    if not loaded.names_padding and tokenizer.pad_token_id is None:
        token = tokenizer.convert_ids_to_tokens(loaded.filling.token)
        notes.append(f"neither model nor tokenizer names a padding token: texts are padded with {token!r}")
    loaded.notes = tuple(notes)
    with loading("does not answer", path):
        try:
            loaded.settle()
        except NoAnswerError as error:
            raise ModelError(f"does not answer: {why(error, path)}", where=str(path)) from error
    return loaded


def _described(path: Path, options: LoadOptions) -> Checkpoint:
    return checkpoint.describe(
        path, options.head, allow_pickle=options.allow_pickle, trust_remote_code=options.trust_remote_code
    )


def wrap(
    model: Any, tokenizer: Any, *, name: str, max_length: int | None, fingerprint: str = "", settled: bool = False
) -> HuggingFaceModel:
    """Wrap a model that exists in memory only.

    An example is a model that a probe has just trained. Its ``reload`` returns the model itself. ``fingerprint``
    identifies what its answers follow from, if known; without it, answers are not cached between runs. ``settled``: pad
    on the side that the tokenizer names, without checking first that this works. Raises ModelError for a model whose
    answers are not sound, or that no head supports.
    """
    wrapped = HuggingFaceModel(
        model,
        tokenizer,
        head=adapters.head_of(model),
        name=name,
        max_length=length_limit(model, tokenizer, max_length),
        precision="fp32",
        fingerprint=fingerprint,
        again=None,
    )
    if settled:
        wrapped.filling = replace(wrapped.filling, left=tokenizer.padding_side == "left")
    else:
        wrapped.settle(thorough=False)
    return wrapped


def _positions(config: Any) -> Any:
    """Return the number of positions that a configuration names.

    A configuration that also covers images has a part for text.
    """
    text = config.get_text_config() if hasattr(config, "get_text_config") else config
    return getattr(text, "max_position_embeddings", None)


def length_limit(model: Any, tokenizer: Any, given: int | None) -> int:
    """Return the smallest of all limits on a text's length in tokens.

    Limits come from the user (``given``), the tokenizer and the model's positions.
    """
    virtual, positions = adapters.virtual_tokens(model), _positions(model.config)
    limits = [given, tokenizer.model_max_length, positions - virtual if isinstance(positions, int) else None]
    for name, module in model.named_modules():
        # RoBERTa and its kin count positions from padding_idx + 1, so 514 positions hold 512 tokens.
        if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None:
            limits.append(module.num_embeddings - module.padding_idx - 1 - virtual)
    return min((int(limit) for limit in limits if checkpoint.is_limit(limit)), default=DEFAULT_LENGTH)


def check_room(limit: int, tokenizer: Any, path: Path) -> None:
    """Check that the limit leaves room for text beside special tokens.

    Raises ModelError.
    """
    special = int(tokenizer.num_special_tokens_to_add())
    if limit <= special:
        hint = "model_max_length of the tokenizer, max_position_embeddings of the model, or [audit] max_length"
        message = f"reads {limit} tokens, of which {special} are special: no room for text"
        raise ModelError(message, where=str(path), hint=hint)

"""Model and tokenizer that a caller holds in memory.

They take the place of a checkpoint folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from auditor.environment.loaded import is_instance
from auditor.errors import ModelError, NoAnswerError, UsageError
from auditor.models import adapters, checkpoint, heads, hugging_face
from auditor.models.devices import checked_device
from auditor.models.loading import loading
from auditor.models.options import LoadOptions
from auditor.models.tokenizing import check_reads_words

KINDS = "a path, (model, tokenizer), or a transformers pipeline for text-classification or token-classification"
"""What a caller may pass as a model."""
PIPELINES = ("text-classification", "token-classification")
"""Tasks of the pipelines whose models can be audited."""
NOT_RELOADED = "exists in memory only: an attack's success is checked with the same model, not with a reloaded one"
NOT_KEPT = "uses more than transformers' own code and weights: its answers are not cached for the next audit"


@dataclass(frozen=True, slots=True, eq=False)
class InMemoryModel:
    """Transformers model with its tokenizer."""

    module: Any = field(repr=False)
    tokenizer: Any = field(repr=False)
    name: str = "model"
    """The model's name in results; it is not a path."""

    def __str__(self) -> str:
        return self.name

    @property
    def place(self) -> str:
        """Description of the model that results show instead of a path."""
        return f"{self.architecture} in memory"

    @property
    def architecture(self) -> str:
        """The name of the model's class, without peft's wrapper."""
        return type(adapters.plain(self.module)).__name__

    @property
    def settings(self) -> dict[str, Any]:
        """What the model's ``config.json`` would contain."""
        written: dict[str, Any] = json.loads(json.dumps(self.module.config.to_dict(), default=str))
        return {**written, "architectures": [self.architecture]}


Source: TypeAlias = Path | InMemoryModel
"""Where an audited model comes from: a folder or memory."""


def source(value: object, name: str | None = None) -> Source:
    """Return a caller's model as a path or an InMemoryModel.

    ``name`` is the name of a model in memory. Raises UsageError for a value that is no model.
    """
    if isinstance(value, str | Path):
        if not str(value):
            raise UsageError("the path is empty", where="model")
        return Path(value)
    if isinstance(value, InMemoryModel):
        return value
    if is_instance(value, "transformers", "Pipeline"):
        return _from_pipeline(value, name or "model")
    module, tokenizer = value if isinstance(value, tuple) and len(value) == 2 else (value, None)
    if not is_instance(module, "transformers", "PreTrainedModel") and not is_instance(module, "peft", "PeftModel"):
        given = (
            f"({', '.join(type(part).__name__ for part in value)})"
            if isinstance(value, tuple)
            else type(value).__name__
        )
        raise UsageError(f"is {given}, not a model that can be audited", where="model", hint=KINDS)
    if not is_instance(tokenizer, "transformers", "PreTrainedTokenizerBase"):
        raise UsageError(f"a {type(module).__name__} without its tokenizer", where="model", hint="(model, tokenizer)")
    return InMemoryModel(module, tokenizer, name or "model")


def _from_pipeline(pipeline: Any, name: str) -> InMemoryModel:
    if pipeline.task not in PIPELINES:
        raise UsageError(
            f"a pipeline for {pipeline.task} cannot be audited", where="model", hint=f"one for {' or '.join(PIPELINES)}"
        )
    return InMemoryModel(pipeline.model, pipeline.tokenizer, name)


def find(model: Source) -> dict[str, Source]:
    """Return name → model: the one in memory, or a folder's checkpoints.

    Raises ModelError.
    """
    return {model.name: model} if isinstance(model, InMemoryModel) else dict(checkpoint.find(model))


def head_of(model: Source) -> str | None:
    """Return the name of the head for the model's architecture, or None."""
    if isinstance(model, Path):
        return checkpoint.head_of(model)
    head = heads.serving(model.settings)
    return None if head is None else head.name


@dataclass(frozen=True, slots=True)
class Described:
    """Model in memory that fits a task."""

    given: InMemoryModel
    labels: tuple[str, ...]
    """In the order of the model's outputs."""
    head: str


def described(given: InMemoryModel, head: str, task: str) -> Described:
    """Return the model with its labels.

    Raises ModelError for a model that does not fit the task.
    """
    kind = heads.of(head, task=task)
    checkpoint.check_architecture(given.settings, kind, task, given.name)
    return Described(given, kind.labels_in(given.settings, given.name), head)


def load(described: Described, options: LoadOptions) -> hugging_face.HuggingFaceModel:
    """Return the model in the form that an audit uses.

    It stays on its device and in its precision; ``reload`` returns the model itself. Raises ModelError for a model
    whose answers are not sound, and UsageError for options that would change the model.
    """
    given = described.given
    module, tokenizer, name = given.module, given.tokenizer, given.name
    if options.backend != "torch":
        hint = "save it, and audit the folder"
        raise UsageError(f"backend = {options.backend} reads saved checkpoints", where=name, hint=hint)
    if options.precision != "fp32":
        hint = "save it, and audit the folder"
        raise UsageError(f"precision = {options.precision} would change it", where=name, hint=hint)
    _check_device(given, options.device)
    if heads.of(described.head).reads_words:
        check_reads_words(tokenizer, name)
    hugging_face.check_room(hugging_face.length_limit(module, tokenizer, options.max_length), tokenizer, Path(name))
    digest = fingerprint(given)
    with loading("does not answer", Path(name)):
        wrapped = hugging_face.wrap(
            module, tokenizer, name=name, max_length=options.max_length, fingerprint=digest, settled=True
        )
        wrapped.notes = tuple(_notes(wrapped, kept=bool(digest)))
        try:
            wrapped.settle()
        except NoAnswerError as error:
            raise ModelError(f"does not answer: {error.message}", where=name, hint=error.hint) from error
    return wrapped


def _notes(wrapped: hugging_face.HuggingFaceModel, *, kept: bool) -> Iterator[str]:
    yield NOT_RELOADED
    if not kept:
        yield NOT_KEPT
    kinds = {str(weights.dtype).removeprefix("torch.") for weights in wrapped.module.parameters()}
    if kinds != {"float32"}:
        yield f"has weights in {', '.join(sorted(kinds))}: an audit of the saved folder reads them as float32"
    tokenizer = wrapped.head.tokenizer
    if not wrapped.names_padding and tokenizer.pad_token_id is None:
        token = tokenizer.convert_ids_to_tokens(wrapped.filling.token)
        yield f"neither model nor tokenizer names a padding token: texts are padded with {token!r}"


def _check_device(given: InMemoryModel, device: str) -> None:
    """Check that the model is on the requested device.

    Only its owner moves it. Raises UsageError and ModelError.
    """
    import torch

    if device == "auto":
        return
    if "," in device:
        raise UsageError("a model in memory is on one device", where=given.name, hint="save it, and audit the folder")
    wanted, own = torch.device(checked_device(device, "fp32")), torch.device(given.module.device)
    if (wanted.type, wanted.index or 0) != (own.type, own.index or 0):
        raise UsageError(f"is on {own}, not on {wanted}", where=given.name, hint=f"model.to({str(wanted)!r})")


@contextlib.contextmanager
def as_it_was(model: Source) -> Iterator[None]:
    """Restore the training mode of a model in memory afterwards.

    Inside, the model may be put in evaluation mode.
    """
    if isinstance(model, Path):
        yield
        return
    training = [module for module in model.module.modules() if module.training]
    try:
        yield
    finally:
        for module in training:
            module.training = True


def fingerprint(given: InMemoryModel) -> str:
    """Return the SHA-256 over everything that the model's answers follow from.

    Returns "" if that cannot be known, so that no answer is cached: with code that is not transformers' own, such as
    another class, hooks, or a ``forward`` set on an instance, and with a slow tokenizer.
    """
    module, tokenizer = given.module, given.tokenizer
    own = all(type(part).__module__.partition(".")[0] == "transformers" for part in (module, tokenizer))
    if not own or not getattr(tokenizer, "is_fast", False) or any(map(_is_altered, module.modules())):
        return ""
    read = json.loads(tokenizer.backend_tokenizer.to_str())
    settings = {name: getattr(tokenizer, name) for name in ("padding_side", "truncation_side", "model_max_length")}
    facts = [
        type(module).__name__,
        repr(module),
        module.config.to_dict(),
        getattr(module.config, "_attn_implementation", None),
        type(tokenizer).__name__,
        # The truncation and padding of the last call do not matter.
        {name: value for name, value in read.items() if name not in ("truncation", "padding")},
        settings,
        tokenizer.special_tokens_map,
        tokenizer.model_input_names,
    ]
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode())
    for name, weights in sorted(module.state_dict().items()):
        digest.update(f"{name}\0{weights.dtype}\0{tuple(weights.shape)}\n".encode())
        digest.update(_bytes(weights))
    return digest.hexdigest()


def _is_altered(module: Any) -> bool:
    """Return whether a module does more than a library's class says."""
    if type(module).__module__.partition(".")[0] not in ("torch", "transformers"):
        return True
    return bool(module._forward_hooks or module._forward_pre_hooks or "forward" in vars(module))


def _bytes(weights: Any) -> memoryview:
    import torch

    flat = weights.detach().cpu().contiguous().reshape(-1)
    return memoryview(flat.view(torch.uint8).numpy()) if flat.numel() else memoryview(b"")

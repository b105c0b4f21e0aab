"""Tokenizers and weights of local checkpoints; what a library raises for a broken file is a ModelError."""

from __future__ import annotations

import contextlib
import logging
import pickle
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from auditor.errors import ModelError

BROKEN = (
    OSError,
    ValueError,
    RuntimeError,
    LookupError,
    TypeError,
    AttributeError,
    ImportError,
    EOFError,
    pickle.UnpicklingError,
)
"""What torch, transformers and their loaders raise for files that are not what they should be."""


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """transformers without its progress bars, notices and warnings about the checkpoint: we say what matters ourselves."""
    import transformers

    log = logging.getLogger("transformers")
    level = log.level
    bars = transformers.utils.logging.is_progress_bar_enabled()
    log.setLevel(logging.ERROR)
    transformers.utils.logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
        if bars:
            transformers.utils.logging.enable_progress_bar()


def said(error: BaseException) -> str:
    """What a library says is wrong, in one line: its first, or what its first introduces."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]


@contextlib.contextmanager
def loading(what: str, path: Path) -> Iterator[None]:
    """Whatever a library raises for a broken file is a ModelError in one line."""
    from safetensors import SafetensorError

    with quiet():
        try:
            yield
        except Exception as error:
            # tokenizers raises the bare class for a file that it cannot read; anything not named here is a bug.
            if type(error) is not Exception and not isinstance(error, (*BROKEN, SafetensorError)):
                raise
            raise ModelError(f"{what}: {said(error)}", where=str(path)) from error


def load_tokenizer(path: Path, *, trust_remote_code: bool = False, words: bool = False) -> Any:
    """The folder's fast tokenizer. ``words``: it is given words, and not texts. Raises ModelError."""
    from transformers import AutoTokenizer

    how: dict[str, Any] = {"local_files_only": True, "use_fast": True, "trust_remote_code": trust_remote_code}
    with loading("its tokenizer does not load", path):
        tokenizer = AutoTokenizer.from_pretrained(str(path), **how)
        if words and getattr(tokenizer, "add_prefix_space", None) is False:
            # GPT-2 and its kin refuse words otherwise.
            tokenizer = AutoTokenizer.from_pretrained(str(path), add_prefix_space=True, **how)
    # Encoding and padding are apart on purpose: batches are planned between them.
    tokenizer.deprecation_warnings["Asking-to-pad-a-fast-tokenizer"] = True
    if not tokenizer.is_fast:
        raise ModelError("has no fast tokenizer", where=str(path), hint="save it with use_fast=True")
    if tokenizer.pad_token_id is None:
        hint = "set tokenizer.pad_token and model.config.pad_token_id, then save both"
        raise ModelError("its tokenizer has no padding token", where=str(path), hint=hint)
    return tokenizer


def auto_class(architecture: str) -> Any:
    """transformers' class that loads architectures whose names end so."""
    import transformers

    return getattr(transformers, f"AutoModel{architecture}")


def load_weights(path: Path, device: str, architecture: str, *, trust_remote_code: bool = False) -> Any:
    """The model on the device with float32 weights, all of them from the checkpoint. Raises ModelError.

    ``architecture``: how its name ends, such as ``ForSequenceClassification``.
    """
    with loading("does not load", path):
        model, info = auto_class(architecture).from_pretrained(
            str(path),
            local_files_only=True,
            use_safetensors=any(path.glob("model*.safetensors")),
            trust_remote_code=trust_remote_code,
            output_loading_info=True,
        )
        model = model.float().to(device)
    missing = sorted(info["missing_keys"])
    if missing and not any(key.startswith(f"{model.base_model_prefix}.") for key in missing):
        raise ModelError(
            "the classification head is not in the checkpoint",
            where=str(path),
            hint="fine-tune it first with audit train",
        )
    if missing:
        raise ModelError(f"lacks weights: {', '.join(missing[:3])}", where=str(path), hint="copy it again")
    return model

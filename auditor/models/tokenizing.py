"""Tokenizers of local checkpoints, with or without a vocabulary."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from auditor.errors import ModelError
from auditor.models import tokenizer_file
from auditor.models.checkpoint import NO_TOKENIZER, NOT_OF_A_TOKENIZER, SAVE_TOKENIZER
from auditor.models.fingerprints import NOT_READ
from auditor.models.loading import loading

SETTINGS = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "chat_template.jinja")
"""Files of a tokenizer that contain no vocabulary."""


def load_tokenizer(
    path: Path,
    *,
    trust_remote_code: bool = False,
    words: bool = False,
    base: bool = False,
    notes: list[str] | None = None,
) -> Any:
    """Load the folder's tokenizer, a fast one if there is one.

    ``words``: the tokenizer receives words instead of texts. ``base``: a model is about to be trained with it, so words
    may be tokenized as they are after a space; otherwise they are read as the tokenizer was saved. ``notes`` receives
    remarks on the tokenizer. Raises ModelError.
    """
    from transformers import AutoTokenizer

    arguments: dict[str, Any] = {"local_files_only": True, "use_fast": True, "trust_remote_code": trust_remote_code}
    with _none_where_nothing_is(path), loading("its tokenizer does not load", path, odd_fields=False):
        loaded = AutoTokenizer.from_pretrained(str(path), **arguments)
        tokenizer = tokenizer_file.as_saved(loaded, path, arguments)
        if tokenizer is not loaded and notes is not None:
            notes.append(f"texts are read with its tokenizer.json, which {type(loaded).__name__} would not follow")
        undecided = tokenizer is loaded and getattr(tokenizer, "add_prefix_space", None) is False
        if words and undecided and (base or _refuses_words(tokenizer)):
            tokenizer = AutoTokenizer.from_pretrained(str(path), add_prefix_space=True, **arguments)
    # Some releases of transformers create an empty tokenizer if its files are missing.
    files = {"tokenizer.json", *type(tokenizer).vocab_files_names.values()}
    if type(tokenizer).vocab_files_names and not any((path / name).is_file() for name in files):
        raise ModelError(NO_TOKENIZER, where=str(path), hint=SAVE_TOKENIZER)
    if words:
        _check_is_fast(tokenizer, str(path))
    return tokenizer


def _check_is_fast(tokenizer: Any, where: str) -> None:
    if not tokenizer.is_fast:
        raise ModelError(
            f"its {type(tokenizer).__name__} cannot tell which word a token belongs to",
            where=where,
            hint="for named entities, fine-tune a base with a fast tokenizer (tokenizer.is_fast)",
        )


def check_reads_words(tokenizer: Any, where: str) -> None:
    """Check that a tokenizer in memory accepts words. Raises ModelError."""
    _check_is_fast(tokenizer, where)
    if _refuses_words(tokenizer):
        hint = "AutoTokenizer.from_pretrained(…, add_prefix_space=True)"
        raise ModelError(f"its {type(tokenizer).__name__} takes no words", where=where, hint=hint)


def _refuses_words(tokenizer: Any) -> bool:
    """Return whether the tokenizer refuses words that no space precedes.

    The classes of GPT-2 and RoBERTa in transformers 4 do.
    """
    try:
        tokenizer(["film"], is_split_into_words=True, verbose=False)
    except AssertionError:
        return True
    return False


@contextlib.contextmanager
def _none_where_nothing_is(path: Path) -> Iterator[None]:
    """Report a missing tokenizer if only settings files are there.

    Inside, another error about such a folder, without a vocabulary, is replaced by that.
    """
    try:
        yield
    except ModelError as error:
        passed_over = (*NOT_READ, *NOT_OF_A_TOKENIZER, *SETTINGS)
        names = [file.name.lower() for file in path.iterdir() if file.is_file() and not file.name.startswith(".")]
        if error.hint is None and all(any(fnmatch(name, pattern) for pattern in passed_over) for name in names):
            raise ModelError(NO_TOKENIZER, where=str(path), hint=SAVE_TOKENIZER) from error
        raise

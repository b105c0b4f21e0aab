"""Libraries that load and compute: kept quiet, and what they raise told from a fault of ours."""

from __future__ import annotations

import contextlib
import logging
import pickle
import traceback
import warnings
from collections.abc import Iterator

from auditor.errors import AuditError

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
LIBRARIES = frozenset(
    (
        "torch",
        "transformers",
        "tokenizers",
        "safetensors",
        "huggingface_hub",
        "peft",
        "sentencepiece",
        "transformers_modules",
        "onnxruntime",
    )
)
"""What an exception passes through that is not a fault of ours, of whatever kind it is."""


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """transformers without its progress bars, notices and warnings about the checkpoint: we say what matters ourselves."""
    import transformers

    log = logging.getLogger("transformers")
    level = log.level
    bars = transformers.utils.logging.is_progress_bar_enabled()
    log.setLevel(logging.CRITICAL)
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
    """What a library says is wrong, in one line: its first, or what its first introduces; its kind where that is all."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    if isinstance(error, KeyError) or " " not in lines[0]:
        return f"{type(error).__name__}: {lines[0]}"
    return (" ".join(lines[:2]) if lines[0].endswith(":") else lines[0]).removesuffix(":")


def of_a_library(error: BaseException) -> bool:
    """Whether an exception passed through a library's code on its way, or is the cause of one that says so."""
    if isinstance(error, AuditError):
        return False
    modules = [
        str(frame.f_globals.get("__name__", "")).partition(".")[0]
        for frame, _ in traceback.walk_tb(error.__traceback__)
    ]
    if modules and modules[-1] != "auditor" and LIBRARIES.intersection(modules):
        return True
    cause = error.__cause__
    return cause is not None and of_a_library(cause)

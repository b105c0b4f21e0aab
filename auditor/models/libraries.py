"""Handling of third-party libraries: keep them quiet and recognize their errors."""

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
"""Exceptions that torch, transformers and their loaders raise for malformed files."""
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
"""Top-level modules of third-party libraries.

An exception that passes through one of them is not a fault of auditor, whatever its type.
"""


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence transformers' progress bars, notices and warnings about the checkpoint.

    auditor reports what matters itself.
    """
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


def is_from_library(error: BaseException) -> bool:
    """Return whether a third-party library raised the exception.

    That is so if the exception passed through a library's code on its way, or if its cause did.
    """
    if isinstance(error, AuditError):
        return False
    modules = [
        str(frame.f_globals.get("__name__", "")).partition(".")[0]
        for frame, _ in traceback.walk_tb(error.__traceback__)
    ]
    if modules and modules[-1] != "auditor" and LIBRARIES.intersection(modules):
        return True
    cause = error.__cause__
    return cause is not None and is_from_library(cause)

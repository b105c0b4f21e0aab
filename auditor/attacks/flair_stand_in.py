"""Stand-in for flair, which TextAttack imports for its taggers.

flair does not run with transformers 5, and no attack here tags a text with parts of speech or entities. TextAttack
needs only a few of its names to be importable; any use of a tagger raises an error.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NoReturn

from auditor.errors import ProbeError

NAMES = {"flair": (), "flair.data": ("Tokenizer", "Sentence"), "flair.models": ("SequenceTagger",)}
"""The modules and classes of flair that TextAttack imports."""


@contextmanager
def flair_stand_in() -> Iterator[None]:
    """Let ``import flair`` find the stand-in.

    Afterwards it finds whatever it found before, even flair itself.
    """
    before = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "flair"}
    for name in before:
        del sys.modules[name]
    modules = {name: _module(name, classes) for name, classes in NAMES.items()}
    for name in NAMES:
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(modules[parent], child, modules[name])
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in NAMES:
            sys.modules.pop(name, None)
        sys.modules.update(before)


def refuse_taggers(textattack: Any) -> None:
    """Make TextAttack's functions that use a tagger raise an error."""
    for module in (textattack.shared.utils, textattack.shared.utils.strings):
        for name in ("flair_tag", "zip_flair_result"):
            setattr(module, name, _refuse)


def _module(name: str, classes: tuple[str, ...]) -> ModuleType:
    module = ModuleType(name, "Stands in for flair.")
    for inner in classes:
        setattr(module, inner, type(inner, (), {"__init__": _refuse}))
    module.__path__ = []
    return module


def _refuse(*_arguments: object, **_options: object) -> NoReturn:
    hint = "use one that needs no part-of-speech or entity tagger, such as deepwordbug, pruthi, textbugger or pwws"
    raise ProbeError("this TextAttack recipe needs a tagger from flair, which auditor does not use", hint=hint)

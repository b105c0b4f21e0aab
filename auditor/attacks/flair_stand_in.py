"""A stand-in for flair, which TextAttack imports for its part-of-speech and entity taggers.

flair does not run with transformers 5, and none of the attacks here tags a text. TextAttack needs only a few of its names
to be imported; whatever would use a tagger is refused.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NoReturn

from auditor.errors import ProbeError

NAMES = {"flair": (), "flair.data": ("Tokenizer", "Sentence"), "flair.models": ("SequenceTagger",)}
"""The modules and classes of flair that TextAttack names when it is imported."""


@contextmanager
def flair_stand_in() -> Iterator[None]:
    """Inside, ``import flair`` finds the stand-in; afterwards whatever it found before, also if that is flair itself."""
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
    """Make every place where TextAttack would ask a tagger say that there is none."""
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
    raise ProbeError("this attack of TextAttack's needs a tagger of flair's, which is not used here", hint=hint)

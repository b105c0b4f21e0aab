"""Hash of everything that decides a training's weights."""

from __future__ import annotations

import functools
import hashlib
import json
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from auditor import __version__
from auditor.environment.packages import version
from auditor.models import checkpoint, hugging_face
from auditor.models.devices import device_words
from auditor.storage.files import stamps
from auditor.training import distributed
from auditor.training.settings import TrainingRun
from auditor.types import Example, Task

PACKAGES = ("torch", "transformers", "tokenizers", "accelerate", "numpy", "peft", "nlpaug", "textattack")


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that compute."""
    return {"python": platform.python_version(), **{name: version(name) or "absent" for name in PACKAGES}}


def key(run: TrainingRun) -> str:
    """Return the SHA-256, in hexadecimal, of a training's inputs and hardware.

    Equal keys mean equal weights. The key depends on the content of the base's folder and not on paths: the same
    content elsewhere has the same key. Raises ModelError when the device does not exist.
    """
    import torch

    where = hugging_face.device_named(run.device)
    facts = {
        "auditor": __version__,
        "versions": versions(),
        "base": fingerprint(run.base),
        "recipe": [run.recipe.name, dict(run.recipe.reads())],
        "settings": asdict(run.settings),
        "seed": run.seed,
        "task": [run.task.name, *run.task.labels, *_changed(run.task)],
        "device": device_words(torch.device(where)),
        "threads": torch.get_num_threads(),
        **({"processes": distributed.count()} if distributed.count() > 1 else {}),
        "rows": [len(run.examples), len(run.validation)],
        **({"language": run.language} if run.language is not None else {}),
        **({"continues": [run.known_labels, *map(len, run.earlier)]} if run.known_labels else {}),
    }
    digest = hashlib.sha256(_line(facts))
    for line in _lines((*run.examples, *run.validation, *(row for rows in run.earlier for row in rows))):
        digest.update(line)
    return digest.hexdigest()


def _changed(task: Task) -> list[Any]:
    """The task's settings, where they are not its defaults."""
    return [] if task.settings == type(task).settings else [asdict(task.settings)]


def fingerprint(base: Path) -> str:
    """Return ``checkpoint.fingerprint`` of the base, cached.

    The function reads the folder again only when one of its files changes, because a probe fits dozens of models.
    """
    files = sorted(file for file in base.glob("*") if file.is_file())
    return _fingerprint(base.resolve(), stamps(files))


@functools.lru_cache(maxsize=8)
def _fingerprint(base: Path, _state: tuple[tuple[Path, int, int], ...]) -> str:
    return checkpoint.fingerprint(base)


def _lines(examples: Sequence[Example]) -> Iterator[bytes]:
    for example in examples:
        yield _line([dict(example.inputs), example.gold])


def _line(content: Any) -> bytes:
    """Return one line of JSON, so that boundaries between examples are unambiguous."""
    return (json.dumps(content, sort_keys=True, default=str) + "\n").encode()

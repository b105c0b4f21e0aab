"""Fingerprint of all files in a checkpoint's folder that loading may read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from auditor.errors import ModelError
from auditor.models.weight_files import ADAPTER, weight_files
from auditor.storage.reading import open_file

NOT_READ = (
    # Notes about the model, and about its training.
    "training.json",
    "readme*",
    "license*",
    "notice*",
    "*.md",
    "*.png",
    "*.jpg",
    "*.pdf",
    "all_results.json",
    "eval_results.json",
    "predict_results.json",
    "train_results.json",
    "test_results.json",
    "trainer_state.json",
    "training_args.bin",
    "training_args.json",
    "optimizer.*",
    "scheduler.*",
    "scaler.*",
    "rng_state*",
    "events.out.tfevents.*",
    # A classifier generates nothing.
    "generation_config.json",
    # Weights in formats that are never loaded.
    "*.h5",
    "*.msgpack",
    "*.onnx",
    "*.onnx_data",
    "*.ot",
    "*.gguf",
    "*.tflite",
    "*.ckpt*",
    "openvino_*",
    "consolidated*",
)
"""Lower-case names of files that loading does not read; all other files are fingerprinted."""
WEIGHTS = ("model*.safetensors", "pytorch_model*.bin", "pytorch_model.bin.index.json")
"""Weight files; loading reads one of these formats, and only that one counts."""


def fingerprint(path: Path) -> str:
    """Return the hexadecimal SHA-256 over all files that loading may read.

    It covers their names and contents. Raises ModelError for a file that cannot be read.
    """
    digest = hashlib.sha256()
    try:
        for name in sorted(set(_names(path))):
            with open_file(path / name, ModelError) as file:
                digest.update(f"{name}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}", where=str(error.filename or path)) from None
    return digest.hexdigest()


def _names(path: Path) -> Iterator[str]:
    """Return the paths of the files that count, relative to the folder.

    They are the folder's own files, an adapter's files, and Python files in nested folders.
    """
    weights = {file.name for file in weight_files(path)}
    for file in path.iterdir():
        name = file.name
        if file.is_file() and (name in weights or not _is_passed_over(name)):
            yield name
    for pattern in (f"{ADAPTER}/*", "*/**/*.py"):
        for file in path.glob(pattern):
            relative = file.relative_to(path)
            if file.is_file() and not any(part.startswith((".", "__pycache__")) for part in relative.parts):
                yield relative.as_posix()


def _is_passed_over(name: str) -> bool:
    lower = name.lower()
    return name.startswith(".") or any(fnmatch(lower, pattern) for pattern in (*NOT_READ, *WEIGHTS))

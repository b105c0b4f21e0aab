"""What results.json says of where its numbers come from: versions, device, data, models, config."""

from __future__ import annotations

import importlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from auditor import data, results, stats
from auditor.config import AuditSection, Config
from auditor.environment import resources
from auditor.results import canonical_json
from auditor.types import Encoded, Model, limitations

PACKAGES = ("torch", "transformers", "textattack", "nlpaug", "scikit-learn", "scipy", "numpy", "pandas", "pyarrow")


IN_MEMORY = " in memory"
"""How what stands in place of a path ends, where there is no file."""

CPU_TOKENS, GPU_TOKENS = 1024, 16384
"""Padded tokens in one forward pass where the user does not say. On two cores a small encoder computes 5 to 15 % more
tokens a second in batches of 1,024 than of 4,096: what passes between its layers stays in the processor's cache."""


def batch_tokens(model: Model) -> int:
    return CPU_TOKENS if model.device_kind == "cpu" else GPU_TOKENS


def environment(model: Model, audit: AuditSection) -> dict[str, Any]:
    """What the numbers depend on beside the inputs: versions, device kind, precision, what computes, threads."""
    import torch

    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    if audit.backend == "onnx":
        # Its own word: the package for GPUs is installed under another name.
        versions["onnxruntime"] = str(importlib.import_module("onnxruntime").__version__)
    return {
        "python": platform.python_version(),
        "versions": versions,
        "device": model.device_kind,
        "precision": audit.precision,
        "backend": audit.backend,
        "threads": torch.get_num_threads(),
        "lockstep": audit.lockstep,
        "batch_tokens": audit.batch_tokens or batch_tokens(model),
    }


def data_facts(one: data.Dataset, leaked: Mapping[str, int], root: Path, encoded: Sequence[Encoded]) -> dict[str, Any]:
    gone = leaked.get(one.name, 0)
    report = asdict(one.report)
    beside = {} if one.labels_file is None else {"labels_path": canonical_json.relative(one.labels_file, root)}
    return {
        "name": one.name,
        "path": one.path.place if isinstance(one.path, data.InMemory) else canonical_json.relative(one.path, root),
        "sha256": one.sha256,
        **report,
        "used": report["used"] - gone,
        "leaked": gone,
        "truncated": sum(item.truncated for item in encoded),
        **({**beside, "labels_sha256": one.labels_sha256} if beside else {}),
        "reading": None if one.reading is None else canonical_json.plain(asdict(one.reading)),
    }


def model_facts(name: str, model: Model, place: str, candidate: str, record: Any) -> dict[str, Any]:
    """``place``: where the model is, as the results say it."""
    return {
        "name": name,
        "path": place,
        "fingerprint": model.fingerprint,
        "labels": list(model.labels),
        "candidate": name == candidate,
        "notes": list(model.notes),
        "training": None if record is None else canonical_json.plain(asdict(record)),
    }


def constant_facts(config: Config, partial: bool, root: Path) -> dict[str, Any]:
    """The parts of results.json that depend on no model; ``root``: the folder that paths are relative to."""
    from auditor import __version__

    return {
        "schema": results.SCHEMA,
        "auditor": __version__,
        "seed": config.seed,
        "config": canonical_json.plain(_placed(config.model_dump(), config, root)),
        "partial": partial,
        "resources": [asdict(resource) for resource in resources.survey()],
        "methods": dict(stats.METHODS),
        "limitations": [asdict(row) for row in limitations.LIMITATIONS],
    }


def moved(content: Mapping[str, Any], start: Path, end: Path) -> dict[str, Any]:
    """Results whose paths start from one folder, with paths that start from another."""

    def path(written: str) -> str:
        return written if written.endswith(IN_MEMORY) else canonical_json.relative(start / written, end)

    config = Config.model_validate(content["config"], strict=False)
    config._folder = start
    files = ("path", "labels_path")
    return {
        **content,
        "config": canonical_json.plain(_placed(config.model_dump(), config, end)),
        "data": [
            {key: path(value) if key in files else value for key, value in one.items()} for one in content["data"]
        ],
        "models": [{**model, "path": path(model["path"])} for model in content["models"]],
    }


def _placed(value: Any, config: Config, root: Path) -> Any:
    """The config's values with every path relative to ``root``: an absolute one would differ between machines."""
    if isinstance(value, Path):
        return canonical_json.relative(config.resolve(value), root)
    if isinstance(value, Mapping):
        return {key: _placed(inner, config, root) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_placed(inner, config, root) for inner in value]
    return value

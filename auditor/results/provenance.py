"""Provenance in results.json: versions, device, data, models, config."""

from __future__ import annotations

import importlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from auditor import config as configs
from auditor import data, results, stats
from auditor.config import AuditSection, Config
from auditor.environment import packages, resources
from auditor.plugins import registry
from auditor.results import canonical_json
from auditor.storage.files import relative
from auditor.types import Encoded, Model, Weighs, limitations

PACKAGES = ("torch", "transformers", "textattack", "nlpaug", "scikit-learn", "scipy", "numpy", "pandas", "pyarrow")


IN_MEMORY = " in memory"
"""Suffix of the text that replaces a path where there is no file."""

CPU_TOKENS, GPU_TOKENS = 1024, 16384
"""Default number of padded tokens per forward pass.

On two cores a small encoder computes 5 to 15 % more tokens per second in batches of 1,024 than of 4,096, because its
activations stay in the processor's cache.
"""


def batch_tokens(model: Model) -> int:
    """Return the device's default number of padded tokens per batch."""
    return CPU_TOKENS if model.device_kind == "cpu" else GPU_TOKENS


def environment(model: Model, audit: AuditSection) -> dict[str, Any]:
    """Describe what the numbers depend on besides the inputs.

    The keys are versions, device kind, precision, backend, threads, lockstep and batch size.
    """
    import torch

    versions = {name: packages.version(name) or "not installed" for name in PACKAGES}
    if audit.backend == "onnx":
        # From the module itself: the package for GPUs has another name.
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


def data_facts(
    dataset: data.Dataset,
    leaked: int,
    root: Path,
    encoded: Sequence[Encoded],
    *,
    nearly_leaked: int = 0,
    in_scope: int = 0,
    kind: str | None = None,
) -> dict[str, Any]:
    """Describe one data set: its file, its digest and the rows used.

    Rows that leaked from training do not count as used. ``kind``: what the set is, where its name does not say it.
    """
    report = asdict(dataset.report)
    if not report["out_of_scope"]:
        del report["out_of_scope"]
    labels_path = {} if dataset.labels_file is None else {"labels_path": relative(dataset.labels_file, root)}
    return {
        "name": dataset.name,
        **({"kind": kind} if kind else {}),
        "path": dataset.path.place if isinstance(dataset.path, data.InMemory) else relative(dataset.path, root),
        "sha256": dataset.sha256,
        **report,
        "used": report["used"] - leaked - nearly_leaked - in_scope,
        "leaked": leaked,
        **({"nearly_leaked": nearly_leaked} if nearly_leaked else {}),
        **({"in_scope": in_scope} if in_scope else {}),
        "truncated": sum(item.truncated for item in encoded),
        **({"last_turn_truncated": last} if (last := sum(item.last_turn_cut for item in encoded)) else {}),
        **({**labels_path, "labels_sha256": dataset.labels_sha256} if labels_path else {}),
        "reading": None if dataset.reading is None else canonical_json.plain(asdict(dataset.reading)),
    }


def model_facts(name: str, model: Model, place: str, candidate: str, record: Any) -> dict[str, Any]:
    """Describe one model.

    ``place``: the model's path, as the results write it.
    """
    return {
        "name": name,
        "path": place,
        "fingerprint": model.fingerprint,
        "labels": list(model.labels),
        "parameters": model.parameters if isinstance(model, Weighs) else None,
        "weight_bytes": model.weight_bytes if isinstance(model, Weighs) else None,
        "candidate": name == candidate,
        "notes": list(model.notes),
        "training": None if record is None else canonical_json.plain(asdict(record)),
    }


def constant_facts(config: Config, partial: bool, root: Path) -> dict[str, Any]:
    """Return the parts of results.json that depend on no model.

    ``root``: the folder that paths are relative to.
    """
    from auditor import __version__

    return {
        "schema": results.SCHEMA,
        "auditor": __version__,
        "seed": config.seed,
        "config": canonical_json.plain(_portable(config, root)),
        "partial": partial,
        "resources": [asdict(resource) for resource in resources.survey()],
        "methods": dict(stats.METHODS),
        "limitations": [asdict(row) for row in limitations.LIMITATIONS],
    }


def rebased(content: Mapping[str, Any], start: Path, end: Path) -> dict[str, Any]:
    """Return results whose paths are relative to ``end`` instead of ``start``."""

    def path(written: str) -> str:
        return written if written.endswith(IN_MEMORY) else relative(start / written, end)

    config = configs.recorded(content["config"])
    config._folder = start
    files = ("path", "labels_path")
    return {
        **content,
        "config": canonical_json.plain(_portable(config, end)),
        "data": [
            {key: path(value) if key in files else value for key, value in dataset.items()}
            for dataset in content["data"]
        ],
        "models": [{**model, "path": path(model["path"])} for model in content["models"]],
    }


def _portable(config: Config, root: Path) -> dict[str, Any]:
    """Return the config's values, its paths relative to ``root``.

    Those among the settings of probes that are not installed stay as they are.
    """
    named = registry.installed(config.probes) if config.probes else {}
    settings = {name: probe.settings for name, probe in named.items()}
    probes = configs.probe_tables(config, settings, lambda path: relative(path, root))
    document: dict[str, Any] = _with_relative_paths(config.model_dump(), config, root)
    return {**document, "probes": probes}


def _with_relative_paths(value: Any, config: Config, root: Path) -> Any:
    """Return the config's values with every path relative to ``root``.

    An absolute path would differ between machines.
    """
    if isinstance(value, Path):
        return relative(config.resolve(value), root)
    if isinstance(value, Mapping):
        return {key: _with_relative_paths(inner, config, root) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_with_relative_paths(inner, config, root) for inner in value]
    return value

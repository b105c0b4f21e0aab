"""Files and folders that a config names, seen from its own folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from auditor.config.out_of_scope import not_blank, told_apart
from auditor.config.schema import Config


def data_files(config: Config) -> dict[str, Path]:
    """Set → file, for those that are configured.

    Sets are ``test``, ``train``, ``validation``, the domains and the slices.
    """
    data = config.data
    files = {"test": data.test, "train": data.train, "validation": data.validation, **data.domains, **data.slices}
    return {name: config.resolve(path) for name, path in files.items() if path is not None}


def labels_files(config: Config) -> dict[str, Path]:
    """Set → file of its labels, for those that have one."""
    return {name: config.resolve(path) for name, path in config.data.labels_files.items()}


def cases_file(config: Config) -> Path | None:
    """The file of kept cases that the config names, if any."""
    return None if config.data.cases is None else config.resolve(config.data.cases)


def with_cases_file(config: Config, file: Path) -> Config:
    """The config, naming a file of kept cases that a flag names."""
    return config.model_copy(update={"data": config.data.model_copy(update={"cases": _placed(config, file)})})


def _placed(config: Config, file: Path) -> Path:
    """A file of the current folder, seen from the config's folder."""
    return file if file.is_absolute() else Path(os.path.relpath(file, config.resolve(Path())))


def out_of_scope_labels(config: Config) -> dict[str, str]:
    """Kind of rows out of scope → label, without those of files."""
    return {kind: label for kind, label in config.data.out_of_scope.items() if isinstance(label, str)}


def out_of_scope_files(config: Config) -> dict[str, Path]:
    """Kind of rows out of scope → file, without those of labels."""
    return {kind: config.resolve(path) for kind, path in config.data.out_of_scope.items() if isinstance(path, Path)}


def with_out_of_scope(config: Config, kinds: Mapping[str, str]) -> Config:
    """The config with rows out of scope by kind.

    Files are relative to the current folder. Raises ValueError for what ``[data] out_of_scope`` cannot be.
    """
    named = told_apart({kind: not_blank(value) for kind, value in kinds.items()})
    own = {kind: _placed(config, value) if isinstance(value, Path) else value for kind, value in named.items()}
    return config.model_copy(update={"data": config.data.model_copy(update={"out_of_scope": own})})


def policy_file(config: Config) -> Path | None:
    """The policy that the config names, or None for the shipped one."""
    return None if config.policy is None else config.resolve(config.policy)


def waivers_file(config: Config) -> Path | None:
    """The waivers that the config names, or None for none."""
    return None if config.audit.waivers is None else config.resolve(config.audit.waivers)


def out_folder(config: Config) -> Path:
    """Where the results go."""
    return config.resolve(config.audit.out)

"""Flags that say how data files are read, for commands that read them."""

from __future__ import annotations

import argparse
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from auditor.cli.paths import path
from auditor.errors import UsageError

if TYPE_CHECKING:
    from auditor.config import Config

NAMES = ("text_column", "label_column", "group_column")


def add(command: argparse.ArgumentParser, *, labels_file: bool = True) -> None:
    """Add the flags to a command. ``labels_file``: whether it has one file of data that labels can stand beside."""
    group = command.add_argument_group("how data files are read (each wins over [data] of the config)")
    group.add_argument("--text-column", metavar="NAME", help="column of the texts; without a header its number")
    group.add_argument("--label-column", metavar="NAME", help="column of the labels, likewise")
    group.add_argument("--group-column", metavar="NAME", help="column of what rows share (an author), as one cluster")
    group.add_argument(
        "--labels", metavar="0=negative,1=positive", help="label in the data = the model's label, for all of them"
    )
    group.add_argument("--ignore-case", action="store_true", help="labels that differ in case alone are one label")
    group.add_argument("--no-header", action="store_true", help="CSV and TSV files begin with data, not with names")
    if labels_file:
        group.add_argument("--labels-file", type=path, metavar="FILE", help="labels of a .txt --data, one a line")


def applied(config: Config, options: Namespace) -> Config:
    """The config with what the flags say of data in place of its own. Raises UsageError."""
    changed: dict[str, Any] = {}
    for name in NAMES:
        value = getattr(options, name, None)
        if value is not None:
            if not value.strip():
                raise UsageError(f"--{name.replace('_', '-')} is empty", hint="the name of a column")
            changed[name] = value
    if getattr(options, "labels", None) is not None:
        changed["labels"] = _mapping(options.labels)
    if getattr(options, "ignore_case", False):
        changed["ignore_case"] = True
    if getattr(options, "no_header", False):
        changed["header"] = False
    changed |= _labels_files(config, options)
    return config.model_copy(update={"data": config.data.model_copy(update=changed)}) if changed else config


def _mapping(word: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in word.split(","):
        spelling, equals, label = (part.strip() for part in pair.partition("="))
        if not (spelling and equals and label):
            hint = (
                "--labels 0=negative,1=positive; labels with a comma or = in them go under [data.labels] of the config"
            )
            raise UsageError(f"--labels {word}: {pair.strip()!r} is not LABEL=LABEL", hint=hint)
        if spelling in found:
            raise UsageError(f"--labels {word}: {spelling!r} is mapped twice", hint="each label of the data once")
        found[spelling] = label
    return found


def _labels_files(config: Config, options: Namespace) -> dict[str, Any]:
    """The config's files of labels without that of the audited rows, where ``--data`` or ``--labels-file`` replaces it."""
    file, texts = getattr(options, "labels_file", None), getattr(options, "data", None)
    if file is not None and texts is None and config.data.test is None:
        raise UsageError(f"--labels-file {file}: no texts that it belongs to", hint="--data texts.txt, one text a line")
    beside = dict(config.data.labels_files)
    replaced = beside.pop("test", None) is not None and (file is not None or texts is not None)
    return {"labels_files": beside} if replaced else {}

"""Flags that say how to read data files."""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from auditor.cli.paths import path
from auditor.errors import UsageError

if TYPE_CHECKING:
    from auditor.config import Config

NAMES = ("text_column", "label_column", "group_column")


def add(command: argparse.ArgumentParser, *, labels_file: bool = True) -> None:
    """Add the flags to a command.

    ``labels_file``: whether the command also takes ``--labels-file``, labels in a file of their own.
    """
    command.add_argument(
        "--task",
        metavar="NAME",
        help="the model's task, such as sentence-pair; `audit probes` names all of them (default: the config's, else "
        "what its training or its architecture says)",
    )
    group = command.add_argument_group("how to read data files (each flag overrides [data] in the config)")
    group.add_argument("--text-column", metavar="NAME", help="text column; its number if there is no header")
    group.add_argument("--label-column", metavar="NAME", help="label column, likewise")
    group.add_argument(
        "--group-column", metavar="NAME", help="column that groups rows into clusters, such as the author"
    )
    group.add_argument(
        "--labels", metavar="0=negative,1=positive", help="map every label in the data to one of the model's"
    )
    group.add_argument(
        "--data-language", metavar="CODE", help="language of the texts, as ISO 639-1 has it: de (default: detected)"
    )
    group.add_argument("--ignore-case", action="store_true", help="treat labels that differ only in case as one label")
    group.add_argument(
        "--out-of-scope",
        action="append",
        default=[],
        metavar="LABEL|FILE|KIND=…",
        help="label of rows that no label of the model is right for, or a file of such texts; repeatable with a kind: "
        "near=oos",
    )
    group.add_argument("--no-header", action="store_true", help="CSV and TSV files have no header row")
    if labels_file:
        group.add_argument(
            "--labels-file", type=path, metavar="FILE", help="labels for a .txt file given with --data, one per line"
        )


def applied(config: Config, options: Namespace) -> Config:
    """Return the config with its data settings replaced by the flags.

    Raises UsageError for an empty or malformed flag.
    """
    changed: dict[str, Any] = {}
    for name in NAMES:
        value = getattr(options, name, None)
        if value is not None:
            if not value.strip():
                raise UsageError(f"--{name.replace('_', '-')} is empty", hint="must name a column")
            changed[name] = value
    if getattr(options, "labels", None) is not None:
        changed["labels"] = _mapping(options.labels)
    if getattr(options, "data_language", None) is not None:
        changed["language"] = _language(options.data_language)
    if getattr(options, "ignore_case", False):
        changed["ignore_case"] = True
    if getattr(options, "no_header", False):
        changed["header"] = False
    changed |= _labels_files(config, options)
    config = _of_task(config, getattr(options, "task", None))
    config = _with_out_of_scope(config, getattr(options, "out_of_scope", []))
    return config.model_copy(update={"data": config.data.model_copy(update=changed)}) if changed else config


def _of_task(config: Config, name: str | None) -> Config:
    """Return the config with the named task.

    It keeps its settings if it is the config's own.
    """
    if name is None or ("task" in config.model_fields_set and config.task.name == name):
        return config
    from auditor import config as configs
    from auditor import tasks

    return config.model_copy(update={"task": configs.TaskSection.model_validate(tasks.kind(name).name)})


def _language(code: str) -> str:
    from auditor import languages

    try:
        return languages.checked(code)
    except ValueError as error:
        raise UsageError(f"--data-language {code}: {error}") from None


def _with_out_of_scope(config: Config, words: Sequence[str]) -> Config:
    """Return the config with rows out of scope by flags.

    Raises UsageError.
    """
    if not words:
        return config
    from auditor import config as configs

    pairs = [word.partition("=") for word in words]
    kinds = {kind.strip(): value.strip() for kind, equals, value in pairs if equals}
    if len(words) == 1 and not kinds:
        kinds = {configs.EVERY_KIND: words[0].strip()}
    hint = "--out-of-scope oos, or --out-of-scope near=oos --out-of-scope far=far.csv"
    if len(kinds) < len(words):
        raise UsageError(f"--out-of-scope {words[-1]}: each of several kinds needs a name of its own", hint=hint)
    try:
        return configs.with_out_of_scope(config, kinds)
    except ValueError as error:
        raise UsageError(f"--out-of-scope {' '.join(words)}: {error}", hint=hint) from None


def _mapping(word: str) -> dict[str, str]:
    mapping: dict[str, str] = {}
    for pair in word.split(","):
        spelling, equals, label = (part.strip() for part in pair.partition("="))
        if not (spelling and equals and label):
            hint = (
                "--labels 0=negative,1=positive; labels with a comma or = in them go under [data.labels] of the config"
            )
            raise UsageError(f"--labels {word}: {pair.strip()!r} is not LABEL=LABEL", hint=hint)
        if spelling in mapping:
            raise UsageError(f"--labels {word}: {spelling!r} is mapped twice", hint="map each label once")
        mapping[spelling] = label
    return mapping


def _labels_files(config: Config, options: Namespace) -> dict[str, Any]:
    """Drop the audited rows' label file if a flag replaces it.

    ``--data`` replaces it, and so does ``--labels-file``. The other sets keep their label files. Raises UsageError for
    ``--labels-file`` without texts.
    """
    file, texts = getattr(options, "labels_file", None), getattr(options, "data", None)
    if file is not None and texts is None and config.data.test is None:
        raise UsageError(
            f"--labels-file {file}: there are no texts for these labels",
            hint="give them with --data texts.txt, one text per line",
        )
    labels_files = dict(config.data.labels_files)
    replaced = labels_files.pop("test", None) is not None and (file is not None or texts is not None)
    return {"labels_files": labels_files} if replaced else {}

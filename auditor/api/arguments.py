"""Checks that turn arguments of the Python API into config and data.

The same checks apply as on the command line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from auditor import config as configs
from auditor import data as reading
from auditor.config import Config
from auditor.data import Source
from auditor.errors import DataError, UsageError, is_text
from auditor.plugins import registry
from auditor.types import HOME

if TYPE_CHECKING:
    import datasets
    import pandas
    import transformers

Place: TypeAlias = str | Path
Rows: TypeAlias = "str | Path | pandas.DataFrame | datasets.Dataset | Sequence[Mapping[str, object]]"
"""Labelled rows: a path to a file, or rows in memory."""
Splits: TypeAlias = "datasets.DatasetDict"
"""Rows of several sets by name."""
Model: TypeAlias = "str | Path | tuple[Any, Any] | transformers.Pipeline"
"""A checkpoint folder or a folder of checkpoints; ``(model, tokenizer)``; a pipeline."""
_COLUMNS = {"text": "text_column", "label": "label_column", "group": "group_column"}


def language(code: str) -> str:
    """Return the code of a language that pages can speak.

    Raises UsageError for any other.
    """
    registry.sibling("reports")
    from reports import words

    if code not in words.languages():
        raise UsageError(
            f"{code!r}: no page speaks it", where="language", hint=f"one of {', '.join(words.languages())}"
        )
    return code


def configured(config: Place | None, changes: Mapping[str, object], where: str) -> Config:
    """Read the config or the defaults and override them with the arguments.

    ``changes``: tables as in ``audit.toml``; None changes nothing, and neither does a table without a key. Raises
    ConfigError.
    """
    base = configs.load(None if config is None else Path(config))
    given = {name: value for name, value in _given(changes).items() if value != {}}
    return configs.overlaid(base, configs.of_document(given, where))


def _given(tables: Mapping[Any, object]) -> dict[str, object]:
    """Drop None and convert the rest to plain values.

    An empty table within a table stays: its name may be misspelled.
    """
    named = {str(key): _given(value) if isinstance(value, Mapping) else _plain(value) for key, value in tables.items()}
    return {key: value for key, value in named.items() if value is not None}


def _plain(value: Any) -> Any:
    """Convert a value to what ``audit.toml`` would hold.

    Paths become strings, numpy numbers Python numbers, and tuples lists.
    """
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, Path):
        return str(value)
    return value.item() if type(value).__module__ == "numpy" and hasattr(value, "item") else value


def data_table(
    labels: Mapping[Any, str] | None,
    columns: Mapping[str, str] | None,
    *,
    language: str | None = None,
    ignore_case: bool = False,
) -> dict[str, object]:
    """Build the ``[data]`` table from arguments on how rows are read."""
    named = dict(columns or {})
    fields = {key: named.pop(name) for name, key in _COLUMNS.items() if name in named}
    tables = {"labels": dict(labels or {}), "columns": named}
    told = {"language": language, "ignore_case": ignore_case or None}
    return {**fields, **told, **{name: table for name, table in tables.items() if table}}


def with_further_rows(config: Config, cases: Place | None, kinds: Place | Mapping[str, Place] | None) -> Config:
    """Return the config with further rows that arguments name.

    Files are relative to the current folder. Raises UsageError.
    """
    config = config if cases is None else configs.with_cases_file(config, Path(cases))
    if kinds is None:
        return config
    named = dict(kinds) if isinstance(kinds, Mapping) else {configs.EVERY_KIND: kinds}
    try:
        return configs.with_out_of_scope(config, {str(kind): str(value) for kind, value in named.items()})
    except ValueError as error:
        raise UsageError(str(error), where="out_of_scope", hint='"oos", or {"near": "oos", "far": "far.csv"}') from None


def audit_table(budget: int | None, time_limit: str | None, *, fixed: bool, until_decided: bool) -> dict[str, object]:
    """Build the ``[audit]`` table from the arguments on how much is drawn.

    Raises UsageError for arguments that exclude each other.
    """
    if fixed and until_decided:
        raise UsageError("an audit of fixed size is not drawn until decided", where="fixed", hint="set one of the two")
    if fixed and time_limit is not None:
        raise UsageError("with fixed there is one look, and nothing to stop", where="time_limit", hint="set a budget")
    design = "fixed" if fixed else "until-decided" if until_decided else None
    return {"budget": budget, "design": design, "time_limit": time_limit}


def left_out(probes: Sequence[str], skip: Sequence[str], *, fast: bool) -> dict[str, object]:
    """Build the keys of ``[audit]`` on probes that are left out.

    Probes that are asked for by name are measured whatever the config leaves out.
    """
    named = bool(registry.split_selection(probes)[0])
    return {"skip": list(skip) if skip or named else None, "fast": fast if fast or named else None}


def sets(
    data: Rows | Splits | None,
    train: Rows | None,
    validation: Rows | None,
) -> dict[str, Source]:
    """Map each given set to its rows.

    The keys are ``home``, ``train`` and ``validation``. A DatasetDict supplies them from its splits test, train and
    validation. Raises DataError.
    """
    sources = _by_split(data, {HOME: "test", "train": "train", "validation": "validation"})
    if not sources and data is not None:
        sources[HOME] = reading.source(data, "data")
    return {**sources, **_named(train=train, validation=validation)}


def named_sets(sets: Mapping[str, Rows] | None, argument: str) -> dict[str, Source]:
    """Map each domain, or each slice, to its rows.

    ``argument``: ``domains`` or ``slices``. Raises DataError for rows, UsageError for a name.
    """
    for name in sets or {}:
        if not isinstance(name, str) or not name.strip() or not is_text(name) or name in configs.RESERVED:
            hint = f"reserved: {', '.join(configs.RESERVED)}"
            problem = f"{name!r} cannot be a {argument.removesuffix('s')}'s name"
            raise UsageError(problem, where=argument, hint=hint)
    return {name: reading.source(rows, f"{argument}[{name!r}]") for name, rows in (sets or {}).items()}


def training_sets(data: Rows | Splits | None, validation: Rows | None) -> dict[str, Source]:
    """Map ``train``, ``validation`` and ``test`` to their rows, where given.

    Raises DataError.
    """
    sources = _by_split(data, {name: name for name in ("train", "validation", "test")})
    if not sources and data is not None:
        sources["train"] = reading.source(data, "data")
    return {**sources, **_named(validation=validation)}


def _by_split(data: object, names: Mapping[str, str]) -> dict[str, Source]:
    """Map each set to the rows of its split of a DatasetDict.

    The result is empty for any other kind of data. Raises DataError if the split of the first set is missing.
    """
    if not reading.is_splits(data):
        return {}
    splits = reading.splits(data)
    needed = next(iter(names.values()))
    if needed not in splits:
        hint = f"pass one of its splits, or rename a split: {', '.join(splits)}"
        raise DataError(f"the DatasetDict has no split {needed!r}", where="data", hint=hint)
    return {name: reading.source(splits[split], f"data[{split!r}]") for name, split in names.items() if split in splits}


def _named(**rows: object) -> dict[str, Source]:
    return {name: reading.source(value, name) for name, value in rows.items() if value is not None}


def words(value: Place | Sequence[Place] | None, name: str) -> tuple[str, ...]:
    """Return names or file paths, or a single one, as a tuple.

    Raises UsageError for an empty sequence and for anything that is neither a name nor a path.
    """
    if value is None:
        return ()
    listed = (value,) if isinstance(value, str | Path) else tuple(value)
    if not listed:
        raise UsageError("is empty", where=name, hint="omit it to select all")
    for word in listed:
        if not isinstance(word, str | Path) or not str(word):
            raise UsageError(f"{word!r} is neither a name nor a path", where=name)
    return tuple(map(str, listed))

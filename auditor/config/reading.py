"""``audit.toml`` → one validated Config.

An unknown key is an error that names the nearest known one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from auditor import settings as checks
from auditor.config.problems import config_error
from auditor.config.schema import Config, TaskSection
from auditor.errors import AuditError, ConfigError, DataError, near_or_known
from auditor.storage import documents
from auditor.storage.reading import SETTINGS, near_file, read_file

Settings = TypeVar("Settings")


def load(path: Path | None) -> Config:
    """Read and validate a config; None gives the defaults.

    Raises ConfigError: file, key, value, hint.
    """
    if path is None:
        return Config()
    where = str(path)
    hint = "write one with: audit init"
    content = read_file(path, ConfigError, missing="no such config file", hint=hint, limit=SETTINGS)
    config = of_document(documents.toml(content, ConfigError, where), where)
    config._folder = path.parent
    return config


def recorded(document: Mapping[str, Any]) -> Config:
    """The config that results hold, also those of an earlier version.

    Raises pydantic's ValidationError.
    """
    data = document.get("data")
    if isinstance(data, Mapping) and "lenient" in data:
        document = {**document, "data": {key: value for key, value in data.items() if key != "lenient"}}
        if data["lenient"]:
            document["task"] = {"name": document.get("task"), "lenient": True}
    return Config.model_validate(document, strict=False)


def of_document(document: Mapping[str, object], where: str) -> Config:
    """Validate tables as ``audit.toml`` holds them.

    ``where`` names them in errors. Raises ConfigError.
    """
    try:
        return Config.model_validate_json(_as_json(document, where))
    except ValidationError as error:
        raise config_error(error, where, document) from None


def overlaid(config: Config, changes: Config) -> Config:
    """The config with what ``changes`` sets itself; tables are merged."""
    return _overlaid(config, changes)


Section = TypeVar("Section", bound=BaseModel)


def _overlaid(section: Section, changes: Section) -> Section:
    update: dict[str, Any] = {}
    for name in changes.model_fields_set:
        old, new = getattr(section, name), getattr(changes, name)
        if isinstance(new, TaskSection):
            new = new.over(old)
        elif isinstance(new, BaseModel):
            new = _overlaid(old, new)
        elif isinstance(new, dict) and all(isinstance(value, dict) for value in new.values()):
            new = {**old, **{key: {**old.get(key, {}), **value} for key, value in new.items()}}
        update[name] = new
    return section.model_copy(update=update)


def check_files(paths: Iterable[Path]) -> None:
    """Raise DataError for the first missing file that the config names."""
    for path in paths:
        try:
            path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            hint = near_file(path) or "paths in audit.toml are relative to that file"
            raise DataError("no such file", where=str(path), hint=hint) from None
        except (OSError, ValueError):
            continue  # whoever reads the file says why


@contextlib.contextmanager
def named(file: Path | None) -> Iterator[None]:
    """Name the file too in errors about a table of the config."""
    try:
        yield
    except ConfigError as error:
        if file is None or (error.where or "").startswith(str(file)):
            raise
        raise error.at(f"{file}: {error.where}" if error.where else str(file)) from None


def probe_settings(default: Settings, given: Mapping[str, object], where: str) -> Settings:
    """Validate the given fields and put them in place of the default's.

    ``default``: an instance of a frozen dataclass, whose types decide. For ``[task]``, ``[probes.<name>]`` and
    ``[training.recipe.<name>]``; ``where`` names the table. Nothing is converted but lists
    to tuples, tables to nested dataclasses, whole numbers to floats and words to paths. Raises ConfigError: unknown key
    (with the nearest known one), wrong type, or what the dataclass's own ``__post_init__`` refuses.
    """
    settings: Any = default
    kind: Any = type(settings)
    types = checks.hints(kind)
    known = [field.name for field in dataclasses.fields(settings) if field.init]
    values = {}
    for key, value in given.items():
        if key not in known:
            hint = near_or_known(key, known)
            raise ConfigError(f"unknown key {key!r}", where=where, hint=hint)
        before = getattr(settings, key)
        if dataclasses.is_dataclass(before) and isinstance(value, Mapping):
            values[key] = probe_settings(before, value, f"{where} {key}")
            continue
        _refuse_empty(key, value, settings, where)
        try:
            content = _as_json(value, where, f"{key} ")
            values[key] = TypeAdapter(types[key]).validate_json(content, strict=True)
        except ValidationError as error:
            raise config_error(error, where, value, key, types[key]) from None
    try:
        replaced: Settings = dataclasses.replace(settings, **values)
        for key in values:
            checks.refuse_repeated(key, replaced)
    except AuditError as error:
        raise ConfigError(error.message, where=where, hint=error.hint) from None
    except ValueError as error:
        raise ConfigError(str(error), where=where) from None
    return replaced


def with_cases(settings: Settings, file: Path) -> Settings:
    """The settings, with the file in their fields for kept cases."""
    given: Any = settings
    named = checks.cases_fields(settings)
    return dataclasses.replace(given, **dict.fromkeys(named, file)) if named else settings


def probe_tables(
    config: Config, settings: Mapping[str, Any], change: Callable[[Path], Any]
) -> dict[str, dict[str, Any]]:
    """The tables of probes, after ``change`` of the paths in them.

    The paths given to ``change`` are seen from the config's folder. ``settings``: probe → its settings, whose types say
    what is a path; tables of other probes stay as they are.
    """

    def changed(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [changed(each) for each in value]
        # Whatever else stands there is refused where the table is validated.
        return change(config.resolve(Path(value))) if isinstance(value, str | Path) else value

    paths = {name: checks.path_fields(own) for name, own in settings.items() if dataclasses.is_dataclass(own)}
    return {
        name: {key: changed(value) if key in paths.get(name, ()) else value for key, value in table.items()}
        for name, table in config.probes.items()
    }


def _refuse_empty(key: str, chosen: object, default: object, where: str) -> None:
    """Refuse a list or table of nothing.

    It may be so by default, or where its settings name it in ``MAY_BE_EMPTY``. Raises ConfigError.
    """
    usual = getattr(default, key)
    choice = all(isinstance(value, list | tuple | Mapping) for value in (usual, chosen))
    if choice and usual and not chosen and key not in getattr(default, "MAY_BE_EMPTY", ()):
        raise ConfigError(f"{key} is empty", where=where, hint=f"leave it out for {', '.join(map(str, usual))}")


def _as_json(document: object, where: str, key: str = "") -> str:
    """TOML as JSON.

    Its strict validation still takes lists for tuples and words for paths. Tables made in Python may hold paths.
    ``key``: a key with a blank behind it, as the error begins.
    """
    try:
        return json.dumps(document, allow_nan=False, default=os.fspath)
    except ValueError:
        raise ConfigError(f"{key}holds nan or inf", where=where, hint="every number has to be finite") from None
    except TypeError:
        raise ConfigError(f"{key}holds a date or a time", where=where, hint="put it in quotes") from None

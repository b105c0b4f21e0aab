"""``audit.toml`` → one validated Config.

An unknown key is an error that names the nearest known one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from auditor import settings as checks
from auditor.config.schema import Config, TaskSection
from auditor.errors import AuditError, ConfigError, DataError, near_match, near_or_known
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
        raise _config_error(error, where, document) from None


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
    types = get_type_hints(type(settings), include_extras=True)
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
            raise _config_error(error, where, value, key, types[key]) from None
    try:
        replaced: Settings = dataclasses.replace(settings, **values)
        for key in values:
            checks.refuse_repeated(key, replaced)
    except AuditError as error:
        raise ConfigError(error.message, where=where, hint=error.hint) from None
    except ValueError as error:
        raise ConfigError(str(error), where=where) from None
    return replaced


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


def _config_error(
    error: ValidationError, where: str, given: object, key: str | None = None, of: Any = Config
) -> ConfigError:
    """The first validation error in one line.

    ``given``: what was validated. ``of``: its type, of the field ``key`` or of the whole config.
    """
    problems = _first_problems(error, given)
    loc, first = problems[0]
    hint: str | None = None
    path = (key, *loc) if key is not None else loc
    name = _key_path(path)
    if first["type"] == "extra_forbidden":
        hint = HINTS.get(name) or near_or_known(str(path[-1]), _keys_of_table(path[:-1]))
        return ConfigError(f"unknown key {name}", where=where, hint=hint)
    if first["type"] == "missing":
        return ConfigError(f"{name} is missing", where=where, hint=HINTS.get(name))
    if first["type"] == "literal_error":
        hint = near_match(str(first["input"]), re.findall(r"'([^']*)'", first["ctx"]["expected"]))
    messages = dict.fromkeys(_message(problem, _type_at(of, loc)) for _, problem in problems)
    message = " or ".join(messages).replace(" or should be ", " or ")
    return ConfigError(f"{name} = {documents.short(first['input'], _as_written)} {message}", where=where, hint=hint)


def _first_problems(error: ValidationError, given: object) -> list[tuple[checks.Path, ErrorDetails]]:
    """The first problem, with its path.

    A value of a union is refused by every arm: the problems of those that read furthest, and one out of range alone.
    """
    problems = [(_path_in(given, problem), problem) for problem in error.errors(include_url=False)]
    path, first = problems[0]
    if path == first["loc"]:
        return problems[:1]
    of_union = [(deeper, problem) for deeper, problem in problems if deeper[: len(path)] == path]
    furthest = max(len(deeper) for deeper, _ in of_union)
    of_union = [(deeper, problem) for deeper, problem in of_union if len(deeper) == furthest]
    beyond = [(deeper, problem) for deeper, problem in of_union if problem["type"] in _BEYOND]
    return beyond[:1] or [(deeper, problem) for deeper, problem in of_union if deeper == of_union[0][0]]


def _path_in(given: Any, problem: ErrorDetails) -> checks.Path:
    """The path of a problem in what was given.

    Pydantic's own also names the arms of unions.
    """
    *_, last = loc = problem["loc"] or ("",)
    path: list[int | str] = []
    for part in loc:
        places = range(len(given)) if isinstance(given, list | tuple) else given if isinstance(given, Mapping) else ()
        if part in places:
            given = given[part]
        elif problem["type"] != "missing" or part is not last:
            continue
        path.append(part)
    return tuple(path)


def _message(problem: ErrorDetails, kind: Any) -> str:
    """What is wrong with a value.

    ``kind``: its type, as far as it is known.
    """
    kind_of_problem, context = problem["type"], problem.get("ctx", {})
    if kind_of_problem in _BEYOND:
        # Of a union, the bound that is broken.
        broken = Annotated[float, *(_MARKS[name](bound) for name, bound in context.items())]
        return f"must be {checks.range_of(kind) or checks.range_of(broken)}"
    if kind_of_problem == "too_short":
        least = context["min_length"]
        return "is empty; leave it out instead" if least == 1 else f"must have at least {least} entries"
    message = _SHAPES.get(kind_of_problem) or problem["msg"].removeprefix("Value error, ")
    return re.sub(r"^(Input|Value|String|Tuple|List|Dictionary) (should)", r"\2", message)


def _type_at(kind: Any, path: tuple[int | str, ...]) -> Any:
    """The type and range at a path into a model or field.

    None where the path leads nowhere.
    """
    for part in path:
        fields = getattr(kind, "model_fields", None)
        if fields is None:
            kind = checks.element(kind)
        else:
            kind = fields[part].annotation
            for mark in fields[part].metadata:
                kind = Annotated[kind, mark]
    return kind


_BEYOND = ("greater_than", "greater_than_equal", "less_than", "less_than_equal")
_MARKS = {"gt": Gt, "ge": Ge, "lt": Lt, "le": Le}
"""Name of a bound in pydantic's errors → its annotation."""

HINTS = {
    "[data] lenient": 'write [task] lenient = true, beside name = "ner"',
    "[task] name": 'say which task it is: name = "ner"',
}
"""Key that was, or that is missing → what to write."""
_SHAPES = {
    **dict.fromkeys(("model_type", "dict_type", "dataclass_type"), "should be a table"),
    **dict.fromkeys(("tuple_type", "list_type", "set_type", "frozen_set_type"), "should be a list"),
    **dict.fromkeys(("int_type", "int_from_float"), "should be a whole number"),
    "float_type": "should be a number",
    "string_type": "should be text in quotes",
    "bool_type": "should be true or false",
}


def _as_written(value: object) -> str:
    """As the file writes it: ``true``, double quotes."""
    return json.dumps(value, ensure_ascii=False)


def _key_path(path: tuple[int | str, ...]) -> str:
    """``[training] epochs``, ``[[compare]] 2 expect``: as the file writes tables."""
    if path[0] == "compare" and len(path) > 1:
        return " ".join(["[[compare]]", str(int(path[1]) + 1), *map(str, path[2:])])
    return checks.key_path(path)


def _keys_of_table(path: tuple[int | str, ...]) -> list[str]:
    model: Any = Config
    for part in path:
        if isinstance(part, str):
            annotation = model.model_fields[part].annotation
            model = next((kind for kind in get_args(annotation) if isinstance(kind, type)), annotation)
    return list(model.model_fields)

"""Validation errors of ``audit.toml`` in one line.

The line has the key, the value, what it must be, and a hint.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any

from annotated_types import Ge, Gt, Le, Lt
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from auditor import settings as checks
from auditor.config.schema import Config
from auditor.errors import ConfigError, near_match, near_or_known
from auditor.storage import documents

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


def config_error(
    error: ValidationError, where: str, given: object, key: str | None = None, of: Any = Config
) -> ConfigError:
    """Return the first validation error in one line.

    ``given``: what was validated. ``of``: its type, of the field ``key`` or of the whole config.
    """
    problems = _first_problems(error, given)
    loc, first = problems[0]
    hint: str | None = None
    path = (key, *loc) if key is not None else loc
    name = _key_path(path)
    if first["type"] == "extra_forbidden":
        hint = HINTS.get(name) or near_or_known(str(path[-1]), list(_type_at(Config, path[:-1]).model_fields))
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


def _as_written(value: object) -> str:
    """As the file writes it: ``true``, double quotes."""
    return json.dumps(value, ensure_ascii=False)


def _key_path(path: tuple[int | str, ...]) -> str:
    """``[training] epochs``, ``[[compare]] 2 expect``: as the file writes tables."""
    if path[0] == "compare" and len(path) > 1:
        return " ".join(["[[compare]]", str(int(path[1]) + 1), *map(str, path[2:])])
    return checks.key_path(path)

"""TOML and JSON from users.

Whatever a document holds, it is parsed or refused in one line.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from auditor.errors import AuditError

DEPTH = 64
"""The deepest nesting of tables and lists."""
INTEGERS = range(-(2**63), 2**63)
"""TOML's whole numbers; sequences, arrays and floats can hold all of them."""
LONG_INTEGERS = range(-(10**40) + 1, 10**40)
"""Range for files of transformers, which writes an unlimited length of a tokenizer as a number of 31 digits."""
_NESTED = f"nests tables or lists more than {DEPTH} deep"


def toml(content: bytes, error: type[AuditError], where: str) -> dict[str, Any]:
    """Return a TOML document in UTF-8.

    A byte order mark is allowed. Raises ``error`` in one line.
    """
    text = _text(content, error, where)
    document: dict[str, Any] = _checked(lambda: tomllib.loads(text), "TOML", error, where, None)
    _check_bounds(document, INTEGERS, error, where)
    return document


def json_object(
    content: bytes,
    error: type[AuditError],
    where: str,
    hint: str | None = None,
    *,
    strict: bool = True,
    integers: range = INTEGERS,
) -> dict[str, Any]:
    """Return a JSON object in UTF-8, with whole numbers among ``integers``.

    ``strict``: each key occurs once and every number is finite; otherwise the object is read as libraries write and
    read it. Raises ``error`` in one line.
    """
    text = _text(content, error, where)
    how: dict[str, Any] = {}
    if strict:
        how = {"object_pairs_hook": _each_key_once, "parse_constant": _refused, "parse_float": _finite}
    document = _checked(lambda: json.loads(text, **how), "JSON", error, where, hint)
    _check_bounds(document, integers, error, where)
    if not isinstance(document, dict):
        raise error(f"is not a JSON object but {short(document)}", where=where, hint=hint)
    return document


def short(value: object, written: Callable[[object], str] = repr) -> str:
    """Return a value as Python writes it, cut to 60 characters.

    ``written``: another way to write it.
    """
    shown = written(value)
    return shown if len(shown) <= 60 else f"{shown[:60]}…"


def key_path(path: Iterable[object]) -> str:
    """Return keys and positions with dots between.

    The result is cut to 80 characters; ``top`` stands for the document itself.
    """
    words = ".".join(map(str, path)) or "top"
    return words if len(words) <= 80 else f"{words[:80]}…"


def _text(content: bytes, error: type[AuditError], where: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as cause:
        raise error(f"byte at offset {cause.start} is not UTF-8", where=where, hint="save it as UTF-8") from None


def _checked(parse: Callable[[], Any], kind: str, error: type[AuditError], where: str, hint: str | None) -> Any:
    try:
        return parse()
    except (tomllib.TOMLDecodeError, json.JSONDecodeError, _RefusedError) as cause:
        raise error(f"not valid {kind}: {str(cause)[:200]}", where=where, hint=hint) from None
    except RecursionError:
        raise error(_NESTED, where=where) from None
    except ValueError:
        # Python refuses to read more digits than sys.get_int_max_str_digits().
        raise error("holds a whole number with thousands of digits", where=where) from None


def _check_bounds(document: Any, integers: range, error: type[AuditError], where: str) -> None:
    """Refuse what nests too deep, and whole numbers out of range.

    Raises ``error``. The check does not recurse.
    """
    keys: list[object] = []
    inside: list[Iterator[tuple[object, Any]]] = [iter([("", document)])]
    while inside:
        for key, value in inside[-1]:
            kind = type(value)
            if kind is dict or kind is list:
                if len(inside) > DEPTH:
                    raise error(_NESTED, where=where)
                keys.append(key)
                inside.append(iter(value.items() if kind is dict else enumerate(value)))
                break
            if kind is int and not integers.start <= value < integers.stop:
                bound = "beyond 64 bits" if integers == INTEGERS else "of more than 40 digits"
                raise error(f"{key_path([*keys, key][1:])} holds a whole number {bound}", where=where)
        else:
            inside.pop()
            del keys[-1:]


class _RefusedError(ValueError):
    """Content that Python's own parser takes, and no other parser."""


def _each_key_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _RefusedError(f"the key {short(twice)} occurs twice in an object")
    return unique


def _refused(constant: str) -> Any:
    raise _RefusedError(f"{constant} is not a number")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise _RefusedError(f"{digits[:60]} is too large for a number")
    return number

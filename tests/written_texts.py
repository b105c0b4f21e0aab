"""Texts that modules write, collected from their source: reasons, details, methods."""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

FIELD = "\0"
"""Stands for a value that only a run knows."""
POSITIONS = {"Skipped": 1, "Measurement": 7}
"""Constructor → place of the argument that is a text."""
NAMED = frozenset({"reason", "detail", "method", "problem"})
"""Arguments by name that are texts."""
BREAKS, WORD = re.compile(r"[;:] |\{\}"), re.compile(r"\w+")
"""What stands between pieces, and a word of them."""
FEWEST = 3
"""Words of a piece."""
DEEPEST = 6
"""Names and calls that are followed from one text."""


def of(module_name: str) -> Iterator[tuple[str, str]]:
    """Yield place and text of every reason, detail or method in a module; FIELD stands for each value."""
    module = importlib.import_module(module_name)
    tree = ast.parse(Path(inspect.getfile(module)).read_text(encoding="utf-8"))
    for scope in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]:
        for call in [node for node in ast.walk(scope) if isinstance(node, ast.Call)]:
            for text in (text for argument in _texts(call) for text in resolved(argument, scope, module)):
                yield f"{module_name}:{call.lineno}", text


def _texts(call: ast.Call) -> Iterator[ast.expr]:
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    place = POSITIONS.get(name)
    if place is not None and len(call.args) > place:
        yield call.args[place]
    if name in POSITIONS or name == "replace":
        yield from (keyword.value for keyword in call.keywords if keyword.arg in NAMED)


def resolved(node: ast.expr, scope: ast.FunctionDef, module: ModuleType, depth: int = 0) -> list[str]:
    """Return the texts that an expression may have; none where that is not known."""
    if depth > DEEPEST:
        return []
    deeper = depth + 1
    match node:
        case ast.Constant(value=str(text)):
            return [text] if text else []
        case ast.JoinedStr(values=parts):
            options = [_part(part, scope, module, deeper) for part in parts]
            return ["".join(option) for option in itertools.product(*options)]
        case ast.IfExp(body=first, orelse=second):
            return [*resolved(first, scope, module, deeper), *resolved(second, scope, module, deeper)]
        case ast.BoolOp(values=values):
            return [text for value in values for text in resolved(value, scope, module, deeper)]
        case ast.Name(id=name) if name in (given := _assigned(scope)):
            return [text for value in given[name] for text in resolved(value, scope, module, deeper)]
        case ast.Name() | ast.Attribute() | ast.Subscript():
            value = _evaluated(node, module)
            return [value] if isinstance(value, str) and value else []
        case ast.Call(func=func):
            return _returned(_evaluated(func, module), deeper)
    return []


def _part(part: ast.expr, scope: ast.FunctionDef, module: ModuleType, depth: int) -> list[str]:
    if not isinstance(part, ast.FormattedValue):
        return resolved(part, scope, module, depth)
    empty = isinstance(part.value, ast.IfExp) and any(
        isinstance(side, ast.Constant) and side.value == "" for side in (part.value.body, part.value.orelse)
    )
    return [*(resolved(part.value, scope, module, depth) or [FIELD]), *([""] if empty else [])]


def _assigned(scope: ast.FunctionDef) -> dict[str, list[ast.expr]]:
    values: dict[str, list[ast.expr]] = {}
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            values.setdefault(node.targets[0].id, []).append(node.value)
    return values


def _evaluated(node: ast.expr, module: ModuleType) -> Any:
    """Return what an expression is at the module's level, None where it is of a run."""
    try:
        return eval(ast.unparse(node), dict(vars(module)))
    except Exception:
        return None


def _returned(function: Any, depth: int) -> list[str]:
    """Return the texts that a function of the project returns."""
    if not isinstance(function, FunctionType) or not function.__module__.startswith(("probes", "auditor")):
        return []
    module = importlib.import_module(function.__module__)
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    (scope,) = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    returns = [node.value for node in ast.walk(scope) if isinstance(node, ast.Return) and node.value is not None]
    return [text for value in returns for text in resolved(value, scope, module, depth)]


def pieces(module_name: str) -> Iterator[tuple[str, str]]:
    """Yield place and text of every piece of three words or more that a module writes.

    Docstrings are none, nor is what an error says.
    """
    tree = ast.parse(Path(inspect.getfile(importlib.import_module(module_name))).read_text(encoding="utf-8"))
    left_out = {id(node) for part in ast.walk(tree) if _is_no_text(part) for node in ast.walk(part)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in left_out:
            parts = (part.strip(" ,.()[]") for part in BREAKS.split(node.value))
            yield from ((f"{module_name}:{node.lineno}", part) for part in parts if len(WORD.findall(part)) >= FEWEST)


def _is_no_text(node: ast.AST) -> bool:
    """Tell whether a node raises an error, or is a docstring."""
    return isinstance(node, ast.Raise) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))

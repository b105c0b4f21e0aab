"""The rules that settings of probes and recipes are held against."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any

from auditor.errors import ConfigError
from auditor.testing.rules import Rules

MEND = {
    "settings frozen": "use an instance of a frozen dataclass with a default for every field",
    "settings validated": "annotate each field with its type, so that the config refuses any other",
    "settings refused in one line": "raise ValueError or auditor.errors.ConfigError in __post_init__ for a bad value",
    "settings in JSON": "use numbers, strings, and tuples and mappings of these, so that results.json can hold them",
}
"""Rule → how to mend what breaks it."""
JUNK = {"no": [{"such": ["setting"]}]}
"""A value that no setting takes."""
EXTREMES: dict[type, tuple[Any, ...]] = {
    int: (-1, 0, 10**9),
    float: (-1.0, 0.0, 1e9),
    str: ("",),
    tuple: ([],),
    dict: ({},),
}
"""Type of a default → values that are either taken or refused in one line."""

Read = Callable[[Mapping[str, Any]], Any]
"""A config's table → validated settings; raises ConfigError."""


def check_settings(rules: Rules, default: Any, read: Read) -> None:
    """Check settings by reading them as a config does. Raises AssertionError."""
    kind = type(default)
    frozen = dataclasses.is_dataclass(kind) and kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    rules.hold("settings frozen", frozen, f"{kind.__name__} is not a frozen dataclass")
    try:
        written = json.loads(json.dumps(dataclasses.asdict(default), allow_nan=False))
    except (TypeError, ValueError) as error:
        rules.hold("settings in JSON", False, str(error))
    given = {key: value for key, value in written.items() if value is not None}
    with rules.calm("settings validated", "reading the defaults from a config"):
        rules.hold("settings validated", read(given) == default, "the defaults change when a config gives them")
    for each in dataclasses.fields(default):
        rules.hold("settings validated", _refused(rules, read, each.name, JUNK), f"{each.name} accepts {JUNK}")
        for value in EXTREMES.get(type(getattr(default, each.name)), ()):
            _refused(rules, read, each.name, value)


def _refused(rules: Rules, read: Read, key: str, value: Any) -> bool:
    """Whether a value is refused in one line."""
    with rules.calm("settings refused in one line", f"{key} = {value!r}"):
        try:
            read({key: value})
        except ConfigError as error:
            rules.hold(
                "settings refused in one line", "\n" not in error.line, f"{key} = {value!r} raises {error.line!r}"
            )
            return True
    return False

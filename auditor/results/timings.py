"""``timings.json``: what an audit took on its machine, apart from ``results.json``.

No digest protects it and no verdict reads it. What is missing or not valid counts as not measured.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from auditor.errors import ResultsError
from auditor.results.folder import TIMINGS, folder_of, write_json
from auditor.storage.reading import DOCUMENT, read_file
from auditor.types import RunningCost

COST = "cost"


def write(
    folder: Path, seconds: Mapping[str, float], expected: Mapping[str, float], costs: Mapping[str, RunningCost]
) -> None:
    """Write the file: work and model → what they took.

    ``expected``: work → seconds as estimated beforehand.
    """
    content = {"seconds": dict(seconds), "expected_seconds": dict(expected)}
    write_json(folder / TIMINGS, {**content, COST: {name: asdict(cost) for name, cost in costs.items()}})


def costs_of(folder: Path) -> dict[str, RunningCost]:
    """Return model → its cost, of a results folder or its results.json."""
    try:
        content = read_file(folder_of(folder) / TIMINGS, ResultsError, missing="is not there", limit=DOCUMENT)
    except ResultsError:
        return {}
    return costs_in(content)


def costs_in(content: bytes) -> dict[str, RunningCost]:
    """Return model → its cost, of the file's content."""
    try:
        document: Any = json.loads(content)
        return TypeAdapter(dict[str, RunningCost]).validate_python(document[COST])
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}

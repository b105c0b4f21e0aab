"""Judged cases on disk instead of in memory.

Probes that measure by themselves read these cases after the last one is judged.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from typing import IO, Any

from auditor.types import Choice, Detail, Judged, Score

CHUNK = 1 << 16
"""About how many bytes of lines an iteration holds at a time."""


class Spool:
    """Judged cases as lines of JSON in a temporary file.

    The file is gone when the spool is closed. Numbers come back exactly. May be iterated any number of times, also
    one iteration within another. ``add`` raises OSError when the disk is full, TypeError for facts that are neither
    numbers nor words.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None

    def close(self) -> None:
        """Remove the file."""
        if self._file is not None:
            self._file.close()

    def add(self, judged: Judged) -> None:
        """Write a case at the end of the file."""
        line = json.dumps([getattr(judged, name) for name in _NAMES], default=_plain)
        if self._file is None:
            # Made only now, where a full disk is told apart from a probe's crash.
            self._file = tempfile.TemporaryFile(prefix="auditor-")  # noqa: SIM115 - closed by close()
        self._file.seek(0, os.SEEK_END)
        self._file.write(line.encode() + b"\n")
        self._file.flush()

    def __iter__(self) -> Iterator[Judged]:
        place = 0
        while self._file is not None:
            self._file.seek(place)
            lines = self._file.readlines(CHUNK)
            place = self._file.tell()
            if not lines:
                return
            yield from map(_judged, lines)


_NAMES = tuple(field.name for field in fields(Judged))


def _plain(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else asdict(value)


def _judged(line: bytes) -> Judged:
    values: dict[str, Any] = dict(zip(_NAMES, json.loads(line), strict=True))
    scores = {name: None if values[name] is None else Score(**values[name]) for name in ("before", "after")}
    details = tuple(Detail(detail["metric"], detail["slice"], Score(**detail["score"])) for detail in values["details"])
    pairs = tuple((gold, answer) for gold, answer in values["label_pairs"])
    choices = tuple(
        Choice(**{**choice, **{name: tuple(choice[name]) for name in ("chances", "names")}})
        for choice in values["choices"]
    )
    given = {name: tuple(values[name]) for name in ("before_given", "after_given")}
    return Judged(**{**values, **scores, **given, "details": details, "label_pairs": pairs, "choices": choices})

"""Cache of models' answers, in SQLite.

An audit that was killed resumes from it, with byte-identical results. The unit is a batch of the plan: the same texts
in the same order through the same model on the same kind of machine. So floating-point noise from a batch of another
shape never enters the results. Keys are hashes, values are numbers and labels, and answers that
quote a text; no other text of the user's is stored.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from auditor.types import Encoded, Model, Response

SCHEMA = 3
TIMEOUT = 30.0
"""Seconds to wait for another audit that is writing."""
DOES_NOT_FIT = "does not fit"
"""Stored instead of the answers for a batch that ran out of memory."""


class Cache(Protocol):
    """Store of answers by batch."""

    @property
    def hits(self) -> int:
        """Number of texts whose answers were in the cache."""
        ...

    def get(self, key: bytes) -> list[Response] | str | None:
        """Return the answers for a batch, or None if it is unknown.

        DOES_NOT_FIT, or NO_ANSWER and a reason, stands for a batch without answers.
        """
        ...

    def put(self, key: bytes, answers: Sequence[Response] | str) -> None:
        """Store the answers for a batch, or why there are none."""
        ...

    def recall(self, work: str) -> int | None:
        """Return how many cases the work had in its last run.

        Progress lines use it to estimate how much is left.
        """
        ...

    def remember(self, work: str, cases: int) -> None:
        """Store the number of cases that the work has."""
        ...


class NoCache:
    """Cache that stores nothing."""

    hits = 0

    def get(self, _key: bytes) -> None:
        """Return None: no batch is known."""

    def put(self, _key: bytes, _answers: Sequence[Response] | str) -> None:
        """Store nothing."""

    def recall(self, _work: str) -> int | None:
        """Return None: no work is known."""
        return None

    def remember(self, _work: str, _cases: int) -> None:
        """Store nothing."""


class KeptTotals(NoCache):
    """Reader of what earlier runs kept of their work; it stores nothing."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def recall(self, _work: str) -> int | None:
        """Return how many cases the work had last time, or None."""
        row = _read(self._file, "SELECT cases FROM totals WHERE work = ?", _work)
        return int(row[0]) if row else None


def batch_key(model: Model, batch: Sequence[Encoded], purpose: str = "") -> bytes:
    """Return the SHA-256 of what determines a batch's answers.

    It covers everything that the last bits depend on. The keys of the texts, in order, also determine the batch's
    shape.
    """
    parts = [model.fingerprint, model.numerics, purpose, *(encoded.key for encoded in batch)]
    return hashlib.sha256("\0".join(parts).encode()).digest()


class SQLiteCache:
    """Cache in one file, with each batch committed as a whole.

    Answers are JSON values; lists are returned as tuples. A file that cannot be opened or written never ends an audit:
    ``trouble`` then says why, and nothing more is stored.
    """

    def __init__(self, file: Path, *, limit_bytes: int, fresh: bool = False) -> None:
        """Open the cache's file.

        ``fresh``: ignore what earlier runs stored. ``limit_bytes``: when opening, drop the oldest batches until the
        file is no larger than this.
        """
        self.trouble: str | None = None
        self.hits = 0
        """Number of texts whose answers were in the cache."""
        self._connection: sqlite3.Connection | None = None
        self._since = 0
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._connection = _opened(file)
            _shrink(self._connection, limit_bytes)
            if fresh:
                self._since = _newest_id(self._connection)
        except (OSError, sqlite3.Error) as error:
            self._fails(error)

    def get(self, key: bytes) -> list[Response] | str | None:
        """Return the answers for a batch, or None if it is unknown."""
        text = self._execute("SELECT answers FROM batches WHERE key = ? AND id > ?", key, self._since)
        if text is None:
            return None
        try:
            answers = json.loads(text)
        except ValueError:  # damaged on disk: scored again, and replaced
            return None
        if isinstance(answers, str):
            return answers
        self.hits += len(answers)
        return [_frozen(answer) for answer in answers]

    def put(self, key: bytes, answers: Sequence[Response] | str) -> None:
        """Store the answers for a batch, or why there are none."""
        text = json.dumps(answers if isinstance(answers, str) else list(answers))
        # The row gets a new id, so that under ``fresh`` it counts as this run's.
        self._execute("INSERT OR REPLACE INTO batches (key, answers) VALUES (?, ?)", key, text)

    def recall(self, work: str) -> int | None:
        """Return how many cases the work had last time, or None."""
        cases = self._execute("SELECT cases FROM totals WHERE work = ?", work)
        return None if cases is None else int(cases)

    def remember(self, work: str, cases: int) -> None:
        """Store the number of cases that the work has."""
        self._execute("INSERT OR REPLACE INTO totals VALUES (?, ?)", work, cases)

    def _execute(self, statement: str, *values: Any) -> Any:
        """Execute a statement and return its first value, if any.

        An error of the database closes the cache; the result is then None.
        """
        if self._connection is None:
            return None
        try:
            row = self._connection.execute(statement, values).fetchone()
        except sqlite3.Error as error:
            self._fails(error)
            return None
        return None if row is None else row[0]

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _fails(self, error: Exception) -> None:
        self.trouble = str(error)
        self.close()


def entries(file: Path) -> int:
    """Return the number of batches in a cache's file.

    It is 0 if the file does not exist or cannot be read.
    """
    row = _read(file, "SELECT count(*) FROM batches")
    return int(row[0]) if row else 0


def _read(file: Path, statement: str, *values: object) -> tuple[Any, ...] | None:
    """Return the first row of a query, or None."""
    if not file.is_file():
        return None
    try:
        with contextlib.closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            row: tuple[Any, ...] | None = connection.execute(statement, values).fetchone()
            return row
    except sqlite3.Error:
        return None


def _opened(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=TIMEOUT, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        # With WAL, a killed process loses nothing that is committed; only a power cut may, and then whole batches.
        connection.execute("PRAGMA synchronous = NORMAL")
        if connection.execute("PRAGMA user_version").fetchone()[0] != SCHEMA:
            connection.executescript(
                "BEGIN IMMEDIATE; DROP TABLE IF EXISTS batches; DROP TABLE IF EXISTS totals;"
                "CREATE TABLE totals (work TEXT PRIMARY KEY, cases INTEGER NOT NULL);"
                "CREATE TABLE batches "
                "(id INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB UNIQUE NOT NULL, answers TEXT NOT NULL);"
                f"PRAGMA user_version = {SCHEMA}; COMMIT;"
            )
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _shrink(connection: sqlite3.Connection, limit_bytes: int) -> None:
    """Drop the oldest half of the batches until the file fits."""

    def size() -> int:
        return int(
            connection.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").fetchone()[0]
        )

    while size() > limit_bytes and connection.execute("SELECT 1 FROM batches LIMIT 1").fetchone():
        connection.execute(
            "DELETE FROM batches WHERE id IN "
            "(SELECT id FROM batches ORDER BY id LIMIT (SELECT (count(*) + 1) / 2 FROM batches))"
        )
        connection.execute("VACUUM")


def _newest_id(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(id), 0) FROM batches").fetchone()[0])


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_frozen, value))
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    return value

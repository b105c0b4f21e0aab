"""What models answered before, in SQLite: a killed audit goes on where it was, to the same bytes.

The unit is a batch of the plan: the same texts in the same order through the same model on the same kind of machine.
So the floating-point noise of another batch's shape never enters. Keys are hashes, values numbers and labels; no text
of the user's is kept.
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
"""Kept in place of the answers of a batch that ran out of memory."""


class Cache(Protocol):
    """Where answers are kept by batch."""

    def get(self, key: bytes) -> list[Response] | str | None:
        """The answers of a batch, DOES_NOT_FIT, or None when nothing is known of it."""
        ...

    def put(self, key: bytes, answers: Sequence[Response] | str) -> None: ...

    def recall(self, work: str) -> int | None:
        """How many cases some work had the last time, so that its progress can say how much is left."""
        ...

    def remember(self, work: str, cases: int) -> None: ...


class NoCache:
    """Keeps nothing."""

    def get(self, _key: bytes) -> None:
        return None

    def put(self, _key: bytes, _answers: Sequence[Response] | str) -> None:
        return None

    def recall(self, _work: str) -> None:
        return None

    def remember(self, _work: str, _cases: int) -> None:
        return None


def batch_key(model: Model, batch: Sequence[Encoded], purpose: str = "") -> bytes:
    """SHA-256 of all that the last bits of a batch's answers depend on; the keys in order give the batch's shape."""
    parts = [model.fingerprint, model.numerics, purpose, *(one.key for one in batch)]
    return hashlib.sha256("\0".join(parts).encode()).digest()


class SQLiteCache:
    """Answers in one file, each batch committed as a whole. Answers are what JSON knows; lists come back as tuples.

    A file that cannot be opened or written never ends an audit: ``trouble`` then says why, and nothing more is kept.
    """

    def __init__(self, file: Path, *, limit_bytes: int, fresh: bool = False) -> None:
        """``fresh``: what earlier runs kept is not read. ``limit_bytes``: the oldest are dropped when opening."""
        self.trouble: str | None = None
        self.hits = 0
        """Texts whose answers were known."""
        self._connection: sqlite3.Connection | None = None
        self._since = 0
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._connection = _opened(file)
            _shrunk(self._connection, limit_bytes)
            if fresh:
                self._since = _newest(self._connection)
        except (OSError, sqlite3.Error) as error:
            self._fails(error)

    def get(self, key: bytes) -> list[Response] | str | None:
        found = self._asked("SELECT answers FROM batches WHERE key = ? AND id > ?", key, self._since)
        if found is None:
            return None
        try:
            answers = json.loads(found)
        except ValueError:  # damaged on disk: asked again, and replaced
            return None
        if isinstance(answers, str):
            return answers
        self.hits += len(answers)
        return [_frozen(one) for one in answers]

    def put(self, key: bytes, answers: Sequence[Response] | str) -> None:
        text = json.dumps(answers if isinstance(answers, str) else list(answers))
        # A new id: under ``fresh`` an older answer is replaced by one that counts as this run's.
        self._asked("INSERT OR REPLACE INTO batches (key, answers) VALUES (?, ?)", key, text)

    def recall(self, work: str) -> int | None:
        found = self._asked("SELECT cases FROM totals WHERE work = ?", work)
        return None if found is None else int(found)

    def remember(self, work: str, cases: int) -> None:
        self._asked("INSERT OR REPLACE INTO totals VALUES (?, ?)", work, cases)

    def _asked(self, statement: str, *values: Any) -> Any:
        """The one value found, or None; also where the database breaks on the way."""
        if self._connection is None:
            return None
        try:
            found = self._connection.execute(statement, values).fetchone()
        except sqlite3.Error as error:
            self._fails(error)
            return None
        return None if found is None else found[0]

    def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _fails(self, error: Exception) -> None:
        self.trouble = str(error)
        self.close()


def entries(file: Path) -> int:
    """Batches kept in a cache's file; 0 where it is not there or cannot be read."""
    if not file.is_file():
        return 0
    try:
        with contextlib.closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return int(connection.execute("SELECT count(*) FROM batches").fetchone()[0])
    except sqlite3.Error:
        return 0


def _opened(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=TIMEOUT, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        # With WAL a killed process loses nothing that was committed; only a power cut could, and then whole batches.
        connection.execute("PRAGMA synchronous = NORMAL")
        if connection.execute("PRAGMA user_version").fetchone()[0] != SCHEMA:
            connection.executescript(
                "BEGIN IMMEDIATE; DROP TABLE IF EXISTS batches; DROP TABLE IF EXISTS totals;"
                "CREATE TABLE totals (work TEXT PRIMARY KEY, cases INTEGER NOT NULL);"
                "CREATE TABLE batches (id INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB UNIQUE NOT NULL, answers TEXT NOT NULL);"
                f"PRAGMA user_version = {SCHEMA}; COMMIT;"
            )
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _shrunk(connection: sqlite3.Connection, limit_bytes: int) -> None:
    """Drop the oldest half for as long as the file is larger than it may be."""

    def size() -> int:
        return int(
            connection.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").fetchone()[0]
        )

    while size() > limit_bytes and connection.execute("SELECT 1 FROM batches LIMIT 1").fetchone():
        connection.execute(
            "DELETE FROM batches WHERE id IN (SELECT id FROM batches ORDER BY id LIMIT (SELECT (count(*) + 1) / 2 FROM batches))"
        )
        connection.execute("VACUUM")


def _newest(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(id), 0) FROM batches").fetchone()[0])


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_frozen(one) for one in value)
    if isinstance(value, dict):
        return {key: _frozen(one) for key, one in value.items()}
    return value

"""JSON files of a checkpoint, read with size limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from auditor.errors import ModelError
from auditor.storage import documents
from auditor.storage.reading import DOCUMENT, read_file


def read_json(file: Path) -> dict[str, Any]:
    """Return the JSON object in a file.

    Raises ModelError for a file that cannot be read, or that contains values that no library accepts.
    """
    integers = documents.LONG_INTEGERS if file.name.startswith("tokenizer") else documents.INTEGERS
    content = read_file(file, ModelError, limit=DOCUMENT)
    return documents.json_object(content, ModelError, str(file), strict=False, integers=integers)

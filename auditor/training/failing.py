"""Training batches whose failures name the row that caused them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from auditor.errors import AuditError, DataError, first_line
from auditor.models.devices import is_full
from auditor.models.heads.base import EXAMPLES, LABELS, Columns, Head
from auditor.models.libraries import is_from_library
from auditor.models.rows import Filling


@contextmanager
def batch(
    model: Any, head: Head[Any], columns: Columns, indices: Sequence[int], filling: Filling, device: Any
) -> Iterator[dict[str, Any]]:
    """Yield the rows as one batch on the device.

    When a library raises inside, the rows are tried one by one. Raises DataError for the first row on which the model
    fails by itself. An exception that no single row causes passes through unchanged.
    """
    try:
        yield head.collate(columns, indices, filling, device)
    except AuditError:
        raise
    except Exception as error:
        if is_full(error) or not is_from_library(error):
            raise
        for index in indices:
            reason = _failure(model, head.collate(columns, [index], filling, device))
            if reason is not None:
                hint = "leave the row out of the training file"
                problem = f"the model fails on this row: {reason}"
                raise DataError(problem, where=columns[EXAMPLES][index], hint=hint) from error
        raise


def _failure(model: Any, row: dict[str, Any]) -> str | None:
    """Return a library's error for one row, or None without an error."""
    import torch

    inputs = {name: value for name, value in row.items() if name != LABELS}
    try:
        with torch.no_grad():
            model(**inputs)
    except Exception as error:
        if not is_from_library(error):
            raise
        return first_line(error)
    return None

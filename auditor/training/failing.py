"""A batch of a training; where a library fails on one of its rows, the row is named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from auditor.errors import AuditError, DataError
from auditor.models.devices import is_full
from auditor.models.heads.base import EXAMPLES, LABELS, Columns, Head
from auditor.models.libraries import first_line, is_from_library
from auditor.models.rows import Filling


@contextmanager
def batch(
    model: Any, head: Head[Any], columns: Columns, indices: Sequence[int], filling: Filling, device: Any
) -> Iterator[dict[str, Any]]:
    """The rows as one batch on the device. Raises DataError for the first on which the model fails by itself.

    An exception that no single row causes goes through as it is.
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
                raise DataError(
                    f"the model fails on it: {reason}", where=columns[EXAMPLES][index], hint=hint
                ) from error
        raise


def _failure(model: Any, row: dict[str, Any]) -> str | None:
    """What a library says of one row; None where it has an answer."""
    import torch

    given = {name: value for name, value in row.items() if name != LABELS}
    try:
        with torch.no_grad():
            model(**given)
    except Exception as error:
        if not is_from_library(error):
            raise
        return first_line(error)
    return None

"""Values of ``--tolerance``."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.errors import UsageError
from auditor.storage.documents import short


def tolerances_of(given: Sequence[str]) -> dict[str, float]:
    """Return metric → tolerance, of values such as ``accuracy=0.02``.

    Raises UsageError for a value of another form, and for a metric that is named twice.
    """
    tolerances: dict[str, float] = {}
    for value in given:
        name, _, number = value.partition("=")
        try:
            tolerance = float(number)
        except ValueError:
            hint = "write --tolerance accuracy=0.02, or quality.accuracy=0.02 for one probe"
            raise UsageError(f"{short(value)} is not METRIC=NUMBER", where="--tolerance", hint=hint) from None
        if name in tolerances:
            raise UsageError(f"{short(name)} is named twice", where="--tolerance", hint="give each metric one")
        tolerances[name] = tolerance
    return tolerances

"""Global random generators: whoever draws from them is caught by other seeds."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from auditor.engine.lockstep import Surroundings


@contextmanager
def scrambled() -> Iterator[Callable[[], bool]]:
    """Give the global generators other seeds inside.

    The function that it gives says whether nothing was drawn from them since.
    """
    kept = Surroundings.now()
    random.seed(20261)
    if arrays := sys.modules.get("numpy"):
        arrays.random.seed(20262)
    before = _states()
    try:
        yield lambda: _states() == before
    finally:
        kept.restore()


def _states() -> tuple[Any, str]:
    now = Surroundings.now()
    return now.python, str(now.arrays)

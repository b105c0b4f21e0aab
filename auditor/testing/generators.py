"""Global random generators: whoever draws from them is caught by other seeds."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def scrambled() -> Iterator[Callable[[], bool]]:
    """Give the global generators other seeds inside.

    The function that it gives says whether nothing was drawn from them since.
    """
    arrays = sys.modules.get("numpy")

    def states() -> tuple[Any, str]:
        return random.getstate(), str(arrays.random.get_state()) if arrays else ""

    kept = random.getstate(), arrays.random.get_state() if arrays else None
    random.seed(20261)
    if arrays:
        arrays.random.seed(20262)
    before = states()
    try:
        yield lambda: states() == before
    finally:
        random.setstate(kept[0])
        if arrays:
            arrays.random.set_state(kept[1])

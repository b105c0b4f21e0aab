"""Type checks that import no package."""

from __future__ import annotations

import sys


def is_instance(value: object, package: str, name: str) -> bool:
    """Whether a value is of a package's class.

    Before the package is imported nothing is.
    """
    kind = getattr(sys.modules.get(package), name, None)
    return isinstance(kind, type) and isinstance(value, kind)

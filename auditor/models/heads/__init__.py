"""Model heads, one module for each kind of output.

Each module of this package defines a class ``HEAD``; the modules are discovered by listing the package. Everything that
depends on the kind of architecture is decided in these modules and nowhere else. They do not import torch.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from auditor.errors import ModelError, near_or_known

if TYPE_CHECKING:
    from auditor.models.heads.base import Head

    Kind: TypeAlias = type[Head[Any]]

DEFAULT = "sequence"
"""The head to assume where neither task nor configuration names one."""
_SHARED = "base"


@functools.cache
def names() -> tuple[str, ...]:
    """Return the names of all heads, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name != _SHARED))


def of(name: str, *, task: str | None = None) -> Kind:
    """Return the head called ``name``.

    ``task`` is the name of the task that needs the head, for the error message. Raises ModelError for an unknown name.
    """
    if name not in names():
        hint = near_or_known(name, names())
        problem = f"no model head is called {name!r}"
        if task is not None:
            problem = f"the task {task!r} needs the model head {name!r}, which does not exist"
        raise ModelError(problem, hint=hint)
    head: Kind = importlib.import_module(f"{__name__}.{name}").HEAD
    return head


def every() -> tuple[Kind, ...]:
    """Return all heads, sorted by name."""
    return tuple(map(of, names()))


def serving(config: Mapping[str, Any]) -> Kind | None:
    """Return the head for a model, by config.json.

    Its architecture, such as ``BertForTokenClassification``, decides, and where several heads have that, what problem
    it solves. Returns None for a model that no head supports.
    """
    return next((head for head in every() if head.serves(config)), None)

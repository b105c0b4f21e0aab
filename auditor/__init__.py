"""`auditor`: measure a fine-tuned language model's limitations before release.

``audit``, ``train``, ``compare`` and ``load`` do what the commands of these names do; ``Results`` is what an audit
returns, ``Comparison`` what a comparison does. They are imported on first use: ``import auditor`` loads nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auditor.api import Comparison, Results, audit, compare, load, train

__version__ = "0.1.0"
__all__ = ["Comparison", "Results", "__version__", "audit", "compare", "load", "train"]


if not TYPE_CHECKING:  # or any name would be one that a type checker knows

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from auditor import api

        return getattr(api, name)


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})

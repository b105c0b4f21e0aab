"""Names of metrics in words."""

from __future__ import annotations

_SAID = {"within_tolerance": "the share within the tolerance"}


def metric_words(name: str) -> str:
    """Say a metric's name: ``micro_f1`` is ``micro F1``."""
    return _SAID.get(name) or " ".join("F1" if word == "f1" else word for word in name.split("_"))

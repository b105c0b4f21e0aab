"""Where finished work is kept between runs: answers of models and trained weights, never a text."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "AUDIT_CACHE"
"""The environment variable that names another folder."""
ANSWERS = "answers.sqlite"
FITS = "fits"
LIMIT_BYTES = 4 * 2**30
"""Trained weights beyond it are dropped, the least recently used first; answers may take a quarter of it."""


def folder() -> Path:
    """The cache's folder: ``$AUDIT_CACHE``, else the user's cache folder of this system. It may not exist yet."""
    import platformdirs

    named = os.environ.get(VARIABLE)
    return Path(named) if named else Path(platformdirs.user_cache_dir("auditor", appauthor=False))

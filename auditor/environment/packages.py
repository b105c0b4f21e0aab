"""Optional packages: which are absent, and how to install them.

This module imports none of them.
"""

from __future__ import annotations

import importlib.util
import shlex
from importlib import metadata

TEXTATTACK = "pip install --no-deps textattack"
"""The command leaves dependencies out: TextAttack requires flair, which does not run with transformers 5 and which no
attack here uses. What else it imports is a dependency of this project."""
TEXTATTACK_IMPORTS = {
    "bert_score": "bert-score",
    "editdistance": "editdistance",
    "jieba": "jieba",
    "langdetect": "langdetect",
    "language_tool_python": "language_tool_python",
    "lemminflect": "lemminflect",
    "Levenshtein": "Levenshtein",
    "lru": "lru-dict",
    "more_itertools": "more-itertools",
    "num2words": "num2words",
    "OpenHowNet": "OpenHowNet",
    "pinyin": "pinyin",
    "terminaltables": "terminaltables",
    "word2number": "word2number",
}
"""Modules that only TextAttack needs here → their distributions."""


def is_installed(module: str) -> bool:
    """Whether a top-level module can be found, without importing it."""
    try:
        return importlib.util.find_spec(module) is not None
    except ValueError:  # a stand-in in sys.modules without a spec
        return True


def version(distribution: str) -> str | None:
    """Return the version of an installed distribution; None if it is absent."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def command(module: str, distribution: str | None = None) -> str:
    """Return the command that installs the package of a module."""
    return TEXTATTACK if module == "textattack" else f"pip install {shlex.quote(distribution or module)}"


def lacking(module: str, distribution: str | None = None) -> str | None:
    """Return why a package cannot be imported, and what mends it.

    The result is None if it can. ``distribution``: its name on the package index, if that differs from the module's.
    """
    if not is_installed(module):
        return f"{distribution or module} is not installed; get it with: {command(module, distribution)}"
    if module != "textattack":
        return None
    absent = [name for inner, name in TEXTATTACK_IMPORTS.items() if not is_installed(inner)]
    if not absent:
        return None
    return f"textattack needs {', '.join(absent)}; get them with: pip install {' '.join(absent)}"

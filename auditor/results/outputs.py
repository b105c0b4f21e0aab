"""Outputs for CI inside a results folder, known by their digests.

Any name is allowed. A list beside ``results.json`` tells them from files of the user, so that a new audit may still
replace the folder; an output that was changed since is the user's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Set
from pathlib import Path

from auditor.errors import ResultsError
from auditor.storage.files import write_whole

LIST = "outputs.json"
"""Name of the list: path within the folder → SHA-256."""
OF_RESULTS = ("results.json", "examples.parquet")
"""Files by which a results folder is known."""


def write(file: Path, content: bytes) -> None:
    """Write an output whole.

    Inside a results folder it is noted in the list. Raises ResultsError.
    """
    write_whole(file, content, ResultsError)
    place = file.resolve()
    folder = next((parent for parent in place.parents if all((parent / name).is_file() for name in OF_RESULTS)), None)
    if folder is None:
        return
    digests = {**_listed(folder), place.relative_to(folder).as_posix(): hashlib.sha256(content).hexdigest()}
    text = json.dumps(digests, ensure_ascii=True, indent=2, sort_keys=True) + "\n"
    write_whole(folder / LIST, text.encode("ascii"), ResultsError)


def unchanged(folder: Path, names: Set[str]) -> set[str]:
    """Return the names that are outputs as they were written.

    ``folder``: a results folder. A folder in it is such an output if everything in it is.
    """
    if LIST not in names:
        return set()
    digests = _listed(folder)
    return {LIST, *(name for name in names if _is_ours(folder, folder / name, digests))}


def _is_ours(folder: Path, place: Path, digests: dict[str, str]) -> bool:
    if place.is_symlink():
        return False
    if place.is_dir():
        inside = list(place.iterdir())
        return bool(inside) and all(_is_ours(folder, each, digests) for each in inside)
    known = digests.get(place.relative_to(folder).as_posix())
    try:
        return known is not None and place.is_file() and hashlib.sha256(place.read_bytes()).hexdigest() == known
    except OSError:
        return False


def _listed(folder: Path) -> dict[str, str]:
    try:
        digests = json.loads((folder / LIST).read_bytes())
    except (OSError, ValueError):
        return {}
    return digests if isinstance(digests, dict) else {}

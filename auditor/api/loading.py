"""Function ``auditor.load``."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from auditor import results
from auditor.api import arguments
from auditor.api.arguments import Place
from auditor.api.outcome import Results, files_of
from auditor.results import verification


def load(folder: Place, *, policy: Place | None = None, on: date | None = None, language: str = "en") -> Results:
    """Read and verify a results folder.

    As ``audit report`` does, it checks that values and decision follow from the folder's rows.

    Args:
        folder: A folder that ``audit run`` or ``Results.save`` wrote.
        policy: A ``policy.toml`` to judge by; None: the audit's policy.
        on: The day on which the audit's waivers are judged; None: that of the audit.
        language: Language of the page and of what a notebook shows: ``en`` or ``zh``.

    Returns:
        The results; their notes are about the models and about how labels were read.

    Raises:
        ResultsError: The folder holds no results, or was changed since it was written.
        PolicyError: The policy is invalid, or names something that no probe measures.
        UsageError: No page speaks the language.

    Example:
        >>> auditor.load("audit", policy="strict.toml").decision.headline  # doctest: +SKIP
        'Hold: 2 of 87 required checks outside the limits.'
    """
    place, spoken = Path(folder), arguments.language(language)
    audited = verification.load(place, None if policy is None else Path(policy), on=on)
    content = audited.results
    notes = [f"{model['name']}: {note}" for model in content["models"] for note in model.get("notes", ())]
    readings = {rows["name"]: (rows.get("reading") or {}).get("note") for rows in content["data"]}
    notes += [f"{name}: {note}" for name, note in readings.items() if note]
    where = results.folder_of(place)
    start, files = where.resolve().parent, files_of(where)
    return Results(audited.decision, audited.records, tuple(notes), content, start, files, spoken)

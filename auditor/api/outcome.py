"""Results of an audit in Python: decision, records, tables, page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditor import results
from auditor.errors import ResultsError, one_line
from auditor.plugins import registry
from auditor.results import canonical_json, label_review, provenance, spreadsheets, timings
from auditor.storage import atomic_folder
from auditor.types import Decision, Measurement, ProbeRecord
from auditor.verdicts import advice

if TYPE_CHECKING:
    import pandas

KEPT = (results.CASES, results.EXAMPLES, results.TIMINGS, results.ERRORS, results.LABEL_REVIEW)
"""Files of a results folder that results.json cannot reproduce."""


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Results:
    """Results of an audit; a notebook displays the decision.

    ``html()`` returns the whole scorecard.
    """

    decision: Decision
    """``word`` (release, hold, incomplete, undecided), the commands' ``exit_code``, ``headline`` and ``verdicts``."""
    records: tuple[ProbeRecord, ...]
    """What each probe measured on each model."""
    notes: tuple[str, ...]
    """Notes on model, data and results, as the commands print them beside progress."""
    content: Mapping[str, Any]
    """``results.json``: the request, the provenance of the numbers, records, policy and decision."""
    start: Path
    """The folder that paths in ``content`` are relative to."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """The other files of the results folder."""
    language: str = "en"
    """Language of the page and of what a notebook shows."""

    def frame(self) -> pandas.DataFrame:
        """Every measurement as a row of a pandas DataFrame.

        Returns:
            Columns ``model``, ``probe``, ``metric``, ``slice`` (JSON), ``value``, ``low`` and ``high`` (two-sided 95 %
            interval), ``n_cases``, ``n_clusters``, ``status``, ``method``, and for each key of a slice ``slice_<key>``,
            which is missing if a slice lacks that key.

        Example:
            >>> frame = results.frame()  # doctest: +SKIP
            >>> frame[(frame.probe == "noise") & (frame.slice_family == "typos")]  # doctest: +SKIP
        """
        import pandas

        rows = [_row(record, measurement) for record in self.records for measurement in record.measurements]
        return pandas.DataFrame(rows, columns=list(dict.fromkeys([*COLUMNS, *(name for row in rows for name in row)])))

    def verdicts(self) -> pandas.DataFrame:
        """Every verdict as a row of a pandas DataFrame.

        Returns:
            Columns ``rule`` (in words), ``required``, ``slice`` (JSON, missing if nothing was measured), ``outcome``,
            ``value``, ``low`` and ``high`` (the one-sided bounds behind the verdict) and ``reason``.
        """
        import pandas

        rules = self.content["policy"]["rules"]
        rows = [
            {
                "rule": rules[verdict["rule"]]["text"],
                "slice": None if verdict["slice"] is None else canonical_json.slice_text(verdict["slice"]),
                **{name: verdict[name] for name in ("required", "outcome", "value", "low", "high", "reason")},
            }
            for verdict in self.content["decision"]["verdicts"]
        ]
        columns = ["rule", "required", "slice", "outcome", "value", "low", "high", "reason"]
        return pandas.DataFrame(rows, columns=columns)

    def html(self) -> str:
        """Render the scorecard as one self-contained page.

        Returns:
            HTML without scripts; the same page as ``scorecard.html`` in a results folder.
        """
        return _page(self.content, self.files, self.language)

    def save(self, folder: str | Path) -> Path:
        """Write a complete results folder, or nothing.

        ``audit gate``, ``audit report`` and ``load`` can read the folder.

        Args:
            folder: Where to write it; an existing folder must be empty or hold results.

        Returns:
            The folder.

        Raises:
            ResultsError: The path holds something else, or cannot be written.

        Example:
            >>> results.save("audit")  # doctest: +SKIP
        """
        out = Path(folder)
        with atomic_folder.whole(out, results.is_ours, ResultsError) as place:
            end = out.resolve().parent
            content = self.content if end == self.start else provenance.rebased(self.content, self.start, end)
            for name, written in self.files.items():
                (place / name).write_bytes(written)
            spreadsheets.write(place, content)
            written_content = json.loads((place / results.RESULTS).read_text(encoding="utf-8"))
            kept = dict(self.files)
            if results.LABEL_REVIEW in kept:
                # The rows are the same; other paths or another policy give results.json another digest.
                told = label_review.parsed(kept[results.LABEL_REVIEW], self.content)
                told = replace(told, results=written_content[results.DIGESTS][results.RESULTS])
                kept[results.LABEL_REVIEW] = label_review.store(place, told).read_bytes()
            (place / results.PAGE).write_bytes(_page(written_content, kept, self.language).encode())
        return out

    def __repr__(self) -> str:
        number = sum(len(record.measurements) for record in self.records)
        return one_line(f"<Results of {self.content['candidate']}: {self.decision.headline} {number:,} measurements>")

    def _repr_html_(self) -> str:
        registry.sibling("reports")
        from reports import notebook

        review = self.files.get(results.LABEL_REVIEW)
        labelled = None if review is None else label_review.parsed(review, self.content)
        return notebook.render(self.content, advice.next_steps(self.content), labelled, self.language)


COLUMNS = (
    *("model", "probe", "metric", "slice", "value", "low", "high"),
    *("n_cases", "n_clusters", "status", "method"),
)


def _row(record: ProbeRecord, measurement: Measurement) -> dict[str, object]:
    own = ("value", "low", "high", "n_cases", "n_clusters", "status", "method")
    return {
        "model": record.model,
        "probe": record.probe,
        "metric": measurement.metric,
        "slice": canonical_json.slice_text(measurement.slice),
        **{name: getattr(measurement, name) for name in own},
        **{f"slice_{key}": value for key, value in measurement.slice.items()},
    }


def _page(content: Mapping[str, Any], files: Mapping[str, bytes], language: str) -> str:
    registry.sibling("reports")
    from reports import scorecard

    costs = timings.costs_in(files.get(results.TIMINGS, b""))
    review = files.get(results.LABEL_REVIEW)
    labelled = None if review is None else label_review.parsed(review, content)
    page = scorecard.render(content, advice.next_steps(content), costs, review=labelled, language=language)
    return page.encode("utf-8", "backslashreplace").decode("utf-8")


def files_of(folder: Path) -> dict[str, bytes]:
    """Read the files of a results folder listed in ``KEPT``."""
    return {name: (folder / name).read_bytes() for name in KEPT if (folder / name).is_file()}

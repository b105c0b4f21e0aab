"""A small results folder made without a checkpoint, and ways to change it as an editor would."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fakes import LABELS, plan_of, reviews, shipped

from auditor import results, stats
from auditor.config import AuditSection, CompareEntry, Config
from auditor.evaluation import runner
from auditor.evaluation.plan import AuditedModel
from auditor.models.fake import keyword_model
from auditor.results import canonical_json, parquet, provenance
from auditor.types import Model, ProbeRecord, Rule, Silent, Table, TextPair, Waivers, WeightedText, WeightedWord
from auditor.verdicts import comparisons, doubts, gate, policy

Change = Callable[[dict[str, Any]], None]
LOOKS = 3
PAIR = TextPair({"rows": "home"}, "home:2", "home:3", {"text": "a good film"}, {"text": "A good film"}, 1.0)
TABLE = Table(
    "review",
    "labels to look at",
    ("id", "rows", "label", "answer", "text"),
    (
        ("home:2", "test", "negative", "positive", "a good film"),
        ("home:3", "test", "positive", "negative", "a bad film"),
    ),
    ("home:2", "home:3"),
    ("wrong", "right", "unclear"),
    "rows",
    LABELS,
    "accuracy",
    ("text",),
)
WEIGHTED = WeightedText(
    {},
    "home:2",
    "positive",
    0.9,
    "positive",
    (WeightedWord("text", "good", 0.4), WeightedWord("text", "film", None)),
    3,
)
GOOD = ("good", "great", "fine", "lovely", "superb")


def write(
    folder: Path,
    *probes: str,
    n: int = 60,
    known: Sequence[str] = GOOD,
    settings: dict[str, Any] | None = None,
    by: policy.Policy | None = None,
    waivers: Waivers | None = None,
) -> Path:
    """The folder of an audit by the shipped policy.

    It audits a good model, the candidate, beside a model that knows fewer words. ``known``: the words of the candidate.
    ``by``: another policy.
    """
    folder.mkdir(parents=True, exist_ok=True)
    words = {"candidate": known, "weaker": GOOD[:2]}
    models = {name: keyword_model(own, name=name) for name, own in words.items()}
    wanted = CompareEntry(probe="quality", metric="accuracy", model="weaker", against="candidate", expect="lower")
    config = Config(candidate="candidate", compare=(wanted,))
    plan = plan_of(
        models["candidate"],
        shipped(*(probes or ("quality",))),
        models=tuple(AuditedModel(model) for model in models.values()),
        examples={"home": reviews(n)},
    )
    plan = replace(plan, settings={**plan.settings, **(settings or {})})
    writer = parquet.CaseWriter(folder / results.CASES, plan.task)
    records = runner.run(plan, writer, Silent())
    writer.close()
    assert not plan.errors
    records = tuple(_of_the_second_look(record, n * 3 // 2) for record in records)
    measured = {record.probe for record in records}
    own = tuple(rule for rule in (by or policy.load()).rules if rule.probe in measured)
    rules = policy.Policy("small.toml", "0" * 64, own)
    decision = gate.decide(rules, records, "candidate", looks=LOOKS, waivers=waivers)
    compared = comparisons.compare("candidate", records, config.compare)
    parquet.write_rows(folder / results.EXAMPLES, records)
    content = {
        **provenance.constant_facts(config, True, folder),
        "task": {"name": plan.task.name, "metric": plan.task.metric, "labels": list(LABELS), "settings": {}},
        "environment": provenance.environment(models["candidate"], AuditSection()),
        "data": doubts.noted([_data(n * 3 // 2)], doubts.of_labels(records, "candidate")),
        "models": [_model(name, model) for name, model in models.items()],
        "until_decided": None,
        "looks": LOOKS,
        "drawn": {
            **{"looks": 2, "clusters": n, "available": n * 3 // 2, "saved": 0.333, "planned": LOOKS},
            "slices": _drawn(records, own),
        },
        "doubts": list(doubts.all_of(records, "candidate")),
        "candidate": "candidate",
        "records": [results.record_dict(record) for record in records],
        "comparisons": canonical_json.plain(compared),
        "unanswered": [],
        **results.judged_dict(decision, rules, waivers),
    }
    results.write(folder, content)
    return folder


def _of_the_second_look(record: ProbeRecord, available: int) -> ProbeRecord:
    """The record, its gain as if its last rows had come at the second of three looks, with a pair of rows.

    Of n rows of so many that are half as many again: a first look at two thirds of n makes three looks of them.
    That of quality has a table for reviewers too.
    """
    measurements = tuple(
        replace(found, look=2, looks=LOOKS, available=available)
        if found.metric == "gain_over_majority"
        else replace(found, cluster_unit="row" if found.metric == "accuracy" else found.cluster_unit)
        for found in record.measurements
    )
    if record.model != "candidate":
        return record
    tables = (TABLE,) if record.probe == "quality" else ()
    return replace(record, measurements=measurements, pairs=(PAIR,), tables=tables, weighted_texts=(WEIGHTED,))


def _drawn(records: Sequence[ProbeRecord], rules: Sequence[Rule]) -> list[dict[str, Any]]:
    """Of every slice that a required rule reads: the one of the second look was drawn on, the others were not."""
    return [
        {
            **{"probe": record.probe, "metric": found.metric, "slice": dict(found.slice)},
            **{"clusters": found.n_clusters, "available": found.available if found.looks > 1 else found.n_clusters},
            **({"design": "adaptive"} if found.looks > 1 else {"design": "fixed", "reason": stats.looks.ALL}),
        }
        for record in records
        for found in record.measurements
        if record.model == "candidate"
        and any(
            rule.required != "never" and (rule.probe, rule.metric) == (record.probe, found.metric)
            for rule in rules
            if policy.matches(rule, found.slice)
        )
    ]


def _data(rows: int) -> dict[str, Any]:
    counts = dict.fromkeys(("empty", "missing_label", "duplicates", "conflicting", "leaked", "truncated"), 0)
    return {"name": "home", "path": "test.csv", "sha256": "0" * 64, "rows": rows, "used": rows, **counts}


def _model(name: str, model: Model) -> dict[str, Any]:
    given = {"name": name, "path": f"ckpt/{name}", "fingerprint": model.fingerprint, "labels": list(LABELS)}
    return {**given, "candidate": name == "candidate", "training": {"settings": {"epochs": 1}}}


def read(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / results.RESULTS).read_text(encoding="utf-8"))
    return found


def edit(folder: Path, change: Change, *, seal: bool) -> None:
    """Change results.json; ``seal``: with digests written anew, as somebody would who knows of them."""
    content = read(folder)
    change(content)
    if seal:
        results.write(folder, content)
    else:
        results.write_json(folder / results.RESULTS, content)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything that holds nothing further."""
    if isinstance(value, dict | list) and value:
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*path, key))
    else:
        yield path

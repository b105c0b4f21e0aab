"""``audit remedy``."""

from __future__ import annotations

import contextlib
import shutil
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import ValidationError

from auditor import results, stats, tasks
from auditor.cli import run as audits
from auditor.cli import sources
from auditor.cli.decision import INCOMPLETE, judged_by
from auditor.cli.options import progress
from auditor.cli.sources import Sources
from auditor.config import Config
from auditor.errors import ResultsError, UsageError, one_line
from auditor.plugins import registry
from auditor.results import verification
from auditor.results.verification import Audited
from auditor.types import Decision, ProbeRecord, Row
from auditor.verdicts import policy, remedies
from auditor.verdicts.remedies import Remedy

SHOWN = {
    "quality": "{metric}",
    "noise": "drop_over_changed_cases",
    **dict.fromkeys(remedies.ATTACKED, "{metric}_under_attack"),
}
"""Probe → the metric that says what a remedy did; ``{metric}`` is the task's."""


def run(options: Namespace) -> int:
    """Propose; with ``--train`` train, audit what was and what is beside each other, and say what changed."""
    audited = verification.load(options.results, options.policy)
    found = audited.results
    if Path(found["candidate"]).name != found["candidate"]:
        raise ResultsError(f"{found['candidate']!r} is no checkpoint's name", where=str(options.results))
    print(judged_by(audited.policy, own=options.policy is None))
    proposed = remedies.proposed(found)
    for one in proposed:
        _propose(one)
    if not proposed:
        print(
            f"nothing failed that a recipe is known for ({', '.join(('noise', *remedies.ATTACKED))} are, but for entity swap)"
        )
        return 0
    folder = results.folder_of(options.results).resolve()
    config = _read(found)
    there, missing = sources.find(options, found, config, folder.parent)
    if there is not None and options.train:
        out = options.out or folder.with_name(f"{folder.name}-remedy")
        return _carry_out(options, audited, proposed, (there, config), out)
    if options.train:
        raise UsageError(f"cannot be trained; missing: {'; '.join(missing)}", where=str(options.results))
    if missing:
        print(one_line(f"to train and audit them, this is missing: {'; '.join(missing)}"), file=sys.stderr)
    else:
        print("train and audit them: the same command with --train", file=sys.stderr)
    return 0


def _propose(one: Remedy) -> None:
    for reason in one.reasons:
        print(one_line(reason))
    print(
        one_line(
            f"  → {one.name}: recipe {one.recipe}, on {', '.join(one.trained_on)}; held out: {', '.join(one.held_out)}"
        )
    )


def _carry_out(
    options: Namespace, audited: Audited, proposed: Sequence[Remedy], given: tuple[Sources, Config], out: Path
) -> int:
    """Checkpoints, audit, report; 2 where a probe crashed."""
    from auditor.training import job

    found, before = audited.results, given[0].before
    _check_policy(audited)
    config = _config(found, proposed, *given)
    checkpoints = out / "ckpt"
    _check_place(checkpoints / found["candidate"], before)
    with progress(options) as lines:
        labels = tuple(found["task"]["labels"])
        for one in job.train(config, out=checkpoints, device=options.device, progress=lines, labels=labels):
            print(one_line(str(one.folder)), flush=True)
            if one.record.warning:
                print(one_line(f"audit remedy: {one.folder.name}: {one.record.warning}"), file=sys.stderr, flush=True)
    with _beside(checkpoints, found["candidate"], before):
        told = _told(options, found, checkpoints, proposed[0].name, out / "audit")
        with contextlib.redirect_stdout(sys.stderr):
            decision = audits.audited(told, config, None, audited.policy, _code).decision
    _report(out / "audit", found["candidate"], proposed)
    if not options.quiet:
        print(one_line(f"scorecard: {out / 'audit' / results.PAGE}"), file=sys.stderr)
    return _code(decision)


def _code(decision: Decision) -> int:
    return INCOMPLETE if decision.exit_code == INCOMPLETE else 0


def _check_policy(audited: Audited) -> None:
    """The policy can judge what is audited after the training: found out before it. Raises PolicyError."""
    task = tasks.create(audited.results["task"]["name"], audited.results["task"]["labels"])
    known = {probe.name: {metric.name: metric for metric in probe.metrics(task)} for probe in registry.discover()}
    policy.check(audited.policy, known)


def _config(found: Mapping[str, Any], proposed: Sequence[Remedy], there: Sources, config: Config) -> Config:
    """The audit's own config, its files by their places, and each remedy as a recipe trained as the candidate was."""
    record, name = there.record, there.before.name
    if record is None:
        print(one_line(f"{name} has no training.json: its remedy is trained by [training] of the audit's config"))
    elif record.recipe != "standard":
        print(one_line(f"{name} was trained by recipe {record.recipe}, which its remedy takes the place of"))
    training = {
        **sources.training_of(there, config),
        "recipes": [one.name for one in proposed],
        "recipe": {one.name: {"recipe": one.recipe, **one.settings} for one in proposed},
    }
    known = {probe.name: probe for probe in registry.discover()}
    changed = {
        **sources.config_of(there, config, known),
        "training": training,
        "compare": list(_hypotheses(found, proposed)),
    }
    return Config.model_validate(changed, strict=False)


def _read(found: Mapping[str, Any]) -> Config:
    """The config that the results hold. Raises ResultsError for one of another auditor."""
    try:
        return Config.model_validate(found["config"], strict=False)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ResultsError(f"its config is not this auditor's: {place}: {first['msg']}", hint="audit again") from None


def _hypotheses(found: Mapping[str, Any], proposed: Sequence[Remedy]) -> Iterator[dict[str, Any]]:
    """What each remedy should change, named before its audit: on what it was not trained on."""
    for one in proposed:
        metric, expect = SHOWN[one.probe].format(metric=found["task"]["metric"]), "higher"
        slices: list[dict[str, str]] = [{one.key: value} for value in one.held_out]
        if one.probe == "noise":
            expect = "lower"
            severities = [str(name) for name in remedies.measured(found, "noise", "severity")]
            slices = [{**slice_, "severity": severity} for slice_ in slices for severity in severities]
        sides = {"model": one.name, "against": found["candidate"]}
        for slice_ in slices:
            yield {**sides, "probe": one.probe, "metric": metric, "slice": slice_, "expect": expect}


def _told(options: Namespace, found: Mapping[str, Any], checkpoints: Path, candidate: str, out: Path) -> Namespace:
    """What ``audit run`` is told: the flags that both commands have, and otherwise nothing but what it has to do."""
    from auditor.cli.arguments import parser

    told = parser().parse_args(["run", "--model", str(checkpoints), "--candidate", candidate, "--out", str(out)])
    told.device, told.no_texts, told.quiet = options.device, options.no_texts, options.quiet
    # What was not asked of the candidate then would be asked of both models now.
    measured = {one["probe"] for one in found["records"] if one["model"] == found["candidate"] and one["measurements"]}
    told.probe = [
        one for one in dict.fromkeys(("quality", *SHOWN, "domain_shift", "bias", "entity_bias")) if one in measured
    ]
    return told


def _check_place(place: Path, before: Path) -> None:
    """Nothing of a user's stands where the audited checkpoint is to stand. Raises UsageError."""
    ours = place.is_symlink() and (not place.exists() or place.resolve() == before.resolve())
    if (place.exists() or place.is_symlink()) and not ours:
        raise UsageError("is in the way", where=str(place), hint="name another folder with --out")


@contextlib.contextmanager
def _beside(checkpoints: Path, name: str, before: Path) -> Iterator[None]:
    """Inside, the audited checkpoint stands among those of its remedies: linked, or copied where links cannot be made."""
    place = checkpoints / name
    _check_place(place, before)
    if place.is_symlink():
        place.unlink()  # left behind by a killed process
    try:
        place.symlink_to(before.resolve(), target_is_directory=True)
    except OSError:
        shutil.copytree(before, place)
    try:
        yield
    finally:
        if place.is_symlink():
            place.unlink()
        else:
            shutil.rmtree(place)


def _report(folder: Path, before: str, proposed: Sequence[Remedy]) -> None:
    """Before and after of each remedy, paired; what was held out from its training, and what was not, apart."""
    found = results.load(folder)
    records = results.records_of(found, folder)
    for one in proposed:
        print(one_line(f"{one.name} against {before}: before → after, change [95 % interval over examples; one seed]"))
        for probe, name in SHOWN.items():
            metric = name.format(metric=found["task"]["metric"])
            old, new = (_rows(records, model, probe, metric) for model in (before, one.name))
            held = [key for key in new if key in old and dict(key).get(one.key) in one.held_out]
            if probe == one.probe and len(held) > 1:
                _line(records, probe, metric, "held out, together", (_summed(new, held), _summed(old, held)))
            for key in new:
                place = ", ".join(f"{name} {value}" for name, value in key)
                if probe == one.probe:
                    place += ", held out" if key in held else ", trained on"
                if key in old:
                    _line(records, probe, metric, place, (new[key], old[key]))


_Slice: TypeAlias = tuple[tuple[str, str], ...]


def _rows(records: Sequence[ProbeRecord], model: str, probe: str, metric: str) -> dict[_Slice, Sequence[Row]]:
    """Slice → rows, of the slices with the fewest keys: a family, not each of its perturbations."""
    own = [
        one
        for record in records
        if (record.model, record.probe) == (model, probe)
        for one in record.measurements
        if one.metric == metric and one.rows
    ]
    fewest = min((len(one.slice) for one in own), default=0)
    return {tuple(one.slice.items()): one.rows for one in own if len(one.slice) == fewest}


def _summed(rows: Mapping[_Slice, Sequence[Row]], keys: Sequence[_Slice]) -> list[Row]:
    """Several slices as one, by cluster and arm."""
    sums: dict[tuple[str, str], tuple[float, float]] = {}
    for key in keys:
        for row in rows[key]:
            total, count = sums.get((row.cluster, row.arm), (0.0, 0.0))
            sums[row.cluster, row.arm] = total + row.total, count + row.count
    return [Row(cluster, arm, *found) for (cluster, arm), found in sums.items()]


def _line(
    records: Sequence[ProbeRecord], probe: str, name: str, place: str, sides: tuple[Sequence[Row], Sequence[Row]]
) -> None:
    metric = next(one for record in records if record.probe == probe for one in record.metrics if one.name == name)
    kind: dict[str, Any] = {"low": metric.low, "high": metric.high, "ratio": metric.ratio}
    new, old = (stats.estimate(metric.kind, rows, **kind).value for rows in sides)
    found = stats.compare(metric.kind, *sides, **kind)
    print(
        one_line(
            f"  {probe} {name}{f' [{place}]' if place else ''}: {old:.3f} → {new:.3f}, "
            f"{found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"
        )
    )

"""``audit remedy``."""

from __future__ import annotations

import contextlib
import shutil
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import ValidationError

from auditor import config as configs
from auditor import registry, remedies, results, stats
from auditor.cli import run as audits
from auditor.cli.gate import INCOMPLETE
from auditor.cli.options import progress
from auditor.config import Config
from auditor.errors import ModelError, ResultsError, UsageError, one_line
from auditor.remedies import Remedy
from auditor.types import ProbeRecord, Row

if TYPE_CHECKING:
    from auditor.training.record import TrainingRecord

SHOWN = {
    "quality": "{metric}",
    "noise": "drop_over_changed_cases",
    **dict.fromkeys(remedies.ATTACKED, "{metric}_under_attack"),
}
"""Probe → the metric that says what a remedy did; ``{metric}`` is the task's."""


def run(options: Namespace) -> int:
    """Propose; with ``--train`` train, audit what was and what is beside each other, and say what changed."""
    found = results.load(options.results)
    if Path(found["candidate"]).name != found["candidate"]:
        raise ResultsError(f"{found['candidate']!r} is no checkpoint's name", where=str(options.results))
    proposed = remedies.proposed(found)
    for one in proposed:
        _propose(one)
    if not proposed:
        print(
            f"nothing failed that a recipe is known for ({', '.join(('noise', *remedies.ATTACKED))} are, but for entity swap)"
        )
        return 0
    if not options.train:
        print("train and audit them: the same command with --train", file=sys.stderr)
        return 0
    folder = results.folder_of(options.results).resolve()
    out = options.out or folder.with_name(f"{folder.name}-remedy")
    return _carry_out(options, found, proposed, out)


def _propose(one: Remedy) -> None:
    for reason in one.reasons:
        print(one_line(reason))
    print(
        one_line(
            f"  → {one.name}: recipe {one.recipe}, on {', '.join(one.trained_on)}; held out: {', '.join(one.held_out)}"
        )
    )


def _carry_out(options: Namespace, found: Mapping[str, Any], proposed: Sequence[Remedy], out: Path) -> int:
    """Checkpoints, audit, report; 2 where a probe crashed."""
    from auditor.training import job

    root = results.folder_of(options.results).resolve().parent
    before = root / next(one["path"] for one in found["models"] if one["candidate"])
    config = _config(found, before, proposed, root)
    checkpoints = out / "ckpt"
    _check_place(checkpoints / found["candidate"], before)
    with progress(options) as lines:
        for one in job.train(config, out=checkpoints, device=options.device, progress=lines):
            print(one.folder, flush=True)
            if one.record.warning:
                print(f"audit remedy: {one.folder.name}: {one.record.warning}", file=sys.stderr, flush=True)
    with _beside(checkpoints, found["candidate"], before):
        told = Namespace(**{**vars(options), **_flags(found, checkpoints, proposed[0].name, out / "audit")})
        with contextlib.redirect_stdout(sys.stderr):
            decision, _, _ = audits.audited(told, config, None)
    _report(out / "audit", found["candidate"], proposed)
    if not options.quiet:
        print(f"scorecard: {out / 'audit' / results.PAGE}", file=sys.stderr)
    return INCOMPLETE if decision.exit_code == INCOMPLETE else 0


def _config(found: Mapping[str, Any], before: Path, proposed: Sequence[Remedy], root: Path) -> Config:
    """The audit's own config, its files by their places, and each remedy as a recipe trained as the candidate was."""
    from auditor.training import job
    from auditor.training import record as records

    record = records.read(before)
    if record is None:
        raise ModelError(
            "has no training.json: how it was trained is not known", where=str(before), hint="train it with audit train"
        )
    base = job.base_of(record, before)
    if base is None:
        raise ModelError("its base is not there", where=str(before / record.base["path"]), hint="copy it there")
    config = _read(found)
    if record.recipe != "standard":
        print(one_line(f"{before.name} was trained by recipe {record.recipe}, which its remedy takes the place of"))
    known = {probe.name for probe in registry.discover()}
    changed = {
        **config.model_dump(),
        "seed": record.seed,
        "data": _data(found, config, record, before, root),
        "training": _training(config, record, base, proposed),
        "candidate": None,
        "probes": {name: config.probes[name] for name in config.probes if name in known},
        "compare": list(_hypotheses(found, proposed)),
        "policy": None,
    }
    return Config.model_validate(changed, strict=False)


def _data(found: Mapping[str, Any], config: Config, record: TrainingRecord, before: Path, root: Path) -> dict[str, Any]:
    """``[data]``: the files of the audit and of the training, read as they were read there."""
    from auditor.training import record as records

    files = {one["name"]: (root / one["path"]).resolve() for one in found["data"]}
    for name in ("train", "validation"):
        if name in record.data:
            files[name] = records.check_data(record, before, name).resolve()
    beside = {
        "test" if one["name"] == "home" else one["name"]: (root / one["labels_path"]).resolve()
        for one in found["data"]
        if "labels_path" in one
    }
    named = {name: files.pop(name, None) for name in ("train", "validation")}
    columns = {**record.columns, **configs.columns(config)}
    return {
        **config.data.model_dump(),
        **named,
        "test": files.pop("home"),
        "domains": files,
        "text_column": None,
        "label_column": columns.pop("label", None),
        "group_column": columns.pop("group", None),
        "columns": columns,
        "labels": dict(config.data.labels or record.mapping),
        "repair": config.data.repair or record.repair,
        "ignore_case": config.data.ignore_case or record.ignore_case,
        "header": record.header if config.data.header is None else config.data.header,
        "labels_files": beside,
    }


def _training(config: Config, record: TrainingRecord, base: Path, proposed: Sequence[Remedy]) -> dict[str, Any]:
    """``[training]``: what the candidate's was, but for the recipes."""
    from auditor import retraining
    from auditor.training import job

    return {
        **config.training.model_dump(),
        **{name: value for name, value in record.settings.items() if name in job.SETTINGS},
        "learning_rate": retraining.shared_rate(record, config),
        "base": base.resolve(),
        "recipes": [one.name for one in proposed],
        "recipe": {one.name: {"recipe": one.recipe, **one.settings} for one in proposed},
        "max_rows": record.train_rows,
        "learning_rates": [],
        "seeds": 1,
    }


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


def _flags(found: Mapping[str, Any], checkpoints: Path, candidate: str, out: Path) -> dict[str, Any]:
    """What ``audit run`` is told beside the flags that both commands have."""
    nothing: dict[str, Any] = dict.fromkeys(("data", "train", "base", "budget", "backend", "seed"))
    flags = dict.fromkeys(("until_decided", "allow_pickle", "trust_remote_code", "fresh"), False)
    # What was not asked of the candidate then would be asked of both models now.
    measured = {one["probe"] for one in found["records"] if one["model"] == found["candidate"] and one["measurements"]}
    probes = [
        one for one in dict.fromkeys(("quality", *SHOWN, "domain_shift", "bias", "entity_bias")) if one in measured
    ]
    return {
        **nothing,
        **flags,
        "model": checkpoints,
        "candidate": candidate,
        "out": out,
        "probe": probes,
        "domain": [],
    }


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

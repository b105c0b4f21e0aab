"""Train for what failed in an audit, and audit again."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from auditor import audit_run, results, tasks
from auditor import config as configs
from auditor.audit_run import Listener, Request
from auditor.config import Config
from auditor.errors import ResultsError, UsageError
from auditor.evaluation.build_plan import Options
from auditor.plugins import registry
from auditor.progress import Lines
from auditor.remedy import sources
from auditor.remedy.sources import Sources
from auditor.results.verification import Audited
from auditor.verdicts import policy, remedies
from auditor.verdicts.remedies import Remedy

if TYPE_CHECKING:
    from auditor.training.job import Finished

CHECKPOINTS, AUDIT = "ckpt", "audit"
"""Folders in that of a remedy."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is trained and audited for what failed."""

    audited: Audited
    proposed: Sequence[Remedy]
    sources: Sources
    config: Config
    """Of the trainings and of the audit after them."""
    out: Path
    device: str | None = None

    @property
    def before(self) -> str:
        """The name of the audited checkpoint."""
        return str(self.audited.results["candidate"])


def plan(
    audited: Audited,
    proposed: Sequence[Remedy],
    there: Sources,
    config: Config,
    *,
    out: Path,
    device: str | None = None,
    say: Callable[[str], None],
) -> Plan:
    """Check everything that can be known before the first training. Raises AuditError.

    ``config``: the audit's own. ``say``: hears what a remedy's training differs in from the checkpoint's.
    """
    _check_policy(audited)
    changed = _config(audited.results, proposed, there, config, say)
    _check_place(out / CHECKPOINTS / audited.results["candidate"], there.before)
    return Plan(audited, proposed, there, changed, out, device)


def train(asked: Plan, lines: Lines) -> Iterator[Finished]:
    """Train each remedy; yields each checkpoint when it is whole."""
    from auditor.training import job

    labels = tuple(asked.audited.results["task"]["labels"])
    with lines:
        yield from job.train(
            asked.config, out=asked.out / CHECKPOINTS, device=asked.device, progress=lines, labels=labels
        )


def audit(asked: Plan, listener: Listener, *, texts: bool = True) -> audit_run.Audited:
    """Audit the trained checkpoints and the one before them.

    The checkpoints stand beside each other, and the policy is that of the audit before.
    """
    checkpoints = asked.out / CHECKPOINTS
    known = {probe.name for probe in registry.discover()}
    # What was not asked of the candidate then would be asked of both models now.
    measured = [
        record["probe"]
        for record in asked.audited.results["records"]
        if record["model"] == asked.before and record["measurements"] and record.get("role") is not None
    ]
    options = Options(
        model=checkpoints, candidate=asked.proposed[0].name, device=asked.device or asked.config.audit.device
    )
    # Probes are asked for by name, so that there is nothing to leave out. A waiver is for the model before.
    changes = {"skip": (), "fast": False, "waivers": None}
    config = asked.config.model_copy(update={"audit": asked.config.audit.model_copy(update=changes)})
    if config.audit.design == "until-decided":
        # It measures the candidate alone, which is here compared with what was before it.
        config = config.model_copy(update={"audit": config.audit.model_copy(update={"design": "adaptive"})})
    request = Request(
        config,
        options,
        asked.out / AUDIT,
        probes=[name for name in measured if name in known],
        policy=asked.audited.policy,
        texts=texts,
    )
    with _beside(checkpoints, asked.before, asked.sources.before):
        return audit_run.audit(request, listener)


def read_config(content: Mapping[str, Any]) -> Config:
    """Read the config that the results hold.

    Raises ResultsError for one of another auditor.
    """
    try:
        return configs.recorded(content["config"])
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ResultsError(f"its config is not this auditor's: {place}: {first['msg']}", hint="audit again") from None


def _check_policy(audited: Audited) -> None:
    """Check that the policy can judge what is audited after the training.

    Raises PolicyError before it.
    """
    recorded = audited.results["task"]
    task = tasks.create(recorded["name"], recorded["labels"], settings=recorded.get("settings"))
    known = {probe.name: registry.metrics_of(probe, task) for probe in registry.discover()}
    policy.check(audited.policy, known)


def _config(
    content: Mapping[str, Any],
    proposed: Sequence[Remedy],
    there: Sources,
    config: Config,
    say: Callable[[str], None],
) -> Config:
    """The audit's own config, with each remedy as a recipe.

    Files stand by their places, and each remedy is trained as the candidate was.
    """
    record, name = there.record, there.before.name
    if record is None:
        say(f"{name} has no training.json: its remedy is trained by [training] of the audit's config")
    elif record.recipe != "standard":
        say(f"{name} was trained by recipe {record.recipe}, which its remedy takes the place of")
    training = {
        **sources.training_of(there, config),
        "recipes": [remedy.name for remedy in proposed],
        "recipe": {remedy.name: {"recipe": remedy.recipe, **remedy.settings} for remedy in proposed},
    }
    known = {probe.name: probe for probe in registry.discover()}
    changed = {
        **sources.config_of(there, config, known),
        "training": training,
        "compare": list(_hypotheses(content, proposed)),
    }
    return Config.model_validate(changed, strict=False)


def _hypotheses(content: Mapping[str, Any], proposed: Sequence[Remedy]) -> Iterator[dict[str, Any]]:
    """What each remedy should change, named before its audit.

    Each hypothesis is about what the remedy was not trained on.
    """
    for remedy in proposed:
        metric, expect = remedies.shown(content, remedy.role), "higher"
        slices: list[dict[str, str]] = [{remedy.key: value} for value in remedy.held_out]
        if remedy.role == "robustness":
            expect = "lower"
            severities = [str(name) for name in remedies.measured(content, remedy.probe, "severity")]
            slices = [{**slice_, "severity": severity} for slice_ in slices for severity in severities]
        sides = {"model": remedy.name, "against": content["candidate"]}
        for slice_ in slices:
            yield {**sides, "probe": remedy.probe, "metric": metric, "slice": slice_, "expect": expect}


def _check_place(place: Path, before: Path) -> None:
    """Check that nothing of a user's is in the way.

    The audited checkpoint is to stand there. Raises UsageError.
    """
    ours = place.is_symlink() and (not place.exists() or place.resolve() == before.resolve())
    if (place.exists() or place.is_symlink()) and not ours:
        raise UsageError("is in the way", where=str(place), hint="name another folder with --out")


@contextlib.contextmanager
def _beside(checkpoints: Path, name: str, before: Path) -> Iterator[None]:
    """Put the audited checkpoint among those of its remedies.

    The checkpoint is linked, or copied where links cannot be made, and removed afterwards.
    """
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


def results_of(asked: Plan) -> Path:
    """The results folder of the audit after the trainings."""
    return asked.out / AUDIT


def default_out(folder: Path) -> Path:
    """Where a remedy goes that nobody names a folder for.

    ``folder``: of the results before it.
    """
    place = results.folder_of(folder).resolve()
    return place.with_name(f"{place.name}-remedy")

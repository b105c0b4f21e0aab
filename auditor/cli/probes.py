"""``audit probes``."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditor import tasks
from auditor.errors import ModelError, UsageError, one_line
from auditor.evaluation import audit_data, needs
from auditor.models import checkpoint
from auditor.plugins import registry
from auditor.results import canonical_json
from auditor.types import NEEDS, OUT_OF_SCOPE, Metric, Probe, Task


def run(options: Namespace) -> int:
    """List every probe.

    For each, print its row, its metrics for each task, its needs and whether it can run here.
    """
    _, files = registry.split_selection(options.probe)
    listing = Listing(_tasks(options.task, options.model), detailed=bool(options.task or options.model))
    facts = [listing.facts(probe) for probe in registry.discover(files)]
    if options.json:
        print(json.dumps(facts, ensure_ascii=True, indent=2))
        return 0
    for probe in sorted(facts, key=lambda probe: not probe["metrics"]):
        for line in listing.lines(probe):
            print(one_line(line))
    return 0


def _tasks(name: str | None, model: Path | None) -> dict[str, Task]:
    """Map names to the tasks to list.

    That is the task of ``--task`` or ``--model``, else every task. Raises ModelError, UsageError.
    """
    if model is not None:
        return _task_of(name, model)
    names = tasks.names() if name is None else (name,)
    # Which labels does not matter: metrics are the same for all.
    return {name: tasks.create(name, tasks.kind(name).example_labels) for name in names}


def _task_of(name: str | None, model: Path) -> dict[str, Task]:
    """The task of a checkpoint over its labels."""
    path, *further = checkpoint.find(model).values()
    head = checkpoint.head_of(path)
    recorded: Mapping[str, Any] = audit_data.recorded_task(path) or {}
    task = name or recorded.get("name") or tasks.of_head(head)
    if task is None:
        known = ", ".join(tasks.names())
        raise ModelError("serves no task that is known", where=str(path), hint=f"known tasks: {known}")
    described = checkpoint.describe(path, tasks.kind(task).head, task=task)
    differing = next((folder for folder in further if checkpoint.head_of(folder) != head), None)
    if differing is not None:
        raise UsageError(f"{path.name!r} and {differing.name!r} are of different tasks", hint=f"--model {path}")
    settings = {key: value for key, value in recorded.items() if key != "name" and recorded["name"] == task}
    return {task: tasks.create(task, described.labels, settings=settings)}


@dataclass(frozen=True, slots=True)
class Listing:
    """What ``audit probes`` prints of each probe."""

    tasks: Mapping[str, Task]
    detailed: bool
    """Whether metrics are listed with their ranges, as for a single task."""

    def facts(self, probe: Probe) -> dict[str, Any]:
        """One probe's facts, as ``--json`` prints them."""
        packages = registry.missing_packages(probe)
        reasons = {name: needs.unserved(probe, task) for name, task in self.tasks.items()}
        served = {
            name: registry.metrics_of(probe, task).values()
            for name, task in self.tasks.items()
            if reasons[name] is None
        }
        return {
            "name": probe.name,
            "limitation": probe.limitation,
            "role": probe.role,
            "scope": probe.scope,
            "summary": registry.description(probe).split("\n", 1)[0],
            "metrics": {
                name: [_metric(metric) if self.detailed else metric.name for metric in metrics]
                for name, metrics in served.items()
            },
            "not_applicable": {name: reason for name, reason in reasons.items() if reason is not None},
            "needs": sorted(probe.needs),
            "not_applicable_when": [NEEDS[need] for need in sorted(probe.needs) if need in NEEDS],
            "settings": registry.settings_of(probe.settings),
            "here": f"cannot run here: {'; '.join(packages.values())}" if packages else "can run here",
        }

    def lines(self, facts: Mapping[str, Any]) -> list[str]:
        """One probe's lines at the terminal."""
        lines = [f"{facts['name']} (row: {facts['limitation'] or 'plain quality'}): {facts['summary']}"]
        for task, metrics in facts["metrics"].items():
            if self.detailed:
                lines += [f"    {_written_metric(metric)}" for metric in metrics]
            else:
                lines.append(f"    metrics, {task}: {', '.join(metrics)}")
        lines += [f"    not applicable, {task}: {reason}" for task, reason in facts["not_applicable"].items()]
        if self.detailed and not facts["metrics"]:
            return lines
        scope = OUT_OF_SCOPE.get(facts["scope"])
        needed = [", ".join(facts["needs"]) or "nothing more", *([] if scope is None else [scope]), facts["here"]]
        lines.append(f"    needs: {'; '.join(needed)}")
        return [*lines, f"    settings, [probes.{facts['name']}]: {_written(facts['settings']) or 'none'}"]


def _metric(metric: Metric) -> dict[str, Any]:
    """Describe a metric as a rule of a policy needs it.

    ``limit``: the key of the limit, None where no rule can set it.
    """
    limit = None
    if metric.kind != "descriptive":
        limit = {"lower": "max", "higher": "min", None: "max or min"}[metric.better]
    low, high = map(canonical_json.plain, (metric.low, metric.high))
    return {"name": metric.name, "title": metric.title, "low": low, "high": high, "limit": limit}


def _written_metric(metric: Mapping[str, Any]) -> str:
    """Write a metric for the terminal.

    An example: ``metric = "accuracy": accuracy; a rule limits it by min, between 0 and 1``.
    """
    start = f'metric = "{metric["name"]}": {metric["title"]}'
    if metric["limit"] is None:
        return f"{start}; descriptive, no rule limits it"
    return f"{start}; a rule limits it by {metric['limit']}, {_range(metric['low'], metric['high'])}"


def _range(low: float | None, high: float | None) -> str:
    """The range of a metric; None: without an end."""
    if low is None:
        return "any number" if high is None else f"{high:g} or less"
    return f"{low:g} or more" if high is None else f"between {low:g} and {high:g}"


def _written(settings: Mapping[str, Any]) -> str:
    """The defaults as audit.toml would hold them.

    TOML has no null: keys without a default come last, by name.
    """
    unset = [name for name, value in settings.items() if value is None]
    defaults = [f"{name} = {_toml(value)}" for name, value in settings.items() if value is not None]
    return "; ".join([*defaults, *([f"not set: {', '.join(unset)}"] if unset else [])])


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        entries = ", ".join(f"{json.dumps(key, ensure_ascii=False)} = {_toml(entry)}" for key, entry in value.items())
        return f"{{{entries}}}"
    return json.dumps(value, ensure_ascii=False)

"""``audit probes``."""

from __future__ import annotations

import json
from argparse import Namespace
from typing import Any

from auditor import tasks
from auditor.errors import one_line
from auditor.evaluation import plan
from auditor.plugins import registry
from auditor.types import NEEDS, Probe, Task


def run(options: Namespace) -> int:
    """List every probe with its row, its metrics for each task, its needs and whether it can run here."""
    _, files = registry.split_selection(options.probe)
    found = [_facts(probe) for probe in registry.discover(files)]
    if options.json:
        print(json.dumps(found, ensure_ascii=True, indent=2))
        return 0
    for facts in found:
        print(one_line(f"{facts['name']} (row: {facts['limitation'] or 'plain quality'}): {facts['summary']}"))
        for task, metrics in facts["metrics"].items():
            print(one_line(f"    metrics, {task}: {', '.join(metrics)}"))
        for task, reason in facts["not_applicable"].items():
            print(one_line(f"    not applicable, {task}: {reason}"))
        print(one_line(f"    needs: {', '.join(facts['needs']) or 'nothing more'}; {facts['here']}"))
        print(one_line(f"    settings, [probes.{facts['name']}]: {_written(facts['settings']) or 'none'}"))
    return 0


def _written(settings: dict[str, Any]) -> str:
    """The defaults as audit.toml would hold them, nearly: mappings in JSON's way."""
    return "; ".join(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in settings.items())


def _facts(probe: Probe) -> dict[str, Any]:
    packages = registry.missing_packages(probe)
    of_tasks = {name: _task(name) for name in tasks.names()}
    reasons = {name: _unserved(probe, task) for name, task in of_tasks.items()}
    return {
        "name": probe.name,
        "limitation": probe.limitation,
        "summary": registry.description(probe).split("\n", 1)[0],
        "metrics": {
            name: [metric.name for metric in probe.metrics(task)]
            for name, task in of_tasks.items()
            if reasons[name] is None
        },
        "not_applicable": {name: reason for name, reason in reasons.items() if reason is not None},
        "needs": sorted(probe.needs),
        "not_applicable_when": [NEEDS[need] for need in sorted(probe.needs) if need in NEEDS],
        "settings": registry.settings_of(probe.settings),
        "here": f"cannot run here: {'; '.join(packages.values())}" if packages else "can run here",
    }


def _task(name: str) -> Task:
    """The task with some labels: metrics are the same for all."""
    return tasks.create(name, tasks.kind(name).example_labels)


def _unserved(probe: Probe, task: Task) -> str | None:
    """Why the probe does not serve a task; None where it does."""
    given = plan.given_by(task)
    return next((NEEDS[need] for need in sorted(probe.needs) if not given.get(need, True)), None)

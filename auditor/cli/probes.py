"""``audit probes``."""

from __future__ import annotations

import json
from argparse import Namespace
from typing import Any

from auditor import registry, tasks
from auditor.errors import one_line
from auditor.types import NEEDS, Probe


def run(options: Namespace) -> int:
    """List every probe with its row, metrics, needs and whether it can run here."""
    _, files = registry.split_selection(options.probe)
    found = [_facts(probe) for probe in registry.discover(files)]
    if options.json:
        print(json.dumps(found, ensure_ascii=True, indent=2))
        return 0
    for facts in found:
        print(one_line(f"{facts['name']} (row: {facts['limitation'] or 'plain quality'}): {facts['summary']}"))
        print(one_line(f"    metrics: {', '.join(facts['metrics'])}"))
        print(one_line(f"    needs: {', '.join(facts['needs']) or 'nothing more'}; {facts['here']}"))
        print(one_line(f"    settings, [probes.{facts['name']}]: {_written(facts['settings']) or 'none'}"))
    return 0


def _written(settings: dict[str, Any]) -> str:
    """The defaults as audit.toml would hold them, nearly: mappings in JSON's way."""
    return "; ".join(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in settings.items())


def _facts(probe: Probe) -> dict[str, Any]:
    task = tasks.create("text-classification", ("negative", "positive"))
    packages = registry.missing_packages(probe)
    return {
        "name": probe.name,
        "limitation": probe.limitation,
        "summary": registry.description(probe).split("\n", 1)[0],
        "metrics": [metric.name for metric in probe.metrics(task)],
        "needs": sorted(probe.needs),
        "not_applicable_when": [NEEDS[need] for need in sorted(probe.needs) if need in NEEDS],
        "settings": registry.settings_of(probe.settings),
        "here": f"cannot run here: {'; '.join(packages.values())}" if packages else "can run here",
    }

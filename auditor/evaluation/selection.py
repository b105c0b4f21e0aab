"""Probes and policy of an audit, resolved before anything is loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from auditor import config as configs
from auditor import tasks
from auditor.config import Config
from auditor.errors import ConfigError
from auditor.plugins import registry
from auditor.types import NO_RETRAINING, Probe, Waivers
from auditor.verdicts import policy, waiving
from auditor.verdicts.policy import Policy
from auditor.verdicts.reasons import listed


@dataclass(frozen=True, slots=True)
class Selection:
    """The probes that there are, those left out, and the policy."""

    probes: tuple[Probe, ...]
    left_out: Mapping[str, str]
    """Probe that the user leaves out → why, of LEFT_OUT."""
    policy: Policy
    waivers: Waivers | None = None
    """Rules that a release may break until a date."""

    def note(self) -> str | None:
        """Say what ``--fast`` leaves out and what that costs; None without it."""
        names = [name for name, reason in self.left_out.items() if reason == NO_RETRAINING]
        if not names:
            return None
        read = {rule.probe for rule in self.policy.rules if rule.required != "never"}
        required = [name for name in names if name in read]
        counted = (
            f"the required rules of {listed(required)} count as left out, as with --probe"
            if required
            else "no required rule of the policy reads them"
        )
        return f"--fast leaves out {listed(names)}, which retrain{'s' * (len(names) == 1)}; {counted}"


def select(
    words: Sequence[str],
    config: Config,
    rules: Path | Policy | None,
    *,
    waivers: Path | None = None,
    on: date | None = None,
    check: Callable[[], None],
) -> Selection:
    """Find the probes and read policy and waivers.

    ``words``: names of the only probes to measure, and probe files to add. ``rules``: None for the policy that the
    config names, else the shipped one. ``waivers``: None for those that the config names, else none; ``on``: the day on
    which they are judged, None for today. ``check`` raises an interruption that a probe's import swallowed. Raises
    AuditError.
    """
    names, files = registry.split_selection(words)
    probes = registry.discover(files)
    check()
    registry.sibling("reports")
    if not isinstance(rules, Policy):
        task = config.task.name
        rules = policy.load(rules or configs.policy_file(config), task, tasks.kind(task).policy)
    own = config.audit
    if own.baseline_probes is not None:
        _check_baseline(config, own.baseline_probes, [probe.name for probe in probes])
    left_out = registry.left_out(probes, names, files, skip=own.skip, fast=own.fast)
    file = waivers or configs.waivers_file(config)
    given = None if file is None else waiving.load(file, rules, on or waiving.today())
    return Selection(probes, left_out, rules, given)


def _check_baseline(config: Config, names: Sequence[str], known: Sequence[str]) -> None:
    """Check the probes that models beside the candidate go through.

    Raises UsageError for an unknown name, ConfigError where a hypothesis compares models by a probe left out.
    """
    registry.check_known(names, known, "--probe {name}.py")
    for number, hypothesis in enumerate(config.compare, start=1):
        if hypothesis.probe in known and hypothesis.probe not in names:
            raise ConfigError(
                f"compares models by {hypothesis.probe}, which [audit] baseline_probes leaves out",
                where=f"[[compare]] {number}",
                hint=f"add {hypothesis.probe!r} to it",
            )

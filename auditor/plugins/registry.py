"""Finds probes: modules, entry points of third parties, single files."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import inspect
import os
import pkgutil
import sys
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, is_dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

from auditor.environment import packages
from auditor.errors import AuditError, ProbeError, UsageError, near_match, near_or_known
from auditor.storage.reading import read_file
from auditor.types import (
    CANDIDATE,
    NEEDS,
    NO_RETRAINING,
    NOT_SELECTED,
    ROLES,
    SKIPPED,
    Metric,
    Probe,
    ProbeDefaults,
    Scope,
    Task,
    limitations,
)

GROUP = "auditor.probes"
"""Entry-point group of third parties' probes."""


def sibling(name: str) -> ModuleType:
    """Import the package of that name that lies beside ``auditor``.

    Another one is refused: ``probes`` and ``reports`` are names that a user's folder may hold too. Raises ProbeError.
    """
    home = Path(__file__).resolve().parents[2]
    # Looked up before it is imported: another package's code is not ours to run.
    spec = importlib.util.find_spec(name)
    folders = [] if spec is None else [Path(path).resolve() for path in spec.submodule_search_locations or ()]
    if home / name not in folders:
        place = None if spec is None else spec.origin
        raise ProbeError(
            f"the package {name!r} that Python finds is not auditor's own",
            where=place or "a folder",
            hint=f"rename that {name!r} or run from another folder",
        )
    return importlib.import_module(name)


def discover(files: Iterable[Path] = ()) -> tuple[Probe, ...]:
    """Find every probe: quality first, auditor's own, third parties', each by name.

    Raises ProbeError where there is none, and for a file that does not import or breaks the contract.
    """
    probes = [*_own(), *map(_of_entry, _entries()), *(_checked(_module_of(path), str(path)) for path in files)]
    if not probes:
        raise ProbeError("no probe found", hint="is auditor installed whole?")
    by_name: dict[str, Probe] = {}
    for probe in probes:
        if probe.name in by_name:
            raise ProbeError(f"two probes are called {probe.name!r}", hint="probe names are unique")
        by_name[probe.name] = probe
    return tuple(
        sorted(
            by_name.values(),
            key=lambda probe: (probe.role != "quality", probe.role == "quality" and not is_own(probe), probe.name),
        )
    )


def installed(names: Collection[str]) -> dict[str, Probe]:
    """The installed probes of these names.

    Whatever is wrong with any other one does not matter; those that do not import are left out.
    """
    probes = {probe.name: probe for probe in _own()}
    for entry in _entries():
        with contextlib.suppress(ProbeError):
            probe = _of_entry(entry)
            probes.setdefault(probe.name, probe)
    return {name: probe for name, probe in probes.items() if name in names}


def is_own(probe: Probe) -> bool:
    """Whether the probe is auditor's own, not a third party's."""
    name = type(probe).__module__
    return name.startswith("probes.") and getattr(sys.modules.get(name), "PROBE", None) is probe


def metrics_of(probe: Probe, task: Task) -> dict[str, Metric]:
    """The metrics that the probe declares for the task, by name.

    Raises ProbeError where it cannot say.
    """
    where, call = f"probe {probe.name}", f"metrics(task), of {task.name},"
    try:
        declared = tuple(probe.metrics(task))
    except (Exception, SystemExit) as error:
        raise ProbeError(f"{call} raises {type(error).__name__}: {error}", where=where) from error
    by_name: dict[str, Metric] = {}
    for metric in declared:
        if not isinstance(metric, Metric):
            raise ProbeError(f"{call} holds {metric!r}, which is no Metric", where=where)
        if metric.name in by_name:
            raise ProbeError(f"{call} holds two metrics called {metric.name!r}", where=where)
        by_name[metric.name] = metric
    return by_name


def check_settings(probe: Probe, settings: Any, task: Task) -> None:
    """Have the probe check what its settings name, before anything is loaded.

    Raises AuditError: the probe's own, or ProbeError where it cannot say.
    """
    try:
        probe.check(settings, task)
    except AuditError:
        raise
    except (Exception, SystemExit) as error:
        problem = f"check(settings, task) raises {type(error).__name__}: {error}"
        raise ProbeError(problem, where=f"probe {probe.name}") from error


def _own() -> list[Probe]:
    package = sibling("probes")
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__) if not module.name.startswith("_"))
    return [_checked(importlib.import_module(f"probes.{name}"), f"probes.{name}") for name in names]


def _entries() -> list[EntryPoint]:
    return sorted(entry_points(group=GROUP), key=lambda entry: entry.name)


def _of_entry(entry: EntryPoint) -> Probe:
    where = f"entry point {entry.name}"
    try:
        loaded = entry.load()
    except (Exception, SystemExit) as error:
        raise ProbeError(f"does not import: {type(error).__name__}: {error}", where=where) from error
    return _checked(loaded, where) if isinstance(loaded, ModuleType) else _contract(loaded, where)


def _module_of(path: Path) -> ModuleType:
    hint = "--probe takes a probe's name or a .py file"
    content = read_file(path, ProbeError, missing="no such probe file", hint=hint)
    key = hashlib.sha256(os.fsencode(path.resolve()) + content).hexdigest()[:16]
    name = f"auditor_probe_{path.stem}_{key}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ProbeError("not a Python file", where=str(path), hint=hint)
    module = importlib.util.module_from_spec(spec)
    # Type hints of a probe's settings are resolved through sys.modules.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise ProbeError(f"does not import: {type(error).__name__}: {error}", where=str(path)) from error
    return module


def _checked(module: ModuleType, where: str) -> Probe:
    if not hasattr(module, "PROBE"):
        raise ProbeError("defines no PROBE", where=where, hint="end the file with PROBE = YourProbe()")
    return _contract(module.PROBE, where)


CONTRACT = tuple(name for name in vars(Probe) if not name.startswith("_"))
"""What a probe has; ``ProbeDefaults`` gives most of it."""


def _contract(probe: object, where: str) -> Probe:
    if isinstance(probe, type):
        hint = f"end the file with PROBE = {probe.__name__}()"
        raise ProbeError(f"PROBE is the class {probe.__name__}, not an instance", where=where, hint=hint)
    if not isinstance(probe, Probe):
        lacking = [name for name in CONTRACT if not hasattr(probe, name)]
        derive = any(hasattr(ProbeDefaults, name) for name in lacking)
        hint = "derive its class from auditor.types.ProbeDefaults" if derive else "see auditor.types.Probe"
        raise ProbeError(f"PROBE lacks {', '.join(lacking)}", where=where, hint=hint)
    if probe.limitation is None and probe.role != "quality":
        raise ProbeError("limitation is None", where=where, hint=f"one of {', '.join(limitations.IDS)}")
    if probe.limitation is not None and probe.limitation not in limitations.IDS:
        hint = near_match(probe.limitation, limitations.IDS) or f"one of {', '.join(limitations.IDS)}"
        raise ProbeError(f"unknown limitation {probe.limitation!r}", where=where, hint=hint)
    if probe.role is not None and probe.role not in ROLES:
        raise ProbeError(f"unknown role {probe.role!r}", where=where, hint=near_or_known(str(probe.role), ROLES))
    if probe.scope not in get_args(Scope):
        hint = near_or_known(str(probe.scope), get_args(Scope))
        raise ProbeError(f"unknown scope {probe.scope!r}", where=where, hint=hint)
    for need in sorted(probe.needs):
        if need not in NEEDS and not need.startswith("package:"):
            hint = 'write scope = "candidate"' if need == CANDIDATE else near_or_known(need, NEEDS)
            raise ProbeError(f"unknown need {need!r}", where=where, hint=hint)
    return probe


def split_selection(words: Sequence[str]) -> tuple[tuple[str, ...], tuple[Path, ...]]:
    """``--probe`` arguments → names of probes, and probe files."""
    files = tuple(Path(word) for word in words if word.endswith(".py") or "/" in word or "\\" in word)
    names = tuple(word for word in words if Path(word) not in files)
    return names, files


def selected(probes: Sequence[Probe], names: Sequence[str], files: Iterable[Path] = ()) -> frozenset[str]:
    """The probes asked for; all of them when none is named.

    Names are checked, and the probes of the files belong to them. Raises UsageError.
    """
    check_known(names, [probe.name for probe in probes], "--probe {name}.py")
    of_files = (_checked(_module_of(path), str(path)).name for path in files)
    return frozenset((*names, *of_files) if names else (probe.name for probe in probes))


def left_out(
    probes: Sequence[Probe],
    names: Sequence[str],
    files: Iterable[Path] = (),
    *,
    skip: Sequence[str] = (),
    fast: bool = False,
) -> dict[str, str]:
    """Map each probe that is left out to the reason, of LEFT_OUT.

    ``names`` and ``files``: as for ``selected``. ``skip``: names to leave out. ``fast``: leave out what retrains.
    Raises UsageError for an unknown name, and for a probe that is both named and left out.
    """
    chosen = selected(probes, names, files)
    check_known(skip, [probe.name for probe in probes], "--probe {name}.py --skip {name}")
    reasons: dict[str, str] = {}
    for probe in probes:
        if probe.name not in chosen:
            reasons[probe.name] = NOT_SELECTED
        elif probe.name in skip:
            reasons[probe.name] = SKIPPED
        elif fast and probe.retrains:
            reasons[probe.name] = NO_RETRAINING
    for name in names:
        if name in reasons:
            raise UsageError(f"{name} is asked for by --probe and {reasons[name]}", hint="drop one of the two")
    return reasons


def check_known(names: Iterable[str], known: Sequence[str], own: str) -> None:
    """Raise UsageError for an unknown probe.

    ``own``: how a user's own one is named.
    """
    for name in names:
        if name not in known:
            of_file = f"; a probe of your own is named by its file: {own.format(name=name)}"
            hint = near_match(name, known) or near_or_known(name, known) + of_file
            raise UsageError(f"no probe is called {name!r}", hint=hint)


def missing_packages(probe: Probe) -> dict[str, str]:
    """Packages that the probe needs and this installation lacks → why.

    The reason names the command that installs it. Nothing is imported.
    """
    names = sorted(need.removeprefix("package:") for need in probe.needs if need.startswith("package:"))
    return {name: reason for name in names if (reason := packages.lacking(name)) is not None}


def settings_of(settings: object) -> dict[str, Any]:
    """A probe's settings by name; empty where they are no dataclass instance."""
    return asdict(settings) if is_dataclass(settings) and not isinstance(settings, type) else {}


def description(probe: Probe) -> str:
    """The probe's docstring: its description in the report."""
    return inspect.getdoc(type(probe)) or ""

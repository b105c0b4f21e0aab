"""The checkpoints that an audited one continues, with their test rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from auditor import config as configs
from auditor import data
from auditor.config import Config
from auditor.errors import AuditError, ConfigError
from auditor.evaluation import audit_data, checkpoints
from auditor.evaluation.sampling import shuffled
from auditor.models import checkpoint, in_memory
from auditor.models.options import LoadOptions
from auditor.storage.files import relative
from auditor.training import chain
from auditor.training import record as records
from auditor.types import EarlierPeriod, Encoded, Example, Model, Response, Task

Unseen: TypeAlias = Callable[[Sequence[Example]], Sequence[Example]]
"""Leaves out the rows that training has."""
NEW = "new"
"""What slices call the rows of the audit itself; no earlier period has this name."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """Finds the checkpoints that one model continues."""

    task: Task
    config: Config
    settings: Mapping[str, Any]
    """Of each probe: at most one names an earlier checkpoint, or its rows."""
    options: LoadOptions
    root: Path
    """Folder that paths in reasons are relative to."""
    unseen: Unseen

    def of(self, folder: in_memory.Source, record: records.TrainingRecord | None) -> tuple[EarlierPeriod, ...]:
        """Return the periods of a model, the oldest first.

        Raises AuditError for what the settings name and cannot be read.
        """
        named = [configs.earlier(settings) for settings in self.settings.values()]
        before = next((path for path, _ in named if path is not None), None)
        old = next((path for _, path in named if path is not None), None)
        if before is not None:
            known = chain.parent(self.config.resolve(Path(before)), self.task.name).periods
        else:
            known = chain.periods(folder, record) if isinstance(folder, Path) else ()
        if old is not None and not known:
            problem = "names the rows of an earlier checkpoint, and none is known"
            raise ConfigError(f"old = {old!r} {problem}", where="[probes]", hint="name the checkpoint: before = …")
        periods = [self._period(period) for period in known]
        if old is not None:
            # What is given replaces what the training recorded, also where that cannot be read any more.
            periods[-1] = replace(self._loaded(known[-1]), name=Path(old).stem, rows=self._given(old, record))
        return tuple(_distinct(periods, self.config.seed))

    def _given(self, old: str, record: records.TrainingRecord | None) -> Sequence[Example]:
        """Read the rows that a setting names, as the audit's own."""
        path = self.config.resolve(Path(old))
        configs.check_files([path])
        columns = audit_data.columns(self.config, record)
        called = f"{path.stem} (old)"
        return self.unseen(data.load_all({called: path}, tasks={called: self.task}, columns=columns)[called].examples)

    def _period(self, period: chain.Period) -> EarlierPeriod:
        """Return a period with its rows, or with why there are none."""
        loaded = self._loaded(period)
        if loaded.problem is not None:
            return loaded
        file = period.file("test")
        if file is None or not file.is_file():
            what = "has no test rows" if file is None else f"was tested on {file.name}, which is not there"
            hint = '(name a file in the settings: old = "old-test.csv")'
            return replace(loaded, problem=f"the checkpoint {self._place(period)} {what} {hint}", absent=True)
        try:
            return replace(loaded, rows=self.unseen(period.rows("test", self.task)))
        except AuditError as error:
            return replace(loaded, problem=error.message)

    def _loaded(self, period: chain.Period) -> EarlierPeriod:
        """Return a period without rows, whose checkpoint is checked."""
        file, path = period.file("test"), period.path
        name = path.resolve().name if file is None else file.stem
        made = EarlierPeriod(name, (), lambda: self._model(period))
        if not (path / "config.json").is_file():
            problem = f"the checkpoint {self._place(period)}, which training continued from, is not there"
            return replace(made, problem=problem, absent=True)
        try:
            labels = checkpoint.describe(path, self.options.head, task=self.task.name).labels
        except AuditError as error:
            return replace(made, problem=f"the checkpoint {self._place(period)} cannot be read: {error.message}")
        if labels != self.task.labels[: len(labels)]:
            return replace(made, problem=f"the checkpoint {self._place(period)} has other labels")
        if checkpoint.fingerprint(path) != period.entry["fingerprint"]:
            return replace(made, problem=f"the checkpoint {self._place(period)} has changed since training continued")
        return made

    def _model(self, period: chain.Period) -> Model:
        options, head = self.options, self.options.head
        described = checkpoint.describe(period.path, head, task=self.task.name)
        model = checkpoints.load(described, records.read(period.path), options, name=period.path.resolve().name)
        missing = len(self.task.labels) - len(model.labels)
        return FewerLabels(model, missing, self.task.labels) if missing else model

    def _place(self, period: chain.Period) -> str:
        return relative(period.path, self.root)


def _distinct(periods: Sequence[EarlierPeriod], seed: int) -> Sequence[EarlierPeriod]:
    """Give each period its own name, and its rows one order."""
    times = Counter(period.name for period in periods)
    return [
        replace(
            period,
            name=f"{period.name} ({number})" if times[period.name] > 1 or period.name == NEW else period.name,
            rows=shuffled(period.rows, seed, f"earlier {number}"),
        )
        for number, period in enumerate(periods, 1)
    ]


class FewerLabels:
    """A model that gives the labels it does not know probability 0."""

    def __init__(self, model: Model, missing: int, labels: tuple[str, ...]) -> None:
        self._model, self._missing = model, missing
        self.labels = labels
        # Answers are kept by fingerprint, and these are longer than the checkpoint's own.
        self.fingerprint = f"{model.fingerprint}+{missing}" if model.fingerprint else ""

    def __getattr__(self, name: str) -> Any:
        """Everything else is the model's."""
        return getattr(self._model, name)

    def run(self, batch: Sequence[Encoded]) -> list[Response]:
        """Answer a batch over all labels."""
        return [self._over_all(answer) for answer in self._model.run(batch)]

    def _over_all(self, answer: Response) -> Response:
        """Return an answer with a probability of zero for each missing label."""
        if answer and not isinstance(answer[0], tuple):
            return (*answer, *[0.0] * self._missing)
        return tuple((*word, *[0.0] * self._missing) for word in answer)

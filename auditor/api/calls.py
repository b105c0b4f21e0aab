"""``auditor.audit``, ``auditor.train`` and ``auditor.load``."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditor import audit_run, results
from auditor import config as configs
from auditor.api import arguments
from auditor.api.arguments import Model, Place, Rows, Splits
from auditor.api.outcome import Results, files_of
from auditor.audit_run import Audited, Listener, Request
from auditor.errors import UsageError
from auditor.evaluation.build_plan import Options
from auditor.models import in_memory
from auditor.progress import Lines, Quiet
from auditor.results import verification
from auditor.types import HOME

if TYPE_CHECKING:
    from auditor.training.job import Finished


class _Heard(Listener):
    """Keeps notes and warnings, and prints nothing but progress, where that is wanted."""

    def __init__(self, *, progress: bool) -> None:
        super().__init__(Lines() if progress else Quiet())
        self.notes: list[str] = []

    def note(self, line: str) -> None:
        self.notes.append(line)

    def warn(self, line: str) -> None:
        self.notes.append(line)


def audit(
    model: Model,
    data: Rows | Splits | None = None,
    *,
    train: Rows | None = None,
    validation: Rows | None = None,
    domains: Mapping[str, Rows] | None = None,
    task: str | None = None,
    probes: Place | Sequence[Place] | None = None,
    settings: Mapping[str, Mapping[str, object]] | None = None,
    policy: Place | None = None,
    config: Place | None = None,
    out: Place | None = None,
    base: Place | None = None,
    labels: Mapping[Any, str] | None = None,
    columns: Mapping[str, str] | None = None,
    favourable_label: str | None = None,
    candidate: str | None = None,
    seed: int | None = None,
    budget: int | None = None,
    device: str | None = None,
    until_decided: bool = False,
    fresh: bool = False,
    texts: bool = True,
    allow_pickle: bool = False,
    trust_remote_code: bool = False,
    progress: bool = False,
) -> Results:
    """Audit a model: measure its limitations and judge them by a policy, as ``audit run`` does.

    Rows in memory are read, checked and refused as those of files; rows are counted from 1 (``data: row 17``). A model in
    memory stays where it is and as it is: it is asked in evaluation mode, and an attack's success is checked with the
    same model.

    Args:
        model: A checkpoint folder, or a folder of several; ``(model, tokenizer)`` of transformers; a transformers
            pipeline for text-classification or token-classification.
        data: Labelled rows to audit on: a path (CSV, TSV, JSONL, Parquet, CoNLL), a pandas DataFrame, a
            ``datasets.Dataset``, a list of dicts; or a ``datasets.DatasetDict``, whose splits test, train and validation
            are the three sets. None: what ``config`` or the checkpoint's ``training.json`` names.
        train: Training rows: leakage, majority baseline, learning curve.
        validation: Validation rows; rows to audit on that occur among them are left out.
        domains: Name → rows of other domains.
        task: ``text-classification`` or ``ner``; None: the config's, else by the model's architecture.
        probes: Names of probes to measure alone, and probe files to add; None: every probe.
        settings: Probe → its settings, as ``[probes.<name>]`` of ``audit.toml``.
        policy: The ``policy.toml`` to judge by; None: the config's, else the shipped one.
        config: An ``audit.toml``; arguments win over it. None: none is read, also where one is in the current folder.
        out: A results folder to write; None: nothing is left on disk, and ``Results.save`` writes one.
        base: The folder of the model that this one was fine-tuned from, for probes that train.
        labels: Label in the data → the model's label.
        columns: ``text``, ``label`` and ``group`` → column; None: by their usual names.
        favourable_label: The label that groups should get equally often.
        candidate: The checkpoint whose verdicts count, in a folder of several; the name of a model in memory.
        seed: None: the config's, else 0.
        budget: Use at most so many examples per data set and probe.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``; None: the config's, else auto.
        until_decided: Measure what required rules read, on no more examples than their verdicts need.
        fresh: Ask and train again what an earlier audit has kept.
        texts: Whether results and page keep texts of the data.
        allow_pickle: Load ``pytorch_model.bin``: it can run any code.
        trust_remote_code: Run code that comes with the checkpoint.
        progress: Print progress on standard error; otherwise nothing is printed.

    Returns:
        The results: decision, records, tables, page.

    Raises:
        AuditError: What cannot be audited, in one line: DataError for rows, ModelError for a model, ConfigError for a
            setting, PolicyError for a policy, ResultsError for ``out``, UsageError for arguments that do not fit.

    Example:
        >>> import auditor
        >>> results = auditor.audit("ckpt/", "test.csv", train="train.csv", probes=["quality", "noise"])  # doctest: +SKIP
        >>> results.decision.word, results.decision.exit_code  # doctest: +SKIP
        ('hold', 1)
        >>> results.frame()[["probe", "metric", "slice", "value", "low", "high"]]  # doctest: +SKIP
        >>> results.save("audit")  # doctest: +SKIP
    """
    audited = in_memory.source(model, candidate)
    changes = {
        "seed": seed,
        "task": task,
        "favourable_label": favourable_label,
        "data": arguments.data_table(labels, columns),
        "audit": {"budget": budget},
        "probes": settings,
    }
    checked = audit_run.of_task(arguments.configured(config, changes, "auditor.audit"), audited)
    sets = arguments.sets(data, train, validation, domains)
    options = Options(
        model=audited,
        data=sets.pop(HOME, None),
        train=sets.pop("train", None),
        validation=sets.pop("validation", None),
        domains=sets,
        base=None if base is None else Path(base),
        candidate=candidate if isinstance(audited, Path) else audited.name,
        device=device or checked.audit.device,
        fresh=fresh,
        allow_pickle=allow_pickle,
        trust_remote_code=trust_remote_code,
    )
    heard = _Heard(progress=progress)
    with _folder(out) as (folder, root), in_memory.as_it_was(audited):
        request = Request(
            checked,
            options,
            folder,
            None if config is None else Path(config),
            probes=arguments.words(probes, "probes"),
            policy=None if policy is None else Path(policy),
            until_decided=until_decided,
            texts=texts,
            root=root,
        )
        return _results(audit_run.audit(request, heard), heard, request)


@contextlib.contextmanager
def _folder(out: Place | None) -> Iterator[tuple[Path, Path | None]]:
    """Where the results are written, and where their paths start from: a temporary folder is gone afterwards."""
    if out is not None:
        if not str(out):
            raise UsageError("the path is empty", where="out")
        yield Path(out), None
        return
    with tempfile.TemporaryDirectory(prefix="auditor-") as folder:
        yield Path(folder) / "audit", Path.cwd()


def _results(audited: Audited, heard: _Heard, request: Request) -> Results:
    return Results(
        audited.decision,
        audited.records,
        tuple(heard.notes),
        audited.content,
        request.start,
        files_of(audited.out),
    )


def load(folder: Place, *, policy: Place | None = None) -> Results:
    """Read a results folder, verified as ``audit report`` does: values and decision have to follow from its rows.

    Args:
        folder: What ``audit run``, or ``Results.save``, wrote.
        policy: A ``policy.toml`` to judge by; None: that of the audit.

    Returns:
        The results; their notes are those of the models and the reading of labels.

    Raises:
        ResultsError: It is no results folder, or was changed since it was written.
        PolicyError: The policy is broken, or names what no probe measures.

    Example:
        >>> auditor.load("audit", policy="strict.toml").decision.headline  # doctest: +SKIP
        'Hold: 2 slices outside the limits.'
    """
    place = Path(folder)
    audited = verification.load(place, None if policy is None else Path(policy))
    content = audited.results
    notes = [f"{model['name']}: {note}" for model in content["models"] for note in model.get("notes", ())]
    readings = {rows["name"]: (rows.get("reading") or {}).get("note") for rows in content["data"]}
    notes += [f"{name}: {note}" for name, note in readings.items() if note]
    where = results.folder_of(place)
    return Results(audited.decision, audited.records, tuple(notes), content, where.resolve().parent, files_of(where))


def train(
    base: Place | None = None,
    data: Rows | Splits | None = None,
    *,
    validation: Rows | None = None,
    task: str | None = None,
    recipes: str | Sequence[str] | None = None,
    settings: Mapping[str, object] | None = None,
    config: Place | None = None,
    out: Place | None = None,
    labels: Mapping[Any, str] | None = None,
    columns: Mapping[str, str] | None = None,
    seed: int | None = None,
    seeds: int | None = None,
    device: str | None = None,
    fresh: bool = False,
    progress: bool = False,
) -> tuple[Finished, ...]:
    """Fine-tune a model, once for each recipe, as ``audit train`` does.

    Checkpoints that are there already, from the same inputs, are kept, and an interrupted training goes on where it was.

    Args:
        base: The folder of the pretrained model; None: the config's.
        data: Rows to train on, as ``audit`` takes them; or a ``datasets.DatasetDict``, whose splits train, validation and
            test are the three sets. None: the config's.
        validation: Rows that choose the best epoch.
        task: ``text-classification`` or ``ner``; None: the config's, else text-classification.
        recipes: Names of recipes; None: the config's, else ``standard``.
        settings: Further keys of ``[training]``: ``{"epochs": 3, "learning_rate": 2e-5}``.
        config: An ``audit.toml``; arguments win over it.
        out: Folder for the checkpoints; None: the config's, else ``ckpt``.
        labels: Label in the data → label of the new head.
        columns: ``text``, ``label`` and ``group`` → column; None: by their usual names.
        seed: None: the config's, else 0.
        seeds: Train with so many seeds, from the seed on.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.
        fresh: Train again what is finished or was interrupted.
        progress: Print progress on standard error; otherwise nothing is printed.

    Returns:
        The checkpoints: each with its ``folder``, its ``record`` (with a ``warning`` where it learned nothing) and its
        ``cost``.

    Raises:
        AuditError: What cannot be trained, in one line.

    Example:
        >>> standard, fgm = auditor.train("base-model/", frame, recipes=["standard", "fgm"])  # doctest: +SKIP
        >>> auditor.audit(fgm.folder, "test.csv")  # doctest: +SKIP
    """
    from auditor.training import job

    rows = arguments.training_sets(data, validation)
    asked = {
        **(settings or {}),
        "base": None if base is None else str(Path(base).absolute()),
        "recipes": None if recipes is None else list(arguments.words(recipes, "recipes")),
        "seeds": seeds,
    }
    changes = {"seed": seed, "task": task, "data": arguments.data_table(labels, columns), "training": asked}
    checked = arguments.configured(config, changes, "auditor.train")
    place = None if out is None else Path(out)
    lines = Lines() if progress else Quiet()
    with configs.named(None if config is None else Path(config)), lines:
        return tuple(job.train(checked, out=place, device=device, progress=lines, fresh=fresh, rows=rows))

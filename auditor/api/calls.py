"""Functions ``auditor.audit`` and ``auditor.train``."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditor import audit_run
from auditor import config as configs
from auditor.api import arguments
from auditor.api.arguments import Model, Place, Rows, Splits
from auditor.api.outcome import Results, files_of
from auditor.audit_run import Audited, Listener, Request
from auditor.errors import UsageError
from auditor.evaluation.build_plan import Options
from auditor.models import in_memory
from auditor.progress import Lines, Quiet
from auditor.types import HOME

if TYPE_CHECKING:
    from auditor.training.job import Finished


class _NoteListener(Listener):
    """Listener that collects notes and warnings.

    It prints progress if ``progress`` is set, and nothing else.
    """

    def __init__(self, *, progress: bool) -> None:
        super().__init__(Lines() if progress else Quiet())
        self.notes: list[str] = []

    def note(self, line: str) -> None:
        """Keep a note."""
        self.notes.append(line)

    def warn(self, line: str) -> None:
        """Keep a warning among the notes."""
        self.notes.append(line)


def audit(
    model: Model,
    data: Rows | Splits | None = None,
    *,
    train: Rows | None = None,
    validation: Rows | None = None,
    domains: Mapping[str, Rows] | None = None,
    slices: Mapping[str, Rows] | None = None,
    cases: Place | None = None,
    out_of_scope: Place | Mapping[str, Place] | None = None,
    task: str | Mapping[str, object] | None = None,
    probes: Place | Sequence[Place] | None = None,
    settings: Mapping[str, Mapping[str, object]] | None = None,
    policy: Place | None = None,
    config: Place | None = None,
    out: Place | None = None,
    base: Place | None = None,
    labels: Mapping[Any, str] | None = None,
    columns: Mapping[str, str] | None = None,
    data_language: str | None = None,
    ignore_case: bool = False,
    favourable_label: str | None = None,
    candidate: str | None = None,
    seed: int | None = None,
    budget: int | None = None,
    device: str | None = None,
    fixed: bool = False,
    until_decided: bool = False,
    time_limit: str | None = None,
    skip: str | Sequence[str] | None = None,
    fast: bool = False,
    fresh: bool = False,
    texts: bool = True,
    allow_pickle: bool = False,
    trust_remote_code: bool = False,
    language: str = "en",
    progress: bool = False,
) -> Results:
    """Measure a model's limitations and judge them by a policy.

    Does what ``audit run`` does. Rows in memory pass the same checks as rows of files; errors count rows from 1
    (``data: row 17``). A model in memory stays on its device and is restored afterwards: it answers in evaluation mode,
    and the same model checks the success of attacks.

    Args:
        model: A checkpoint folder, or a folder of checkpoints; ``(model, tokenizer)`` of transformers; a transformers
            pipeline for text-classification or token-classification.
        data: Labelled rows to audit on: a path (CSV, TSV, JSONL, Parquet, CoNLL), a pandas DataFrame, a
            ``datasets.Dataset``, a list of dicts; or a ``datasets.DatasetDict``, whose splits test, train and
            validation are the three sets. None: what ``config`` or the checkpoint's ``training.json`` names.
        train: Training rows, for the leakage check, majority baseline and learning curve.
        validation: Validation rows; the audit leaves out rows that occur among them.
        domains: Name → rows of other domains.
        slices: Name → test rows of later times, in the order of time.
        cases: A file of ``audit export-cases``: each of its cases is asked again, and has to pass.
        out_of_scope: The label of rows that no label of the model is right for, or a file of such texts; of several
            kinds: kind → label or file. None: the config's, else the label that the checkpoint's training left out.
        task: ``text-classification``, ``ner``, ``sentence-pair``, a third party's, or a table of ``name`` and the
            task's settings, as ``[task]``; None: the config's, else that of the checkpoint's training or of its
            architecture.
        probes: Names of the only probes to measure, and probe files to add; None: every probe.
        settings: Probe → its settings, as ``[probes.<name>]`` of ``audit.toml``.
        policy: The ``policy.toml`` to judge by; None: the config's, else the shipped one.
        config: An ``audit.toml``; arguments override it. None: no file is read, not even one in the current folder.
        out: A results folder to write; None: nothing stays on disk (``Results.save`` can write it later).
        base: The folder of the model that this one was fine-tuned from, for probes that train.
        labels: Label in the data → the model's label.
        columns: ``text``, ``label`` and ``group`` → column; None: columns with their usual names.
        data_language: Language of the texts, as ISO 639-1 has it; None: the config's, else detected.
        ignore_case: Treat labels that differ only in case as one label.
        favourable_label: The label that groups should get equally often.
        candidate: The checkpoint to judge, in a folder of checkpoints; the name of a model in memory.
        seed: Random seed; None: the config's, else 0.
        budget: Maximum number of examples per data set and probe.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``; None: the config's, else auto.
        fixed: Draw no more rows than the probes' settings say, even if a required rule is undecided.
        until_decided: Measure only what required rules read, and stop once their verdicts are decided.
        time_limit: Draw no further rows for undecided rules after this long: ``90s``, ``10m`` or ``1h``; None: to the
            end of the data.
        skip: Names of probes to leave out, as ``--skip``; None: the config's.
        fast: Leave out every probe that retrains.
        fresh: Recompute answers and trainings that an earlier audit kept.
        texts: Whether results and page keep texts of the data.
        allow_pickle: Load ``pytorch_model.bin``, which can run arbitrary code.
        trust_remote_code: Run code that comes with the checkpoint.
        language: Language of the page and of what a notebook shows: ``en`` or ``zh``.
        progress: Print progress on standard error; otherwise nothing is printed.

    Returns:
        The results: decision, records, tables, page.

    Raises:
        AuditError: The audit is impossible; the message is one line. DataError for rows, ModelError for a model,
            ConfigError for a setting, PolicyError for a policy, ResultsError for ``out``, UsageError for arguments
            that do not fit together.

    Example:
        >>> import auditor
        >>> probes = ["quality", "noise"]
        >>> results = auditor.audit("ckpt/", "test.csv", train="train.csv", probes=probes)  # doctest: +SKIP
        >>> results.decision.word, results.decision.exit_code  # doctest: +SKIP
        ('hold', 1)
        >>> results.frame()[["probe", "metric", "slice", "value", "low", "high"]]  # doctest: +SKIP
        >>> results.save("audit")  # doctest: +SKIP
    """
    source, spoken = in_memory.source(model, candidate), arguments.language(language)
    chosen = arguments.words(probes, "probes")
    changes: dict[str, Any] = {"seed": seed, "task": task, "favourable_label": favourable_label, "probes": settings}
    changes["data"] = arguments.data_table(labels, columns, language=data_language, ignore_case=ignore_case)
    changes["audit"] = {
        **arguments.audit_table(budget, time_limit, fixed=fixed, until_decided=until_decided),
        **arguments.left_out(chosen, arguments.words(skip, "skip"), fast=fast),
    }
    merged = audit_run.of_task(arguments.configured(config, changes, "auditor.audit"), source)
    merged = arguments.with_further_rows(merged, cases, out_of_scope)
    sets = arguments.sets(data, train, validation)
    options = Options(
        model=source,
        data=sets.get(HOME),
        train=sets.get("train"),
        validation=sets.get("validation"),
        domains=arguments.named_sets(domains, "domains"),
        slices=arguments.named_sets(slices, "slices"),
        base=None if base is None else Path(base),
        candidate=candidate if isinstance(source, Path) else source.name,
        device=device or merged.audit.device,
        fresh=fresh,
        allow_pickle=allow_pickle,
        trust_remote_code=trust_remote_code,
    )
    listener = _NoteListener(progress=progress)
    with _folder(out) as (folder, root), in_memory.as_it_was(source):
        request = Request(
            merged,
            options,
            folder,
            None if config is None else Path(config),
            probes=chosen,
            policy=None if policy is None else Path(policy),
            texts=texts,
            root=root,
            language=spoken,
        )
        return _results(audit_run.audit(request, listener), listener, request)


@contextlib.contextmanager
def _folder(out: Place | None) -> Iterator[tuple[Path, Path | None]]:
    """Yield the results folder and the root of the paths in it.

    Without ``out`` the folder is temporary and is deleted afterwards; its root is the current folder.
    """
    if out is not None:
        if not str(out):
            raise UsageError("the path is empty", where="out")
        yield Path(out), None
        return
    with tempfile.TemporaryDirectory(prefix="auditor-") as folder:
        yield Path(folder) / "audit", Path.cwd()


def _results(audited: Audited, listener: _NoteListener, request: Request) -> Results:
    return Results(
        audited.decision,
        audited.records,
        tuple(listener.notes),
        audited.content,
        request.start,
        files_of(audited.out),
        request.language,
    )


def train(
    base: Place | None = None,
    data: Rows | Splits | None = None,
    *,
    validation: Rows | None = None,
    task: str | Mapping[str, object] | None = None,
    recipes: str | Sequence[str] | None = None,
    settings: Mapping[str, object] | None = None,
    config: Place | None = None,
    out: Place | None = None,
    labels: Mapping[Any, str] | None = None,
    columns: Mapping[str, str] | None = None,
    data_language: str | None = None,
    ignore_case: bool = False,
    out_of_scope: Place | Mapping[str, Place] | None = None,
    seed: int | None = None,
    seeds: int | None = None,
    device: str | None = None,
    fresh: bool = False,
    progress: bool = False,
) -> tuple[Finished, ...]:
    """Fine-tune a model, once for each recipe, as ``audit train`` does.

    Existing checkpoints from the same inputs are kept, and an interrupted training resumes.

    Args:
        base: The folder of the pretrained model; None: the config's.
        data: Rows to train on, in any form that ``audit`` takes; or a ``datasets.DatasetDict``, whose splits train,
            validation and test are the three sets. None: the config's.
        validation: Rows that select the best epoch.
        task: As for ``audit``; None: the config's, else text-classification.
        recipes: Names of recipes; None: the config's, else ``standard``.
        settings: Further keys of ``[training]``: ``{"epochs": 3, "learning_rate": 2e-5}``.
        config: An ``audit.toml``; arguments override it.
        out: Folder for the checkpoints; None: the config's, else ``ckpt``.
        labels: Label in the data → label of the new head.
        columns: ``text``, ``label`` and ``group`` → column; None: columns with their usual names.
        data_language: Language of the texts, as ISO 639-1 has it; None: the config's, else detected.
        ignore_case: Treat labels that differ only in case as one label.
        out_of_scope: The label of rows to leave out; of several kinds: kind → label. None: the config's.
        seed: Random seed; None: the config's, else 0.
        seeds: Number of consecutive seeds to train with, starting at ``seed``; None: the config's, else 1.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.
        fresh: Retrain everything, including finished and interrupted trainings.
        progress: Print progress on standard error; otherwise nothing is printed.

    Returns:
        The checkpoints: each with its ``folder``, its ``record`` (with a ``warning`` if it learned nothing) and its
        ``cost``.

    Raises:
        AuditError: The training is impossible; the message is one line.

    Example:
        >>> standard, fgm = auditor.train("base-model/", frame, recipes=["standard", "fgm"])  # doctest: +SKIP
        >>> auditor.audit(fgm.folder, "test.csv")  # doctest: +SKIP
    """
    from auditor.training import job

    rows = arguments.training_sets(data, validation)
    training = {
        **(settings or {}),
        "base": None if base is None else str(Path(base).absolute()),
        "recipes": None if recipes is None else list(arguments.words(recipes, "recipes")),
        "seeds": seeds,
    }
    table = arguments.data_table(labels, columns, language=data_language, ignore_case=ignore_case)
    changes = {"seed": seed, "task": task, "data": table, "training": training}
    merged = arguments.configured(config, changes, "auditor.train")
    merged = arguments.with_further_rows(merged, None, out_of_scope)
    place = None if out is None else Path(out)
    lines = Lines() if progress else Quiet()
    with configs.named(None if config is None else Path(config)), lines:
        return tuple(job.train(merged, out=place, device=device, progress=lines, fresh=fresh, rows=rows))

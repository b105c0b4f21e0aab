"""What ``audit.toml`` may say: its tables, their keys, defaults and ranges."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from auditor import languages
from auditor.config.out_of_scope import Kinds
from auditor.config.several_columns import in_a_row
from auditor.errors import ConfigError, near_or_known

RESERVED = ("home", "test", "train", "validation")
"""Names that no domain and no slice may have."""

SEEDS = 2**32
"""Seeds lie below: numpy takes no larger ones."""
DEVICES = r"auto|cpu|mps|cuda(:\d+)?|cuda:\d+(,cuda:\d+)+"
"""A device, or several GPUs of one kind."""


def _not_blank(value: object) -> object:
    if value == "":
        raise ValueError("is empty; leave it out instead")
    return value


def _device(value: str) -> str:
    if not re.fullmatch(DEVICES, value):
        raise ValueError("should be auto, cpu, cuda, cuda:1, mps, or cuda:0,cuda:1 for several")
    return value


def seconds_of(limit: str) -> float:
    """Return the seconds of a limit such as ``90s``, ``10m`` or ``1h``.

    Raises ValueError for other words, and for none at all.
    """
    parts = re.fullmatch(r"(\d{1,9}(?:\.\d+)?)(s|m|h)", limit)
    seconds = float(parts[1]) * {"s": 1, "m": 60, "h": 3600}[parts[2]] if parts else 0.0
    if seconds <= 0.0:
        raise ValueError("should be a time such as 90s, 10m or 1h")
    return seconds


def _time(value: str) -> str:
    seconds_of(value)
    return value


def _each_once(values: tuple[Any, ...]) -> tuple[Any, ...]:
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"names {value!r} twice")
    return values


def _named(kind: str) -> AfterValidator:
    """Check the names of domains or of slices."""

    def checked(files: dict[str, Path]) -> dict[str, Path]:
        for name in files:
            if name in RESERVED or not name.strip():
                raise ValueError(f"{name!r} cannot be a {kind}'s name; taken: {', '.join(RESERVED)}")
        return files

    return AfterValidator(checked)


File = Annotated[Path, BeforeValidator(_not_blank)]
Word = Annotated[str, BeforeValidator(_not_blank)]
Rate = Annotated[float, Field(gt=0, lt=1)]
Device = Annotated[str, AfterValidator(_device)]
Time = Annotated[str, AfterValidator(_time)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class TaskSection(_Section):
    """``[task]``: the task's name, and settings of its own.

    ``task = "ner"`` is short for a name alone.
    """

    name: Word
    settings: dict[str, Any] = Field(default_factory=dict)
    """Every other key, which the task validates."""

    @model_validator(mode="before")
    @classmethod
    def _as_written(cls, value: object) -> object:
        """A name, or a table that holds one."""
        if isinstance(value, str):
            return {"name": value}
        if not isinstance(value, dict):
            raise ValueError("should be the name of a task, or a table that holds one")
        settings = {key: inner for key, inner in value.items() if key != "name"}
        return {"settings": settings, **({"name": value["name"]} if "name" in value else {})}

    @model_serializer
    def _written(self) -> str | dict[str, Any]:
        """The name alone where the task has no settings, as always before."""
        return {"name": self.name, **self.settings} if self.settings else self.name

    def over(self, base: TaskSection) -> TaskSection:
        """This section, with what another one sets of the same task."""
        if self.name != base.name:
            return self
        return self.model_copy(update={"settings": {**base.settings, **self.settings}})


class DataSection(_Section):
    """``[data]``: files, relative to the config's folder, and their columns."""

    train: File | None = None
    validation: File | None = None
    test: File | None = None
    domains: Annotated[dict[str, File], _named("domain")] = Field(default_factory=dict)
    """Name → file of other domains."""
    slices: Annotated[dict[str, File], _named("slice")] = Field(default_factory=dict)
    """Name → file of test rows of later times, in the order of time."""
    out_of_scope: Kinds = Field(default_factory=dict)
    """Kind → label of test rows that no label of the model is right for, or a file of such texts."""
    cases: File | None = None
    """Kept cases of an earlier audit (``audit export-cases``), to ask again."""
    text_column: Word | None = None
    columns: dict[str, Annotated[Word, BeforeValidator(in_a_row)]] = Field(default_factory=dict)
    """Text field of the task → column, or columns; for tasks with several."""
    label_column: Word | None = None
    group_column: Word | None = None
    labels: dict[str, Word] = Field(default_factory=dict)
    """Label in the data → the model's label; of words: type → type, or O for none, and number → tag."""
    labels_files: dict[str, File] = Field(default_factory=dict)
    """``train``, ``validation``, ``test``, a domain or a slice → file of labels, one a line, as its texts are."""
    language: Annotated[Word, AfterValidator(languages.checked)] | None = None
    """Language of the texts, as ISO 639-1 has it; None: detected from them."""
    ignore_case: bool = False
    """Whether labels that differ in case alone are one label."""
    header: bool | None = None
    """Whether the first row of CSV and TSV files names the columns; None: as in training, else yes."""
    repair: bool = False
    """Whether to repair tags that violate the scheme, in place of refusing them."""

    @field_validator("slices")
    @classmethod
    def _apart(cls, slices: dict[str, Path], known: ValidationInfo) -> dict[str, Path]:
        for name in slices:
            if name in known.data.get("domains", ()):
                raise ValueError(f"{name!r} is a domain's name too")
        return slices


class TrainingSection(_Section):
    """``[training]``: base, recipes and their settings."""

    base: File | None = None
    continue_from: File | None = None
    """Checkpoint that training continues from with its head, in place of ``base``."""
    out: File = Path("ckpt")
    recipes: Annotated[tuple[Word, ...], AfterValidator(_each_once)] = Field(default=("standard",), min_length=1)
    epochs: int = Field(default=2, ge=1)
    learning_rate: float = Field(default=5e-5, gt=0, lt=1)
    learning_rates: Annotated[tuple[Rate, ...], AfterValidator(_each_once)] = ()
    """One checkpoint for each, in place of ``learning_rate``."""
    seeds: int = Field(default=1, ge=1)
    """Number of checkpoints per recipe, with consecutive seeds from the config's own on."""
    batch_size: int = Field(default=32, ge=1)
    max_length: int = Field(default=256, ge=8)
    """Tokens."""
    warmup: float = Field(default=0.1, ge=0, lt=1)
    """Share of the steps."""
    weight_decay: float = Field(default=0.01, ge=0)
    optimizer: Literal["adamw", "sgd", "adafactor"] = "adamw"
    momentum: float = Field(default=0.9, ge=0, lt=1)
    """Of sgd."""
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    """Of the learning rate after the warm-up."""
    layer_decay: float = Field(default=1.0, gt=0, le=1)
    """Factor of the learning rate for each layer further down from the head."""
    dropout: float | None = Field(default=None, ge=0, lt=1)
    """Of the base's own dropouts; None: as the base has them."""
    clip_norm: float = Field(default=1.0, gt=0)
    accumulation: int = Field(default=1, ge=1)
    """Batches for each optimiser step."""
    patience: int | None = Field(default=None, ge=1)
    """Epochs without gain on the validation rows before training stops; None: never."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    max_rows: int | None = Field(default=None, ge=2)
    """Use at most this many training rows."""
    recipe: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Recipe → its settings, which the recipe validates."""


class AuditSection(_Section):
    """``[audit]``: where it runs and writes."""

    out: File = Path("audit")
    device: Device = "auto"
    backend: Literal["torch", "onnx"] = "torch"
    """What computes the audited checkpoints' answers; those of the two differ in their last bits."""
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    batch_tokens: int | None = Field(default=None, ge=512)
    """Padded tokens in one forward pass; None: 1,024 on a CPU, 16,384 elsewhere."""
    lockstep: int = Field(default=32, ge=1)
    """Attacks that run side by side, their questions in one batch: one attack's own do not fill any on a GPU, and on
    two cores DeepWordBug asks 12 to 25 % faster for it."""
    budget: int | None = Field(default=None, ge=1)
    """Use at most this many examples per data set and probe."""
    skip: Annotated[tuple[Word, ...], AfterValidator(_each_once)] = ()
    """Probes to leave out; a required rule of theirs leaves the audit undecided."""
    baseline_probes: Annotated[tuple[Word, ...], AfterValidator(_each_once)] | None = None
    """The only probes that models beside the candidate go through; None: all that compare models."""
    fast: bool = False
    """Whether to leave out every probe that retrains."""
    design: Literal["adaptive", "fixed", "until-decided"] = "adaptive"
    """How many examples are drawn: at first the probes' own numbers, then more where a required rule is undecided; the
    probes' numbers alone; or, of what required rules read, as few as their verdicts need."""
    time_limit: Time | None = None
    """Draw no further examples after this long: ``90s``, ``10m``, ``1h``. None: to the end of the file."""
    max_length: int | None = Field(default=None, ge=8)
    """Tokens; None: what the checkpoint was trained with."""
    waivers: File | None = None
    """File of rules that a release may break until a date; None: none."""


class CompareEntry(_Section):
    """``[[compare]]``: a hypothesis named before the audit runs.

    ``model`` is higher or lower than ``against``.
    """

    probe: Word
    metric: Word
    model: Word | None = None
    against: Word | None = None
    slice: dict[str, str] = Field(default_factory=dict)
    expect: Literal["higher", "lower"] | None = None


class Config(_Section):
    """Everything an audit can be told, by default as ``audit init``."""

    seed: int = Field(default=0, ge=0, lt=SEEDS)
    task: TaskSection = Field(default_factory=lambda: TaskSection(name="text-classification"))
    candidate: Word | None = None
    policy: File | None = None
    favourable_label: Word | None = None
    data: DataSection = Field(default_factory=DataSection)
    training: TrainingSection = Field(default_factory=TrainingSection)
    audit: AuditSection = Field(default_factory=AuditSection)
    probes: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Probe → its settings, which ``probe_settings`` validates."""
    compare: tuple[CompareEntry, ...] = ()
    _folder: Path = PrivateAttr(default=Path())

    def resolve(self, path: Path) -> Path:
        """A path of the config, seen from the config's own folder.

        Without a config: from the current one.
        """
        return self._folder / path


def columns(config: Config) -> dict[str, str]:
    """Text field, ``label`` and ``group`` → the column configured for it."""
    data = config.data
    named: dict[str, str] = dict(data.columns)
    for name, column in (("text", data.text_column), ("label", data.label_column), ("group", data.group_column)):
        if column is not None:
            named[name] = column
    return named


def favourable(config: Config, labels: Sequence[str]) -> str | None:
    """The label that a group would rather get, checked.

    Raises ConfigError for one that the model lacks.
    """
    wanted = config.favourable_label
    if wanted is not None and wanted not in labels:
        hint = near_or_known(wanted, labels)
        raise ConfigError(f"favourable_label = {wanted!r} is no label of the model", hint=hint)
    return wanted

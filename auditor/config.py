"""``audit.toml`` → one validated Config; an unknown key is an error that names the nearest known one."""

from __future__ import annotations

import dataclasses
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_type_hints

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    TypeAdapter,
    ValidationError,
)

from auditor.errors import AuditError, ConfigError, near_match

TEMPLATE = Path(__file__).with_name("config_template.toml").read_text(encoding="utf-8")
"""What ``audit init`` writes."""
RESERVED = ("home", "test", "train", "validation")
"""Names that no domain may have."""

SEEDS = 2**32
"""Seeds lie below: numpy takes no larger ones."""
Settings = TypeVar("Settings")


def _not_blank(value: object) -> object:
    if value == "":
        raise ValueError("is empty; leave the key out instead")
    return value


def _device(value: str) -> str:
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", value):
        raise ValueError("should be auto, cpu, cuda, cuda:1 or mps")
    return value


def _each_once(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"names {value!r} twice")
    return values


def _domain_names(domains: dict[str, Path]) -> dict[str, Path]:
    for name in domains:
        if name in RESERVED or not name.strip():
            raise ValueError(f"{name!r} cannot be a domain's name; taken: {', '.join(RESERVED)}")
    return domains


File = Annotated[Path, BeforeValidator(_not_blank)]
Word = Annotated[str, BeforeValidator(_not_blank)]
Device = Annotated[str, AfterValidator(_device)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class DataSection(_Section):
    """``[data]``: files, relative to the config's folder, and their columns."""

    train: File | None = None
    validation: File | None = None
    test: File | None = None
    domains: Annotated[dict[str, File], AfterValidator(_domain_names)] = Field(default_factory=dict)
    """Name → file of other domains."""
    text_column: Word | None = None
    columns: dict[str, Word] = Field(default_factory=dict)
    """Text field of the task → column, for tasks with several."""
    label_column: Word | None = None
    group_column: Word | None = None
    labels: dict[str, Word] = Field(default_factory=dict)
    """Label in the data → the model's label."""


class TrainingSection(_Section):
    """``[training]``: base, recipes and their settings."""

    base: File | None = None
    out: File = Path("ckpt")
    recipes: Annotated[tuple[Word, ...], AfterValidator(_each_once)] = Field(default=("standard",), min_length=1)
    epochs: int = Field(default=2, ge=1)
    learning_rate: float = Field(default=5e-5, gt=0, lt=1)
    batch_size: int = Field(default=32, ge=1)
    max_length: int = Field(default=256, ge=8)
    """Tokens."""
    warmup: float = Field(default=0.1, ge=0, lt=1)
    """Share of the steps."""
    weight_decay: float = Field(default=0.01, ge=0)
    clip_norm: float = Field(default=1.0, gt=0)
    accumulation: int = Field(default=1, ge=1)
    """Batches for each optimiser step."""
    patience: int | None = Field(default=None, ge=1)
    """Epochs without gain on the validation rows before training stops; None: never."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    max_rows: int | None = Field(default=None, ge=2)
    """At most so many training rows."""
    recipe: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Recipe → its settings, which the recipe validates."""


class AuditSection(_Section):
    """``[audit]``: where it runs and writes."""

    out: File = Path("audit")
    device: Device = "auto"
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    batch_tokens: int = Field(default=4096, ge=512)
    """Padded tokens in one forward pass."""
    budget: int | None = Field(default=None, ge=1)
    """At most so many examples of each set for each probe."""
    max_length: int | None = Field(default=None, ge=8)
    """Tokens; None: what the checkpoint was trained with."""


class CompareEntry(_Section):
    """``[[compare]]``: a hypothesis named before the audit runs: ``model`` is higher or lower than ``against``."""

    probe: Word
    metric: Word
    model: Word | None = None
    against: Word | None = None
    slice: dict[str, str] = Field(default_factory=dict)
    expect: Literal["higher", "lower"] | None = None


class Config(_Section):
    """Everything an audit can be told; the defaults are those of ``audit init``."""

    seed: int = Field(default=0, ge=0, lt=SEEDS)
    task: Word = "text-classification"
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
        """A path of the config, relative to the config's own folder (without a config: to the current one)."""
        return self._folder / path


def load(path: Path | None) -> Config:
    """Read and validate a config; None gives the defaults. Raises ConfigError: file, key, value, hint."""
    if path is None:
        return Config()
    where = str(path)
    try:
        document = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError("no such config file", where=where, hint="write one with: audit init") from None
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=where) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"byte at offset {error.start} is not UTF-8", where=where, hint="save it as UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"not valid TOML: {error}", where=where) from None
    try:
        config = Config.model_validate_json(_as_json(document, where))
    except ValidationError as error:
        raise _config_error(error, where) from None
    config._folder = path.parent
    return config


def columns(config: Config) -> dict[str, str]:
    """Text field, ``label`` and ``group`` → the column configured for it."""
    data = config.data
    found: dict[str, str] = dict(data.columns)
    for name, column in (("text", data.text_column), ("label", data.label_column), ("group", data.group_column)):
        if column is not None:
            found[name] = column
    return found


def data_files(config: Config) -> dict[str, Path]:
    """``test``, ``train``, ``validation`` and the domains' names → file, for those that are configured."""
    data = config.data
    files = {"test": data.test, "train": data.train, "validation": data.validation, **data.domains}
    return {name: config.resolve(path) for name, path in files.items() if path is not None}


def policy_file(config: Config) -> Path | None:
    """The policy that the config names, or None for the shipped one."""
    return None if config.policy is None else config.resolve(config.policy)


def out_folder(config: Config) -> Path:
    """Where the results go."""
    return config.resolve(config.audit.out)


def probe_settings(default: Settings, given: Mapping[str, object], where: str) -> Settings:
    """``default``, an instance of a frozen dataclass, with the given fields replaced, each validated by its type.

    For ``[probes.<name>]`` and ``[training.recipe.<name>]``; ``where`` names the table. Nothing is converted but lists
    to tuples, tables to nested dataclasses, whole numbers to floats and words to paths. Raises ConfigError: unknown key
    (with the nearest known one), wrong type, or what the dataclass's own ``__post_init__`` refuses.
    """
    settings: Any = default
    types = get_type_hints(type(settings), include_extras=True)
    known = [field.name for field in dataclasses.fields(settings) if field.init]
    values = {}
    for key, value in given.items():
        if key not in known:
            hint = near_match(key, known) or f"known: {', '.join(known) or 'none'}"
            raise ConfigError(f"unknown key {key!r}", where=where, hint=hint)
        before = getattr(settings, key)
        if dataclasses.is_dataclass(before) and isinstance(value, Mapping):
            values[key] = probe_settings(before, value, f"{where} {key}")
            continue
        try:
            values[key] = TypeAdapter(types[key]).validate_json(_as_json(value, where), strict=True)
        except ValidationError as error:
            raise _config_error(error, where, key) from None
    try:
        replaced: Settings = dataclasses.replace(settings, **values)
    except AuditError as error:
        raise ConfigError(error.message, where=where, hint=error.hint) from None
    except ValueError as error:
        raise ConfigError(str(error), where=where) from None
    return replaced


def _as_json(document: object, where: str) -> str:
    """TOML as JSON, whose strict validation still takes lists for tuples and words for paths."""
    try:
        return json.dumps(document, allow_nan=False)
    except ValueError:
        raise ConfigError("holds nan or inf", where=where, hint="every number has to be finite") from None
    except TypeError:
        raise ConfigError("holds a date or a time", where=where, hint="put it in quotes") from None


def _config_error(error: ValidationError, where: str, key: str | None = None) -> ConfigError:
    """The first validation error in one line."""
    first = error.errors(include_url=False)[0]
    hint: str | None = None
    path = (key, *first["loc"]) if key is not None else first["loc"]
    name = _key_path(path)
    if first["type"] == "extra_forbidden":
        known = _keys_of_table(path[:-1])
        hint = near_match(str(path[-1]), known) or f"known: {', '.join(known)}"
        return ConfigError(f"unknown key {name}", where=where, hint=hint)
    if first["type"] == "missing":
        return ConfigError(f"{name} is missing", where=where)
    if first["type"] == "literal_error":
        hint = near_match(str(first["input"]), re.findall(r"'([^']*)'", first["ctx"]["expected"]))
    message = _SHAPES.get(first["type"]) or first["msg"].removeprefix("Value error, ")
    message = re.sub(r"^(Input|Value|String|Tuple|List|Dictionary) (should)", r"\2", message)
    return ConfigError(f"{name} = {_short(first['input'])} {message}", where=where, hint=hint)


_SHAPES = {
    **dict.fromkeys(("model_type", "dict_type", "dataclass_type"), "should be a table"),
    **dict.fromkeys(("tuple_type", "list_type"), "should be a list"),
}


def _short(value: object) -> str:
    shown = json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= 60 else f"{shown[:60]}…"


def _key_path(path: tuple[int | str, ...]) -> str:
    """``[training] epochs``, ``[[compare]] 2 expect``: as the file writes tables."""
    if path[0] == "compare" and len(path) > 1:
        return " ".join(["[[compare]]", str(int(path[1]) + 1), *map(str, path[2:])])
    *tables, last = (str(part) for part in path)
    return f"[{'.'.join(tables)}] {last}" if tables else last


def _keys_of_table(path: tuple[int | str, ...]) -> list[str]:
    model: Any = Config
    for part in path:
        if isinstance(part, str):
            annotation = model.model_fields[part].annotation
            model = next((one for one in get_args(annotation) if isinstance(one, type)), annotation)
    return list(model.model_fields)

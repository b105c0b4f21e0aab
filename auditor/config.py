"""``audit.toml`` → one validated Config; an unknown key is an error that names the nearest known one."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, TypeAdapter, ValidationError

from auditor.errors import ConfigError, near_match

TEMPLATE = Path(__file__).with_name("config_template.toml").read_text(encoding="utf-8")
"""What ``audit init`` writes."""

Precision = Literal["fp32", "bf16", "fp16"]
T = TypeVar("T")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataSection(_Section):
    """``[data]``: files and their columns."""

    train: Path | None = None
    validation: Path | None = None
    test: Path | None = None
    domains: dict[str, Path] = Field(default_factory=dict)
    text_column: str | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    label_column: str | None = None
    group_column: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)


class TrainingSection(_Section):
    """``[training]``: base, recipes and their settings."""

    base: Path | None = None
    out: Path = Path("ckpt")
    recipes: tuple[str, ...] = Field(default=("standard",), min_length=1)
    epochs: int = Field(default=2, ge=1)
    learning_rate: float = Field(default=5e-5, gt=0, lt=1)
    batch_size: int = Field(default=32, ge=1)
    max_length: int = Field(default=256, ge=8)
    warmup: float = Field(default=0.1, ge=0, lt=1)
    weight_decay: float = Field(default=0.01, ge=0)
    clip_norm: float = Field(default=1.0, gt=0)
    accumulation: int = Field(default=1, ge=1)
    patience: int | None = Field(default=None, ge=1)
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    max_rows: int | None = Field(default=None, ge=2)
    recipe: dict[str, dict[str, Any]] = Field(default_factory=dict)


class AuditSection(_Section):
    """``[audit]``: where it runs and writes."""

    out: Path = Path("audit")
    device: str = "auto"
    precision: Precision = "fp32"
    batch_tokens: int = Field(default=4096, ge=512)
    budget: int | None = Field(default=None, ge=1)
    max_length: int | None = Field(default=None, ge=8)


class CompareEntry(_Section):
    """``[[compare]]``: a hypothesis named before the audit runs."""

    probe: str
    metric: str
    model: str | None = None
    against: str | None = None
    slice: dict[str, str] = Field(default_factory=dict)
    expect: Literal["higher", "lower"] | None = None


class Config(_Section):
    """Everything an audit can be told; the defaults are those of ``audit init``."""

    seed: int = Field(default=0, ge=0, lt=2**32)
    task: str = "text-classification"
    candidate: str | None = None
    policy: Path | None = None
    favourable_label: str | None = None
    data: DataSection = Field(default_factory=DataSection)
    training: TrainingSection = Field(default_factory=TrainingSection)
    audit: AuditSection = Field(default_factory=AuditSection)
    probes: dict[str, dict[str, Any]] = Field(default_factory=dict)
    compare: tuple[CompareEntry, ...] = ()
    _folder: Path = PrivateAttr(default=Path())

    def resolve(self, path: Path) -> Path:
        """A path of the config, relative to the config's own folder."""
        return self._folder / path


def load(path: Path | None) -> Config:
    """Read and validate a config; None gives the defaults. Raises ConfigError: file, key, value, hint."""
    if path is None:
        return Config()
    where = str(path)
    try:
        document = tomllib.loads(path.read_bytes().decode("utf-8"))
    except FileNotFoundError:
        raise ConfigError("no such config file", where=where, hint="write one with: audit init") from None
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=where) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"not valid TOML: {error}", where=where) from None
    try:
        config = Config.model_validate(document)
    except ValidationError as error:
        raise _config_error(error, Config, where) from None
    config._folder = path.parent
    return config


def columns(config: Config) -> dict[str, str]:
    """Text field, ``label`` and ``group`` → the column configured for it."""
    data = config.data
    found = dict(data.columns)
    for name, column in (("text", data.text_column), ("label", data.label_column), ("group", data.group_column)):
        if column is not None:
            found[name] = column
    return found


def data_files(config: Config) -> dict[str, Path]:
    """``test``, ``train``, ``validation`` and the domains' names → file, for those that are configured."""
    data = config.data
    files = {"test": data.test, "train": data.train, "validation": data.validation, **data.domains}
    for name in data.domains:
        if name in ("home", "test", "train", "validation"):
            raise ConfigError(f"{name!r} cannot be a domain's name", where="[data] domains", hint="it is taken")
    return {name: config.resolve(path) for name, path in files.items() if path is not None}


def policy_file(config: Config) -> Path | None:
    """The policy that the config names, or None for the shipped one."""
    return None if config.policy is None else config.resolve(config.policy)


def out_folder(config: Config) -> Path:
    """Where the results go."""
    return config.resolve(config.audit.out)


def probe_settings(default: T, given: Mapping[str, object], where: str) -> T:
    """``[probes.<name>]`` validated against the type of the probe's defaults, a frozen dataclass.

    Keys that are not given keep the default instance's values. Raises ConfigError.
    """
    from dataclasses import fields

    known = {one.name: getattr(default, one.name) for one in fields(default)}  # type: ignore[arg-type]
    for key in given:
        if key not in known:
            raise ConfigError(
                f"unknown key {key!r}", where=where, hint=near_match(key, known) or f"known: {', '.join(known)}"
            )
    try:
        return TypeAdapter(type(default)).validate_python({**known, **given})
    except ValidationError as error:
        raise _config_error(error, type(default), where) from None


def _config_error(error: ValidationError, model: type[Any], where: str) -> ConfigError:
    """The first validation error in one line."""
    first = error.errors()[0]
    path = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = _known_keys(model, first["loc"][:-1])
        hint = near_match(str(first["loc"][-1]), known) or (f"known: {', '.join(known)}" if known else None)
        return ConfigError(f"unknown key {path!r}", where=where, hint=hint)
    value = "" if first["type"] == "missing" else f" = {str(first['input'])[:60]!r}"
    return ConfigError(f"{path}{value}: {first['msg']}", where=where)


def _known_keys(model: type[Any], loc: tuple[int | str, ...]) -> list[str]:
    for part in loc:
        if isinstance(part, str):
            model = {"compare": CompareEntry}.get(part) or model.model_fields[part].annotation
    return list(model.model_fields)

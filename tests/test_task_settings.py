"""Settings of a task: those that a training records, with those of a config in their place."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from auditor import config as configs
from auditor import tasks
from auditor.evaluation import audit_data
from auditor.tasks import OneLabel


@dataclass(frozen=True)
class Limits:
    low: int = 1
    high: int = 9


@dataclass(frozen=True)
class Settings:
    strict: bool = False
    names: tuple[str, ...] = ("a",)
    weights: Mapping[str, float] = field(default_factory=lambda: {"a": 1.0})
    limits: Limits = Limits()


class Toy(OneLabel):
    """A task with a setting of every shape."""

    name = "toy"
    settings = Settings()


RECORDED = {"strict": True, "names": ["b", "c"], "weights": {"b": 0.5}, "limits": {"low": 3, "high": 5}}
OWN = {"strict": False, "names": ["d"], "weights": {"c": 0.25}, "limits": {"low": 4}}
MERGED = {**OWN, "limits": {"low": 4, "high": 5}}
"""Written out: of the settings within settings the key that the config leaves out stays, other tables are values."""


@pytest.fixture(autouse=True)
def _toy(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = {**tasks.kinds(), "toy": Toy}
    monkeypatch.setattr(tasks, "kinds", lambda: kinds)


def settings(own: Mapping[str, Any], recorded: Mapping[str, Any], name: str = "toy") -> Mapping[str, Any]:
    config = configs.of_document({"task": {"name": "toy", **own}}, "audit.toml")
    return audit_data.task_settings(config, SimpleNamespace(task={"name": name, **recorded}))


KEYS = [keys for n in range(len(OWN) + 1) for keys in itertools.combinations(OWN, n)]


@pytest.mark.parametrize("keys", KEYS, ids=lambda keys: "+".join(keys) or "none")
def test_a_key_of_the_config_replaces_its_own_setting_of_the_training_alone(keys: tuple[str, ...]) -> None:
    expected = {key: MERGED[key] if key in keys else RECORDED[key] for key in RECORDED}
    assert settings({key: OWN[key] for key in keys}, RECORDED) == expected
    made: Any = tasks.settings_of("toy", expected)
    assert made.limits == Limits(4 if "limits" in keys else 3, 5)


def test_every_shape_of_setting_stands_above() -> None:
    assert set(RECORDED) == set(OWN) == set(Settings.__dataclass_fields__)


def test_settings_of_another_task_or_of_no_training_do_not_count() -> None:
    assert settings({"strict": True}, {"names": ["b"]}, name="ner") == {"strict": True}
    config = configs.of_document({"task": {"name": "toy", "strict": True}}, "audit.toml")
    assert audit_data.task_settings(config, None) == {"strict": True}

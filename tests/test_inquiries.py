"""Which probe an inquiry is about, and with which settings: auditor's own first, never more than the user's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fakes import GOOD, plan_of, shipped

from auditor import metrics, tasks
from auditor.errors import ConfigError
from auditor.evaluation import estimating, inquiries, probe_run
from auditor.evaluation.needs import asked_of
from auditor.evaluation.plan import AuditedModel, Plan
from auditor.models.fake import keyword_model
from auditor.plugins import registry
from auditor.settings import CheckedSettings, Count, Share
from auditor.types import (
    ROLES,
    Audit,
    Case,
    Inquiry,
    Measurement,
    Metric,
    Planned,
    Probe,
    ProbeDefaults,
    Silent,
    Task,
)

PROBES = registry.discover()
QUALITY = Inquiry("quality", "accuracy", {"examples": 10})


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    examples: Count | None = None
    share: Share = 0.5
    picky: int = 0

    def __post_init__(self) -> None:
        CheckedSettings.__post_init__(self)
        if self.picky == 3:
            raise ValueError("picky may not be 3")


class Foreign(ProbeDefaults):
    """A third party's probe of clean quality."""

    limitation = "noise"
    role = "quality"
    settings = Settings()

    def __init__(self, name: str) -> None:
        self.name = name

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        return (metrics.task_metric(task),)

    def cases(self, audit: Audit) -> Iterator[Case]:
        for example in audit.examples("home", audit.settings.examples):
            yield Case(example, slice={})


class Broken(Foreign):
    """A third party's probe whose metrics no inquiry needs."""

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        raise KeyError(task.name)


def of_role(probe: Probe) -> Probe:
    """A third party's probe, early in every order, that offers all that auditor's own does."""
    other: Any = type("Early", (type(probe),), {"name": f"aaa_{probe.name}", "__doc__": type(probe).__doc__})()
    return other  # type: ignore[no-any-return]


def plan(*probes: Any, n: int = 40, **given: Any) -> Plan:
    return plan_of(keyword_model(GOOD), probes, n=n, **given)


@pytest.mark.parametrize("role", ROLES)
def test_auditors_own_probe_is_asked_before_a_third_partys(role: Any) -> None:
    own = [probe for probe in PROBES if probe.role == role]
    assert own
    for probe in own:
        task = plan().task
        if "labelled_spans" in probe.needs:
            task = tasks.create("ner", ("O", "B-PER", "I-PER"))
        if "text_pair" in probe.needs:
            task = tasks.create("sentence-pair", ("neutral", "entailment"))
        others = (of_role(probe), Broken("aaa_broken"), probe)
        inquiry = Inquiry(role, next(iter(registry.metrics_of(probe, task))))
        for order in (others, others[::-1]):
            assert asked_of(plan(*order, task=task), inquiry) is probe


def test_of_third_parties_the_first_by_name_is_asked() -> None:
    first, second = Foreign("a"), Foreign("b")
    for order in ((first, second), (second, first)):
        assert asked_of(plan(*order), QUALITY) is first


def test_auditors_quality_stands_first_in_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    class Entry:
        def __init__(self, probe: Foreign) -> None:
            self.name, self._probe = probe.name, probe

        def load(self) -> Foreign:
            return self._probe

    foreign = [Foreign("zzz"), Foreign("aaa_quality")]
    monkeypatch.setattr(registry, "entry_points", lambda **_: [Entry(probe) for probe in foreign])
    names = [probe.name for probe in registry.discover()]
    assert names[:3] == ["quality", "aaa_quality", "zzz"]
    assert names[3:] == sorted(names[3:])


@pytest.mark.parametrize(
    ("own", "asked", "expected"), [(None, 10, 10), (None, None, None), (5, 10, 5), (10, 5, 5), (5, None, None)]
)
def test_a_count_is_never_above_the_users_and_none_sets_no_limit(
    own: int | None, asked: int | None, expected: int | None
) -> None:
    foreign = Foreign("a")
    whole = plan(foreign, settings={"a": Settings(examples=own)})
    changed = inquiries.smaller(whole, whole.models[0], "a", {"examples": asked})
    assert changed.settings["a"] == Settings(examples=expected)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "out of range": ({"examples": 0}, "[probes.a]: examples = 0 must be at least 1"),
    "of another type": ({"examples": "all"}, '[probes.a]: examples = "all" should be a whole number'),
    "of another type, a share": ({"share": 2}, "[probes.a]: share = 2 must be above 0 and at most 1"),
    "by its own check": ({"picky": 3}, "[probes.a]: picky may not be 3"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_settings_that_the_probe_refuses_are_the_reason_in_words(name: str) -> None:
    settings, reason = REFUSED[name]
    whole = plan(Foreign("a"), settings={"a": Settings(picky=5)})
    inquiry = Inquiry("quality", "accuracy", settings)
    with pytest.raises(ConfigError) as refused:
        inquiries.smaller(whole, whole.models[0], "a", settings)
    assert refused.value.line == reason
    nested = probe_run._Nested(whole, Counter(), Silent())
    assert nested.findings(inquiry, keyword_model(GOOD)) == reason
    planned = Planned(3, models=2, inquiries=(inquiry, QUALITY))
    # The refused inquiry adds nothing; the next one adds 10 cases for each of the two models.
    counting = plan(CountingForeign("a"), settings=whole.settings)
    known = estimating._with_inquiries(counting, whole.models[0], planned)
    assert known.cases == 3 + 2 * 10


def test_a_probe_left_out_for_audited_baselines_still_answers_about_models_that_a_probe_trains() -> None:
    whole = plan_of(keyword_model(GOOD), shipped("quality"), n=8, baseline=frozenset())
    found = probe_run._Nested(whole, Counter(), Silent()).findings(QUALITY, keyword_model(GOOD, name="trained"))
    assert not isinstance(found, str), found
    assert found


class CountingForeign(Foreign):
    """It says how many cases it has."""

    def planned(self, audit: Audit) -> Planned:
        return Planned(len(audit.examples("home", audit.settings.examples)))


def test_settings_that_no_probe_has_are_the_reason_in_words() -> None:
    nested = probe_run._Nested(plan(Foreign("a")), Counter(), Silent())
    said = nested.findings(Inquiry("quality", "accuracy", {"severities": {}}), keyword_model(GOOD))
    assert said == "no probe of role quality publishes accuracy and takes the settings severities"


def test_a_third_partys_probe_changes_no_answer() -> None:
    (quality,) = shipped("quality")
    model = keyword_model(GOOD[:2], name="other")

    def accuracy(*probes: Any) -> Measurement:
        found = probe_run._Nested(plan(*probes, n=60), Counter(), Silent()).findings(QUALITY, model)
        assert not isinstance(found, str)
        return next(measurement for measurement in found if measurement.metric == "accuracy")

    alone = accuracy(quality)
    assert alone.n_clusters == 10
    assert accuracy(Foreign("aaa_quality"), Broken("aaa"), quality) == alone


def test_every_inquiry_with_a_third_partys_probe_of_every_role_is_about_a_shipped_one() -> None:
    asking = next(probe for probe in PROBES if probe.name == "training_strategy")
    from probes._recipe_measures import inquiries as asked_by
    from probes.training_strategy import smaller

    settings: Any = asking.settings
    early = [of_role(probe) for probe in PROBES if probe.role is not None]
    whole = plan_of(keyword_model(GOOD), (*early, *PROBES))
    asked = [asked_of(whole, inquiry) for inquiry in asked_by(whole.task, smaller(settings)).values()]
    assert asked
    assert all(probe is not None and registry.is_own(probe) for probe in asked)
    for inquiry, probe in zip(asked_by(whole.task, smaller(settings)).values(), asked, strict=True):
        assert probe is not None
        inquiries.smaller(whole, AuditedModel(keyword_model(GOOD)), probe.name, inquiry.settings)

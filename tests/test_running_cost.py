"""Time and memory of a model's answers: measured after the probes, kept apart from the results, shown on the page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fakes import GOOD, plan_of, reviews
from tiny import tiny_checkpoint

from auditor.cli.main import main
from auditor.engine import SQLiteCache
from auditor.errors import ModelError, NoAnswerError
from auditor.evaluation import running_cost
from auditor.models import devices
from auditor.models.fake import FakeModel, keyword_model
from auditor.models.replicas import Replicas
from auditor.results import timings
from auditor.types import Encoded, Response, RunningCost, Silent, Weighs
from reports import running_cost as shown


class Clocked(FakeModel):
    """Takes a number of milliseconds for each batch, and one more for each text of it."""

    now = 0.0
    asked = 0
    batch_ms: tuple[float, ...] = (10.0,)

    def run(self, batch: Sequence[Encoded]) -> list[Response]:
        self.now += (self.batch_ms[self.asked % len(self.batch_ms)] + len(batch)) / 1000
        self.asked += 1
        return super().run(batch)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Clocked:
    clocked = Clocked(lambda _: (0.2, 0.8))
    monkeypatch.setattr(running_cost, "time", SimpleNamespace(perf_counter=lambda: clocked.now))
    return clocked


def test_latency_and_rate_are_those_of_the_clock(model: Clocked) -> None:
    # The first call warms up; then 40 texts take 1 ms more than 0, 1, …, 39 ms each.
    model.batch_ms = (99.0, *(float(ms) for ms in range(40)), 10.0)
    cost = running_cost.measured(plan_of(model, (), n=40, batch_tokens=10**6), model)
    assert (cost.singles, cost.batched, cost.reason) == (40, 40, None)
    assert cost.latency_p50 == pytest.approx(0.0205)
    # 38 of 40 texts are 95 %: the 38th takes 37 + 1 ms.
    assert cost.latency_p95 == pytest.approx(0.038)
    assert cost.texts_per_second == pytest.approx(40 / 0.050)


def test_a_slow_model_is_asked_about_few_texts_and_has_no_95th_percentile(model: Clocked) -> None:
    model.batch_ms = (999.0,)
    cost = running_cost.measured(plan_of(model, (), n=40, batch_tokens=10**6), model)
    # 1 s each: one to warm up and two more, as the time is over after the third; two texts in one batch.
    assert (cost.singles, cost.latency_p95, cost.batched) == (2, None, 2)
    assert cost.latency_p50 == pytest.approx(1.0)
    assert cost.texts_per_second == pytest.approx(2 / 1.001, abs=1e-3)


class Failing(FakeModel):
    """Raises what it is given, for texts that hold a word, or for all."""

    error: Exception = NoAnswerError("is confused", where="model")
    word = ""

    def run(self, batch: Sequence[Encoded]) -> list[Response]:
        if any(self.word in str(encoded.payload) for encoded in batch):
            raise self.error
        return super().run(batch)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (NoAnswerError("is confused", where="model"), "the model answers none of the texts"),
        (ModelError("broke", where="model"), "model: broke"),
        (ZeroDivisionError("division by zero"), "division by zero"),
    ],
)
def test_a_model_that_fails_has_no_times_but_a_reason(error: Exception, reason: str) -> None:
    model = Failing(lambda _: (0.2, 0.8))
    model.error = error
    cost = running_cost.measured(plan_of(model, (), n=4), model)
    assert (cost.reason, cost.latency_p50, cost.texts_per_second) == (reason, None, None)
    assert cost.peak_bytes
    assert dict(shown.facts(cost))["latency, median"] == f"not measured: {reason}"


def test_a_text_on_which_the_model_fails_is_left_out() -> None:
    model = Failing(lambda _: (0.2, 0.8))
    model.word = reviews(30)[3].inputs["text"]
    cost = running_cost.measured(plan_of(model, (), n=30), model)
    assert cost.reason is None
    assert (cost.singles, cost.batched) == (29, 30)


def test_memory_is_that_of_the_process_on_a_cpu_and_of_the_fullest_device_on_cuda(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch

    held = [bytearray(2**20)]
    assert (devices.peak_bytes("cpu") or 0) > sum(map(len, held))
    assert devices.peak_bytes("mps") is None
    reset: list[int] = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", reset.append)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda index: 100 + index)
    devices.reset_peak("cuda")
    assert (reset, devices.peak_bytes("cuda")) == ([0, 1], 101)
    devices.reset_peak("cpu")
    assert reset == [0, 1]


def test_what_an_earlier_audit_measured_is_read_unless_fresh(tmp_path: Path) -> None:
    cache = SQLiteCache(tmp_path / "answers.sqlite", limit_bytes=10**9)
    model = keyword_model(GOOD)
    plan = plan_of(model, (), n=40, cache=cache)
    first = running_cost.of_models(plan, Silent())
    asked: list[int] = []
    original = type(model).run

    class Watched(type(model)):  # type: ignore[misc]
        def run(self, batch: Sequence[Encoded]) -> list[Response]:
            asked.append(len(batch))
            return original(self, batch)

    model.__class__ = Watched
    assert running_cost.of_models(plan, Silent()) == first
    assert asked == []
    running_cost.of_models(plan, Silent(), fresh=True)
    assert asked
    asked.clear()
    other = plan_of(model, (), n=39, cache=cache)
    running_cost.of_models(other, Silent())
    assert asked, "other rows take another time"
    cache.close()


COST = RunningCost(100, 0.01234, 0.5, 512, 312.4, 1_234_567_890, "process")


@pytest.mark.parametrize("cost", [COST, RunningCost(), RunningCost(reason="model: broke", peak_of="device")])
def test_a_cost_comes_back_from_its_file(cost: RunningCost, tmp_path: Path) -> None:
    timings.write(tmp_path, {"m: quality": 1.0}, {}, {"m": cost})
    (tmp_path / "results.json").write_text("{}", encoding="utf-8")
    assert timings.costs_of(tmp_path) == timings.costs_of(tmp_path / "results.json") == {"m": cost}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        "null",
        "{" * 100_000,
        '{"cost": 3}',
        '{"cost": {"m": []}}',
        '{"cost": {"m": {"latency_p50": NaN}}}',
        '{"cost": {"m": {"latency_p50": Infinity}}}',
        '{"cost": {"m": {"latency_p50": -1}}}',
        '{"cost": {"m": {"singles": 1.5}}}',
        '{"cost": {"m": {"peak_of": "moon"}}}',
        "\udcff",
    ],
)
def test_a_file_that_is_not_valid_counts_as_not_measured(content: str, tmp_path: Path) -> None:
    (tmp_path / "timings.json").write_text(content, encoding="utf-8", errors="surrogateescape")
    assert timings.costs_of(tmp_path) == {}
    assert timings.costs_of(tmp_path / "nowhere") == {}


def test_the_page_says_each_fact_or_that_it_is_not_measured() -> None:
    assert shown.facts(COST) == [
        ("latency, median", "12.3 ms (of 100 texts asked one at a time)"),
        ("latency, 95th percentile", "500 ms"),
        ("texts a second in batches", "312 (of 512 texts)"),
        ("peak memory", "1,235 MB of the whole audit's process"),
    ]
    assert {value for _, value in shown.facts(None)} == {"not measured"}
    few = dict(shown.facts(RunningCost(singles=1, latency_p50=2.0, batched=1, texts_per_second=0.5, peak_of="device")))
    assert few["latency, median"] == "2,000 ms (of 1 text asked one at a time)"
    assert few["latency, 95th percentile"] == "not measured: too few texts (of 1 text asked one at a time)"
    assert few["texts a second in batches"] == "0.50 (of 1 text)"
    assert shown.size({}) == [("parameters", "not known"), ("weights in memory", "not known")]
    assert shown.size({"parameters": 22_713_986, "weight_bytes": 90_855_944}) == [
        ("parameters", "22,713,986"),
        ("weights in memory", "91 MB"),
    ]


def test_a_run_measures_and_its_results_hold_the_size_alone(tmp_path: Path) -> None:
    from safetensors import safe_open

    tiny_checkpoint(tmp_path / "model")
    rows = [f'"{row.inputs["text"]}",{row.gold}' for row in reviews(24)]
    (tmp_path / "test.csv").write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    (tmp_path / "empty.toml").write_text("", encoding="utf-8")
    words = ["run", "--model", str(tmp_path / "model"), "--data", str(tmp_path / "test.csv"), "--probe", "quality"]
    words += ["--config", str(tmp_path / "empty.toml"), "--quiet", "--out", str(tmp_path / "out")]
    assert main(words) == 3
    (cost,) = timings.costs_of(tmp_path / "out").values()
    assert (cost.singles, cost.batched, cost.reason) == (24, 24, None)
    assert cost.latency_p50 is not None
    assert cost.latency_p95 is not None
    assert 0.0 < cost.latency_p50 <= cost.latency_p95
    assert cost.texts_per_second
    text = (tmp_path / "out" / "results.json").read_text(encoding="utf-8")
    assert "latency" not in text
    (facts,) = json.loads(text)["models"]
    with safe_open(tmp_path / "model" / "model.safetensors", "pt") as file:
        tensors = [file.get_tensor(name) for name in file.keys()]  # noqa: SIM118
    assert facts["parameters"] == sum(tensor.numel() for tensor in tensors)
    assert facts["weight_bytes"] == 4 * facts["parameters"]
    page = (tmp_path / "out" / "scorecard.html").read_text(encoding="utf-8")
    assert f"<dt>parameters</dt><dd>{facts['parameters']:,}</dd>" in page
    assert "(of 24 texts asked one at a time)" in page
    (tmp_path / "out" / "timings.json").unlink()
    assert main(["report", str(tmp_path / "out")]) == 0
    bare = (tmp_path / "out" / "scorecard.html").read_text(encoding="utf-8")
    assert "<dt>latency, median</dt><dd>not measured</dd>" in bare


def test_replicas_have_the_size_of_one_copy_and_fakes_have_none() -> None:
    model = keyword_model(GOOD)
    replicas: Any = Replicas([model, model])
    assert isinstance(replicas, Weighs)
    assert (replicas.parameters, replicas.weight_bytes) == (None, None)
    assert not isinstance(model, Weighs)

"""Grids of trainings: their names, what they took, the command that trains them."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from test_training_job import CONFIG, written

from auditor import config as configs
from auditor import tasks
from auditor.cli.main import main
from auditor.errors import ConfigError, ModelError
from auditor.training import cost, grid, loop, recipes, record
from auditor.training.recipes import NoSettings, Recipe
from auditor.training.settings import Settings
from auditor.types import Example, Silent

TASK = tasks.create("text-classification", ("no", "yes"))


def planned(tmp_path: Path, extra: str) -> list[tuple[str, int, float]]:
    config = written(tmp_path, CONFIG.replace("epochs = 1", f"epochs = 1\n{extra}"))
    return [(run.name, run.seed, run.settings.learning_rate) for run in grid.runs(config, TASK, Settings())]


def test_one_training_of_each_recipe_has_the_recipes_name(tmp_path: Path) -> None:
    assert planned(tmp_path, "") == [("standard", 5, 5e-5), ("fgm", 5, 5e-5)]


def test_seeds_and_rates_stand_in_the_name_and_seeds_are_whole_comparisons(tmp_path: Path) -> None:
    assert planned(tmp_path, "seeds = 2\nlearning_rates = [2e-5, 8e-5]") == [
        ("standard-lr2e-05-seed5", 5, 2e-5),
        ("standard-lr8e-05-seed5", 5, 8e-5),
        ("fgm-lr2e-05-seed5", 5, 2e-5),
        ("fgm-lr8e-05-seed5", 5, 8e-5),
        ("standard-lr2e-05-seed6", 6, 2e-5),
        ("standard-lr8e-05-seed6", 6, 8e-5),
        ("fgm-lr2e-05-seed6", 6, 2e-5),
        ("fgm-lr8e-05-seed6", 6, 8e-5),
    ]


def test_a_recipe_has_the_rate_of_its_own_table_then_the_sweeps_then_its_methods(tmp_path: Path) -> None:
    some = 'recipes = ["standard", "bitfit", "slow"]'
    own = '[training.recipe.slow]\nrecipe = "lora"\nlearning_rate = 3e-4'

    def rates(extra: str) -> list[tuple[str, float]]:
        text = CONFIG.replace('recipes = ["standard", "fgm"]', some).replace("epochs = 1", f"epochs = 1\n{extra}")
        config = written(tmp_path, f"{text}\n{own}\n")
        return [(run.name, run.settings.learning_rate) for run in grid.runs(config, TASK, Settings())]

    assert rates("") == [("standard", 5e-5), ("bitfit", 1e-3), ("slow", 3e-4)]
    swept = "learning_rates = [2e-5]"
    assert rates(swept) == [("standard-lr2e-05", 2e-5), ("bitfit-lr2e-05", 2e-5), ("slow", 3e-4)]


def test_seeds_beyond_the_last_are_refused(tmp_path: Path) -> None:
    config = written(
        tmp_path, CONFIG.replace("seed = 5", f"seed = {2**32 - 1}").replace("epochs = 1", "epochs = 1\nseeds = 2")
    )
    with pytest.raises(ConfigError, match="exceed the largest seed"):
        grid.runs(config, TASK, Settings())


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            "epochs = 1",
            "epochs = 1\nlearning_rates = [1.234567e-5, 1.234568e-5]",
            "[training]: two checkpoints would be called standard-lr1.23457e-05 (the other is standard-lr1.23457e-05)",
        ),
        (
            "epsilon = 0.5",
            'epsilon = 0.5\n[training.recipe.FGM]\nrecipe = "fgm"',
            "two checkpoints would be called FGM (the other is fgm)",
        ),
        (
            '"fgm"]',
            '"attack"]',
            "[training.recipe.attack]: first = 1, with epochs = 1, never attacks: epochs count from 0"
            " (epochs = 2 or more, or first = 0)",
        ),
        (
            "epsilon = 0.5",
            "epsilon = 0.5\n[training.recipe.mine]\nrecipe = 3",
            "[training.recipe.mine]: recipe = 3 should be the name of a recipe",
        ),
        (
            "epsilon = 0.5",
            'epsilon = 0.5\n[training.recipe.pgd]\nrecipe = "fgm"',
            "[training.recipe.pgd]: recipe = 'fgm': 'pgd' is itself a recipe",
        ),
        (
            "epsilon = 0.5",
            "learning_rate = 1.0",
            "[training.recipe.fgm]: learning_rate = 1.0 must be above 0 and below 1",
        ),
        (
            "epsilon = 0.5",
            'learning_rate = "fast"',
            '[training.recipe.fgm]: learning_rate = "fast" should be a number',
        ),
    ],
)
def test_what_would_not_be_what_it_is_called_is_refused(tmp_path: Path, old: str, new: str, line: str) -> None:
    recipes_ = CONFIG.replace('"fgm"]', '"fgm", "FGM"]') if "FGM" in new else CONFIG
    config = written(tmp_path, recipes_.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        grid.runs(config, TASK, config_settings(config))
    assert line in caught.value.line


def config_settings(config: Any) -> Settings:
    return Settings(epochs=config.training.epochs)


def test_every_recipe_is_made_again_from_what_a_record_keeps() -> None:
    for name in recipes.names():
        kept = json.loads(json.dumps(asdict(recipes.create(name, {}).settings)))
        assert recipes.create(name, kept).settings == recipes.create(name, {}).settings


def test_a_training_that_fails_ends_the_others_neither_before_nor_after(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(
        tmp_path,
        CONFIG.replace("epochs = 1", 'epochs = 1\nclip_norm = 1e30\nlearning_rates = [1e-4, 0.99]\noptimizer = "sgd"'),
    )
    original = loop.train

    def failing(run: loop.TrainingRun, **more: Any) -> Any:
        if run.settings.learning_rate > 0.5 and run.recipe.name == "standard":
            raise ModelError(
                "the loss became nan at step 3", where=f"recipe {run.recipe.label}", hint="lower learning_rate"
            )
        return original(run, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "train", failing)
        assert main(["train", "--config", str(tmp_path / "audit.toml"), "--device", "cpu"]) == 2
    said = capsys.readouterr()
    assert [Path(line).name for line in said.out.splitlines()] == ["standard-lr0.0001", "fgm-lr0.0001", "fgm-lr0.99"]
    assert said.err.splitlines()[-1] == (
        "audit train: recipe standard-lr0.99: the loss became nan at step 3 (lower learning_rate)"
    )
    assert "checkpoint" in said.err


def test_a_recipe_lets_go_of_the_loop_that_trained_with_it(tmp_path: Path) -> None:
    made = recipes.create("fgm", {})
    config = written(tmp_path)
    rows = [Example(str(i), {"text": "good film"}, TASK.labels[i % 2]) for i in range(4)]
    base = config.resolve(config.training.base or Path())
    loop.train(
        loop.TrainingRun(
            base, rows, (), TASK, made, Settings(epochs=1, batch_size=4, max_length=16), seed=0, device="cpu"
        )
    )
    with pytest.raises(RuntimeError, match="no training is running"):
        made.training  # noqa: B018 - it raises


def test_the_command_trains_a_grid_and_shows_what_each_took(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path)
    words = ["train", "--config", str(tmp_path / "audit.toml"), "--device", "cpu", "--recipes", "standard, bitfit"]
    assert main([*words, "--seeds", "2"]) == 0
    said = capsys.readouterr()
    names = ["standard-seed5", "bitfit-seed5", "standard-seed6", "bitfit-seed6"]
    assert said.out.splitlines() == [str(tmp_path / "ckpt" / name) for name in names]
    table = [line.split() for line in said.err.splitlines()[-5:]]
    assert table[0] == ["checkpoint", "validation", "trained", "steps", "steps/s", "time", "memory"]
    assert [line[0] for line in table[1:]] == names
    assert [line[3] for line in table[1:]] == ["2"] * 4
    assert table[1][2] == "100.00%"
    assert 0 < float(table[2][2].rstrip("%")) < 50
    assert all(float(line[4]) > 0 for line in table[1:])
    found = {name: record.read(tmp_path / "ckpt" / name) for name in names}
    assert [one.seed for one in found.values() if one is not None] == [5, 5, 6, 6]
    assert set(cost.read(tmp_path / "ckpt")) == set(names)
    # Again: everything is there, and what it took is still known.
    assert main([*words, "--seeds", "2"]) == 0
    assert capsys.readouterr().err.splitlines()[-4:] == said.err.splitlines()[-4:]


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--seeds", "0"], "audit train: --seeds 0: must be at least 1"),
        (["--recipes", "fgm,fgm"], "audit train: --recipes fgm,fgm: must be names with commas between, each once"),
        (["--recipes", "fgm,"], "audit train: --recipes fgm,: must be names with commas between, each once"),
        (["--recipes", "fmg"], "no recipe is called 'fmg' (did you mean 'fgm'?)"),
    ],
)
def test_what_cannot_be_trained_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str], line: str
) -> None:
    written(tmp_path)
    assert main(["train", "--config", str(tmp_path / "audit.toml"), *flags]) == 2
    said = capsys.readouterr().err.strip()
    assert "\n" not in said
    assert said.endswith(line)
    assert not (tmp_path / "ckpt").exists()


def test_a_model_that_learned_nothing_is_said_to_be_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(
        tmp_path,
        CONFIG.replace("epochs = 1", "epochs = 1\nlearning_rate = 1e-9").replace('"standard", "fgm"', '"standard"'),
    )
    assert main(["train", "--config", str(tmp_path / "audit.toml"), "--device", "cpu"]) == 0
    found = record.read(tmp_path / "ckpt" / "standard")
    assert found is not None
    expected = "on the validation rows is no better than always predicting one class (0.500): the model learned nothing"
    assert expected in found.warning
    assert f"audit train: standard: {found.warning}" in capsys.readouterr().err


def test_a_meter_counts_what_it_passes_on() -> None:
    meter = cost.Meter(Silent())
    with meter.measured("cpu"):
        meter.start("training", 4)
        meter.advance()
        meter.advance()
        meter.finish()
    assert meter.steps == 2
    assert meter.cost.steps_per_second == pytest.approx(2 / meter.cost.seconds)
    assert meter.of(2) == meter.cost
    # Taken up after two of four steps: at this speed, all four took twice as long.
    assert meter.of(4).seconds == pytest.approx(2 * meter.cost.seconds)


def test_a_meter_sees_the_memory_that_was_needed() -> None:
    meter = cost.Meter(Silent())
    with meter.measured("cpu"):
        held = bytearray(64 * 2**20)
        held[::4096] = b"x" * len(held[::4096])
        del held
    peak = meter.cost.peak_bytes
    assert peak is None or 48 * 2**20 < peak < 96 * 2**20


def test_memory_is_not_measured_where_the_system_does_not_tell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("_RESET", "_STATUS"):
        monkeypatch.setattr(cost, name, tmp_path / "none" / name)
    meter = cost.Meter(Silent())
    with meter.measured("cpu"):
        pass
    with meter.measured("mps"):
        pass
    assert meter.cost.peak_bytes is None
    assert cost._resident("VmRSS") is None


def test_costs_are_those_of_checkpoints_that_are_there(tmp_path: Path) -> None:
    one = cost.Cost(1.0, 2.0, None)
    cost.write(tmp_path, "gone", one)
    (tmp_path / "here").mkdir()
    cost.write(tmp_path, "here", one)
    assert cost.read(tmp_path) == {"here": one}
    (tmp_path / cost.NAME).write_text("{", encoding="utf-8")
    assert cost.read(tmp_path) == {}


class Doubled(Recipe):
    """Another package's: every row twice."""

    name = "doubled"
    settings_type = NoSettings

    def examples(self, examples: Any, epoch: int) -> Any:  # noqa: ARG002 - every epoch alike
        return [*examples, *examples]


class Group:
    """Entry points of the group, as importlib.metadata gives them."""

    def __init__(self, *entries: metadata.EntryPoint) -> None:
        self._entries = entries
        self.names = {one.name for one in entries}

    def __iter__(self) -> Any:
        return iter(self._entries)


def installed(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    entry = metadata.EntryPoint(name, value, recipes.ENTRY_POINTS)

    def entry_points(*, group: str, name: str | None = None) -> Group:
        return Group(*(one for one in (entry,) if one.group == group and name in (None, one.name)))

    monkeypatch.setattr(metadata, "entry_points", entry_points)


def test_a_recipe_of_another_package_trains_like_our_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, "doubled", f"{__name__}:Doubled")
    assert "doubled" in recipes.names()
    written(tmp_path, CONFIG.replace('"standard", "fgm"', '"doubled"'))
    assert main(["train", "--config", str(tmp_path / "audit.toml"), "--device", "cpu", "--quiet"]) == 0
    found = json.loads((tmp_path / "ckpt" / "doubled" / "training.json").read_text(encoding="utf-8"))
    # 8 rows twice in batches of 4.
    assert (found["recipe"], found["steps"]) == ("doubled", 4)


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (f"{__name__}:NOT_THERE", "entry point doubled: does not import: AttributeError"),
        (
            f"{__name__}:Group",
            "entry point doubled: is not a recipe called 'doubled' (it must be a class derived from Recipe)",
        ),
    ],
)
def test_what_is_no_recipe_is_one_line(monkeypatch: pytest.MonkeyPatch, value: str, line: str) -> None:
    installed(monkeypatch, "doubled", value)
    with pytest.raises(ConfigError) as caught:
        recipes.create("doubled", {})
    assert caught.value.line.startswith(line)


def test_the_template_names_every_recipe() -> None:
    (line,) = [one for one in configs.TEMPLATE.splitlines() if one.startswith("recipes = ")]
    assert {name.strip() for name in line.split("#")[1].split(",")} == set(recipes.names())

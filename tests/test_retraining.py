"""Which checkpoints are compared, and how models are trained again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes import LABELS, reviews
from tiny import tiny_checkpoint

from auditor import config as configs
from auditor import tasks
from auditor.cli.main import main
from auditor.config import Config
from auditor.evaluation import retrain
from auditor.evaluation.plan import AuditedModel
from auditor.models.fake import FakeModel
from auditor.training import record as records

TASK = tasks.create("text-classification", LABELS)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    rows = [f'"{row.inputs["text"]}",{row.gold}' for row in reviews(16)]
    (folder / "train.csv").write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    tiny_checkpoint(folder / "base", head=False)
    (folder / "audit.toml").write_text(
        '[data]\ntrain = "train.csv"\n[training]\nbase = "base"\nrecipes = ["standard", "bitfit"]\nseeds = 2\n'
        "epochs = 1\nmax_length = 32\n",
        encoding="utf-8",
    )
    assert main(["train", "--config", str(folder / "audit.toml"), "--quiet"]) == 0
    return folder


@pytest.fixture
def place(trained: Path, tmp_path: Path) -> Path:
    shutil.copytree(trained, tmp_path / "place")
    return tmp_path / "place"


def audited(place: Path, name: str = "standard-seed0", config: Config | None = None, **more: Any) -> AuditedModel:
    folder = place / "ckpt" / name
    given: dict[str, Any] = {
        "task": TASK,
        "config": config or configs.load(place / "audit.toml"),
        "base": None,
        "device": "cpu",
        "fresh": False,
        "load": lambda path, _: path.name,
    }
    model = FakeModel(lambda _: (0.5, 0.5), LABELS, name=name)
    return retrain.audited(model, folder, records.read(folder), **{**given, **more})


def names(found: AuditedModel) -> list[Any]:
    return [one.load() for one in found.checkpoints()]


def changed(change: Callable[[dict[str, Any]], Any], name: str = "bitfit-seed0") -> Callable[[Path], Any]:
    """Changes training.json of one checkpoint."""

    def apply(place: Path) -> None:
        file = place / "ckpt" / name / "training.json"
        content = json.loads(file.read_text(encoding="utf-8"))
        change(content)
        file.write_text(json.dumps(content), encoding="utf-8")

    return apply


def test_checkpoints_beside_it_come_with_their_seeds_and_what_they_took(place: Path) -> None:
    found = audited(place).checkpoints()
    assert [(one.recipe, one.standard, one.seed) for one in found] == [
        ("bitfit", False, 0),
        ("bitfit", False, 1),
        ("standard", True, 0),
        ("standard", True, 1),
    ]
    assert all(one.work and one.seconds and one.peak_bytes is not None for one in found)
    # Of another learning rate, which was its recipe's own.
    record = records.read(place / "ckpt" / "bitfit-seed0")
    assert record is not None
    assert (record.settings["learning_rate"], record.own_learning_rate) == (1e-3, True)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda place: shutil.rmtree(place / "ckpt" / "bitfit-seed0"),
        lambda place: (place / "ckpt" / "bitfit-seed0" / "model.safetensors").unlink(),
        lambda place: (place / "ckpt" / "bitfit-seed0").rename(place / "ckpt" / ".bitfit-seed0.replaced"),
        changed(lambda content: content.update(labels=["no", "yes"])),
        changed(lambda content: content.update(train_rows=3)),
        changed(lambda content: content["settings"].update(epochs=2)),
        changed(lambda content: content["base"].update(fingerprint="other")),
        changed(lambda content: content["data"]["train"].update(sha256="other")),
        changed(lambda content: content.update(schema=1e999)),
    ],
)
def test_what_differs_in_more_than_the_recipe_or_cannot_be_read_is_left_out(place: Path, spoil: Any) -> None:
    spoil(place)
    assert names(audited(place)) == ["bitfit-seed1", "standard-seed0", "standard-seed1"]


def test_other_names_of_a_checkpoint_count_once(place: Path) -> None:
    (place / "ckpt" / "latest").symlink_to(place / "ckpt" / "standard-seed1")
    shutil.copytree(place / "ckpt" / "standard-seed1", place / "ckpt" / "standard")
    assert [(one.recipe, one.seed) for one in audited(place).checkpoints()].count(("standard", 1)) == 1


def test_a_folder_that_cannot_be_listed_has_no_checkpoints(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = Path.iterdir

    def refused(path: Path) -> Any:
        if path.name == "ckpt":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", refused)
    assert names(audited(place)) == []


def test_a_training_json_that_may_not_be_read_is_none_of_ours(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Path.is_file

    def refused(path: Path) -> bool:
        if path.parts[-2:] == ("bitfit-seed0", "training.json"):
            raise PermissionError(13, "Permission denied")
        return original(path)

    monkeypatch.setattr(Path, "is_file", refused)
    assert names(audited(place)) == ["bitfit-seed1", "standard-seed0", "standard-seed1"]


@pytest.mark.parametrize(
    ("model", "recipe", "rate"),
    [
        ("standard-seed0", "fgm", 5e-5),
        ("standard-seed0", "bitfit", 1e-3),
        # BitFit's own rate is not that of whole fine-tuning.
        ("bitfit-seed0", "standard", 2e-5),
        ("standard-seed0", "mine", 3e-4),
    ],
)
def test_another_recipe_is_trained_at_its_own_rate_else_at_that_of_whole_fine_tuning(
    place: Path, monkeypatch: pytest.MonkeyPatch, model: str, recipe: str, rate: float
) -> None:
    from auditor.training import refit

    config = configs.load(place / "audit.toml")
    given = {"learning_rate": 2e-5, "recipe": {"mine": {"recipe": "fgm", "learning_rate": 3e-4}}}
    config = config.model_copy(update={"training": config.training.model_copy(update=given)})
    seen = []

    def noted(self: refit.Refit, made: Any, examples: Any, **how: Any) -> Any:
        seen.append((made.label, self.settings["learning_rate"], how))
        return original(self, made, examples, **how)

    original = refit.Refit.train
    monkeypatch.setattr(refit.Refit, "train", noted)
    train = audited(place, model, config).train
    assert train is not None
    found = train(recipe, reviews(8), seed=3, steps=1, batch_size=4)
    assert seen == [(recipe, rate, {"seed": 3, "steps": 1, "batch_size": 4})]
    assert (found.recipe, found.seed, found.standard) == (recipe, 3, recipe == "standard")
    assert found.work
    assert found.load().labels == LABELS


def test_without_a_base_nothing_is_trained_again(place: Path) -> None:
    shutil.rmtree(place / "base")
    found = audited(place)
    assert (found.fit, found.train) == (None, None)
    assert len(found.checkpoints()) == 4

"""From a config to checkpoints, and from a checkpoint back to its base: ``audit train`` on tiny models."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny import tiny_checkpoint

from auditor import config as configs
from auditor import tasks
from auditor.config import Config
from auditor.errors import AuditError, ConfigError, DataError, UsageError
from auditor.training import job, loop, recipes, record, refit
from auditor.training.determinism import deterministic
from auditor.types import Classify, Example, Silent

CONFIG = """
seed = 5
[data]
train = "train.csv"
validation = "validation.csv"
[training]
base = "base"
recipes = ["standard", "fgm"]
epochs = 1
batch_size = 4
max_length = 32
[training.recipe.fgm]
epsilon = 0.5
"""


def written(folder: Path, content: str = CONFIG) -> Config:
    """A folder with a base, data and ``audit.toml``, read."""
    tiny_checkpoint(folder / "base", head=False)
    rows = "".join(f"{word} film {i},{label}\n" for i in range(4) for word, label in (("good", "yes"), ("bad", "no")))
    (folder / "train.csv").write_text(f"text,label\n{rows}", encoding="utf-8")
    (folder / "validation.csv").write_text("text,label\ngreat plot,yes\nawful plot,no\n", encoding="utf-8")
    (folder / "audit.toml").write_text(content, encoding="utf-8")
    return configs.load(folder / "audit.toml")


def train(config: Config) -> list[Path]:
    return [one.folder for one in job.train(config, out=None, device="cpu", progress=Silent(), fresh=True)]


def test_the_same_config_in_two_folders_gives_the_same_checkpoints_byte_for_byte(tmp_path: Path) -> None:
    found = []
    for name in ("here", "there"):
        made = train(written(tmp_path / name))
        assert [folder.name for folder in made] == ["standard", "fgm"]
        found.append([{file.name: file.read_bytes() for file in folder.iterdir()} for folder in made])
    assert found[0] == found[1]
    assert all("training.json" in files for files in found[0])
    assert found[0][0]["model.safetensors"] != found[0][1]["model.safetensors"]


def test_the_record_leads_back_to_data_base_and_settings(tmp_path: Path) -> None:
    folder = train(written(tmp_path))[1]
    found = record.read(folder)
    assert found is not None
    assert (found.recipe, found.recipe_settings, found.seed) == ("fgm", {"epsilon": 0.5}, 5)
    assert (found.train_rows, found.steps, found.device) == (8, 2, "cpu")
    assert sorted(found.labels) == ["no", "yes"]
    assert not any(Path(entry["path"]).is_absolute() for entry in (found.base, *found.data.values()))
    assert {name: record.check_data(found, folder, name).name for name in found.data} == {
        "train": "train.csv",
        "validation": "validation.csv",
    }
    base = record.base_of(found, folder)
    assert base is not None
    assert base.resolve() == (tmp_path / "base").resolve()


@pytest.mark.parametrize(
    ("base", "hint"),
    [
        ("bas", "did you mean 'base'?"),
        ("bert-base-uncased", "only local folders are read: download the model, then name its folder"),
        ("google/bert-tiny", "only local folders are read: download the model, then name its folder"),
        ("/no/such/folder", "is the path right?"),
    ],
)
def test_a_base_that_is_not_there_is_named_as_it_was_written_with_where_it_was_looked_for(
    base: str, hint: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        train(written(tmp_path / "inner", CONFIG.replace('base = "base"', f'base = "{base}"')))
    read = Path(base) if base.startswith("/") else tmp_path / "inner" / base
    assert caught.value.line == f"[training]: base = {base!r} does not exist (looked for {read}; {hint})"


def test_a_base_that_changed_is_a_usage_error_and_one_that_is_gone_is_unknown(tmp_path: Path) -> None:
    folder = train(written(tmp_path))[0]
    found = record.read(folder)
    assert found is not None
    with (tmp_path / "base" / "vocab.txt").open("a", encoding="utf-8") as file:
        file.write("\nnew")
    with pytest.raises(UsageError, match="has changed"):
        record.base_of(found, folder)
    assert record.base_of(replace(found, base={"path": "gone", "fingerprint": ""}), folder) is None


@pytest.mark.parametrize(
    ("old", "new", "kind", "message"),
    [
        ('train = "train.csv"\n', "", ConfigError, "no training data"),
        ('base = "base"\n', "", ConfigError, "no base model"),
        ('"fgm"]', '"fgn"]', ConfigError, "did you mean 'fgm'"),
        ("epsilon", "epsilom", ConfigError, "did you mean 'epsilon'"),
        ('train = "train.csv"', 'train = "one.csv"', AuditError, "one"),
    ],
    ids=["no data", "no base", "unknown recipe", "unknown setting", "one class"],
)
def test_what_does_not_fit_is_refused_before_anything_is_trained(
    tmp_path: Path, old: str, new: str, kind: type[AuditError], message: str
) -> None:
    tmp_path.joinpath("one.csv").write_text("text,label\ngood,yes\ngreat,yes\n", encoding="utf-8")
    config = written(tmp_path, CONFIG.replace(old, new))
    with pytest.raises(kind, match=message):
        train(config)
    assert not (tmp_path / "ckpt").exists()


def test_rows_of_one_class_after_the_limit_are_refused(tmp_path: Path) -> None:
    config = written(tmp_path, CONFIG.replace("epochs = 1", "epochs = 1\nmax_rows = 2"))
    rows = "good,yes\ngreat,yes\nbad,no\nawful,no\n"
    (tmp_path / "train.csv").write_text(f"text,label\n{rows}", encoding="utf-8")
    with pytest.raises(DataError, match="only one class"):
        train(config)


def test_a_probe_fits_a_model_for_a_fixed_number_of_steps(tmp_path: Path) -> None:
    task = tasks.create("text-classification", ("no", "yes"))
    rows = [Example(f"train:{i}", {"text": f"film {i}"}, task.labels[i % 2]) for i in range(5)]
    answers = []
    for _ in range(2):
        base, settings = tiny_checkpoint(tmp_path, head=False), {"patience": 3, "epochs": 9, "unknown": 1}
        again = refit.Refit(base, task, settings, "cpu", keep=False)
        trained, _ = again.train(recipes.create("fgm", {"epsilon": 0.5}), rows, seed=1, steps=3, batch_size=2)
        model = loop.as_model(trained, name="fit")
        answers.append(model.run(model.encode([Classify(("good film",))])))
    assert model.labels == ("no", "yes")
    assert answers[0] == answers[1]


def test_algorithms_are_deterministic_while_a_training_lasts() -> None:
    state = random.getstate()
    with deterministic(0):
        assert torch.are_deterministic_algorithms_enabled()
    assert not torch.are_deterministic_algorithms_enabled()
    assert random.getstate() == state

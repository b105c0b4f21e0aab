"""From what failed to a training, and what it changed."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes import reviews
from tiny import tiny_checkpoint

from auditor import remedy, results
from auditor.cli.main import main
from auditor.plugins import registry
from auditor.results import verification
from auditor.training import recipes
from auditor.verdicts import remedies

RULES = [
    {"probe": "noise", "metric": "drop_over_changed_cases"},
    {"probe": "adversarial", "metric": "attack_success_rate"},
    {"probe": "bias", "metric": "score_gap"},
    {"probe": "adversarial", "metric": "attack_success_rate"},
]
FAMILIES = ("typos", "spacing and punctuation", "case", "words", "homoglyphs")


def found(
    *verdicts: tuple[int, str, dict[str, str]],
    attacks: tuple[str, ...] = ("deepwordbug",),
    probe: str = "adversarial",
    key: str = "recipe",
    epochs: int = 2,
    named: tuple[str, ...] = (),
) -> dict[str, Any]:
    """As much of results.json as a proposal reads."""
    noise = [{"slice": {"family": name, "severity": "middle"}} for name in FAMILIES]
    dropped, attacked = [{"name": "drop_over_changed_cases"}], [{"name": "accuracy_under_attack"}]
    of_noise: dict[str, Any] = {"probe": "noise", "role": "robustness", "metrics": dropped}
    under_attack = [{"slice": {key: one}} for one in attacks]
    return {
        "candidate": "mine",
        "task": {"metric": "accuracy"},
        "config": {},
        "models": [{"name": "mine", "training": {"settings": {"epochs": epochs}}}, *({"name": one} for one in named)],
        "policy": {"rules": RULES},
        "decision": {
            "verdicts": [
                {"rule": rule, "outcome": outcome, "slice": slice_, "value": 0.2} for rule, outcome, slice_ in verdicts
            ]
        },
        "records": [
            {"model": "other", **of_noise, "measurements": [{"slice": {"family": "other"}}]},
            {"model": "mine", **of_noise, "measurements": noise},
            {"model": "mine", "probe": probe, "role": "attack", "metrics": attacked, "measurements": under_attack},
        ],
    }


def test_a_family_that_failed_is_trained_on_and_all_others_are_held_out() -> None:
    (one,) = remedies.proposed(found((0, "fail", {"family": "typos", "severity": "middle"})))
    assert (one.name, one.recipe, one.key) == ("remedy-noise", "online", "family")
    assert one.trained_on == ("typos",)
    assert one.held_out == ("spacing and punctuation", "case", "words", "homoglyphs")
    assert one.reasons == ("fail: noise drop_over_changed_cases [family typos, severity middle] 0.200",)


def test_what_failed_counts_before_what_is_undecided() -> None:
    undecided = (0, "inconclusive", {"family": "case", "severity": "middle"})
    (one,) = remedies.proposed(found(undecided, (0, "fail", {"family": "typos", "severity": "middle"})))
    assert one.trained_on == ("typos",)
    (one,) = remedies.proposed(found(undecided))
    assert one.trained_on == ("case",)


def test_where_every_family_failed_half_of_them_are_held_out() -> None:
    (one,) = remedies.proposed(found(*((0, "fail", {"family": name, "severity": "high"}) for name in FAMILIES)))
    assert one.trained_on == ("typos", "spacing and punctuation")
    assert set(one.trained_on) | set(one.held_out) == set(FAMILIES)


@pytest.mark.parametrize(
    ("attacks", "trained_on", "held_out"),
    [
        (("deepwordbug",), "textbugger", ("deepwordbug",)),
        (("deepwordbug", "textbugger", "pruthi"), "textbugger", ("deepwordbug", "pruthi")),
        (("pwws",), "textbugger", ("pwws",)),
    ],
)
def test_an_attack_is_answered_by_another_where_there_is_one(
    attacks: tuple[str, ...], trained_on: str, held_out: tuple[str, ...]
) -> None:
    (one,) = remedies.proposed(found((1, "fail", {"recipe": attacks[0]}), attacks=attacks))
    assert (one.recipe, one.trained_on, one.held_out) == ("attack", (trained_on,), held_out)


def test_attacks_on_the_context_of_entities_are_answered_alike() -> None:
    audited = ("deepwordbug", "textbugger", "entity swap")
    (one,) = remedies.proposed(
        found((3, "fail", {"recipe": "deepwordbug"}), attacks=audited, probe="adversarial", key="recipe")
    )
    assert (one.name, one.probe, one.key) == ("remedy-attack", "adversarial", "recipe")
    assert (one.trained_on, one.held_out) == (("pruthi",), audited)
    assert one.reasons == ("fail: adversarial attack_success_rate [recipe deepwordbug] 0.200",)


def test_swapped_names_are_no_reason_to_train_on_misspelt_contexts() -> None:
    audited: dict[str, Any] = {"attacks": ("deepwordbug", "entity swap"), "probe": "adversarial", "key": "recipe"}
    swap = (3, "fail", {"recipe": "entity swap"})
    assert remedies.proposed(found(swap, **audited)) == ()
    (one,) = remedies.proposed(found(swap, (3, "inconclusive", {"recipe": "deepwordbug"}), **audited))
    assert one.reasons == ("inconclusive: adversarial attack_success_rate [recipe deepwordbug] 0.200",)


def test_what_no_recipe_is_known_for_has_no_remedy() -> None:
    assert remedies.proposed(found()) == ()
    assert remedies.proposed(found((2, "fail", {"axis": "age"}))) == ()
    assert remedies.proposed(found((0, "pass", {"family": "typos", "severity": "middle"}))) == ()
    # Deleted words may change what a text says: no training on them.
    assert remedies.proposed(found((0, "fail", {"family": "words", "severity": "middle"}))) == ()


TYPOS = (0, "fail", {"family": "typos", "severity": "middle"})


def test_a_probe_of_another_name_has_its_remedy_by_its_role() -> None:
    content = found(TYPOS)
    rules = [{**rule, "probe": "babble" if rule["probe"] == "noise" else rule["probe"]} for rule in RULES]
    records = [{**one, "probe": "babble" if one["probe"] == "noise" else one["probe"]} for one in content["records"]]
    (one,) = remedies.proposed({**content, "policy": {"rules": rules}, "records": records})
    assert (one.name, one.role, one.probe, one.trained_on) == ("remedy-noise", "robustness", "babble", ("typos",))


def test_of_several_probes_of_a_role_the_first_with_a_remedy_is_answered() -> None:
    content = found(TYPOS)
    record = next(one for one in content["records"] if (one["model"], one["probe"]) == ("mine", "noise"))
    before = {**record, "probe": "accents", "measurements": [{"slice": {"accent": "acute"}}]}
    (one,) = remedies.proposed({**content, "records": [before, *content["records"]]})
    assert one.probe == "noise"


@pytest.mark.parametrize("change", [{"role": None}, {"role": "bias"}, {"metrics": [{"name": "drop"}]}], ids=str)
def test_without_the_role_or_the_metric_that_shows_a_change_there_is_no_remedy(change: dict[str, Any]) -> None:
    content = found(TYPOS)
    records = [{**one, **change} if one["probe"] == "noise" else one for one in content["records"]]
    assert remedies.proposed({**content, "records": records}) == ()


def test_results_of_an_earlier_auditor_say_why_they_have_no_remedy(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(place / "audit", tmp_path / "audit")
    content = results.load(tmp_path / "audit")
    for record in content["records"]:
        record.pop("role", None)
    results.write(tmp_path / "audit", content)
    assert main(["remedy", str(tmp_path / "audit")]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == ["policy: default (the audit was judged by it)"]
    assert said.err == "these results are of an earlier auditor, which recorded no roles: audit again\n"
    assert main(["gate", str(tmp_path / "audit")]) in (1, 3)
    assert main(["report", str(tmp_path / "audit")]) == 0


def test_a_second_remedy_has_another_name() -> None:
    bad = (0, "fail", {"family": "typos", "severity": "middle"})
    (one,) = remedies.proposed(found(bad, named=("remedy-noise", "remedy-noise-2")))
    assert one.name == "remedy-noise-3"


def test_a_training_of_one_epoch_is_attacked_from_its_start() -> None:
    bad = (1, "fail", {"recipe": "deepwordbug"})
    assert [one.settings["first"] for n in (1, 2) for one in remedies.proposed(found(bad, epochs=n))] == [0, 1]


def test_every_proposal_is_a_recipe_with_settings_that_it_takes() -> None:
    every = [(0, "fail", {"family": name, "severity": "middle"}) for name in FAMILIES]
    for one in remedies.proposed(found(*every, (1, "fail", {"recipe": "deepwordbug"}))):
        assert recipes.create(one.name, {"recipe": one.recipe, **one.settings}).name == one.recipe


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint, audited."""
    folder = tmp_path_factory.mktemp("place")
    for name, n in (("train", 64), ("validation", 16), ("test", 24), ("far", 10), ("later", 10)):
        rows = [f'"{row.inputs["text"]} {name}",{row.gold}' for row in reviews(n)]
        (folder / f"{name}.csv").write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    tiny_checkpoint(folder / "base", head=False)
    (folder / "audit.toml").write_text(
        '[data]\ntrain = "train.csv"\nvalidation = "validation.csv"\ntest = "test.csv"\n'
        'domains = { far = "far.csv" }\nslices = { later = "later.csv" }\n[training]\nbase = "base"\n'
        "epochs = 2\nlearning_rate = 1e-3\nmax_length = 32\n"
        "[audit]\nbudget = 12\n[probes.noise.severities]\nmiddle = 0.2\n",
        encoding="utf-8",
    )
    config = ["--config", str(folder / "audit.toml"), "--quiet"]
    assert main(["train", *config]) == 0
    model = ["--model", str(folder / "ckpt" / "standard"), "--out", str(folder / "audit")]
    assert main(["run", *config, *model, "--probe", "quality", "--probe", "noise"]) in (1, 3)
    return folder


def test_a_proposal_trains_nothing(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(place.rglob("*"))
    assert main(["remedy", str(place / "audit")]) == 0
    said = capsys.readouterr()
    assert "→ remedy-noise: recipe online, trained on " in said.out
    assert "; held out: " in said.out
    assert said.err == "to train and audit them, run the same command with --train\n"
    assert sorted(place.rglob("*")) == before


def test_a_remedy_is_trained_and_audited_beside_what_was(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["remedy", str(place / "audit"), "--train", "--quiet", "--device", "cpu"]) == 0
    out = place / "audit-remedy"
    lines = capsys.readouterr().out.splitlines()
    assert "remedy-noise against standard: before → after, change [95 % interval over examples; one seed]" in lines
    (quality,) = (line for line in lines if line.startswith("  quality accuracy: "))
    assert " → " in quality
    assert [line for line in lines if "[held out, together]: " in line]
    assert [line for line in lines if ", trained on]: " in line]
    # What stood beside it for the audit is gone, and where it came from is as it was.
    assert sorted(one.name for one in (out / "ckpt").iterdir() if one.is_dir()) == ["remedy-noise"]
    assert (place / "ckpt" / "standard" / "model.safetensors").is_file()
    made = results.load(out / "audit")
    assert made["candidate"] == "remedy-noise"
    assert {one["name"] for one in made["models"]} == {"remedy-noise", "standard"}
    assert {one["name"] for one in made["data"] if "kind" in one} == {"later"}
    assert made["config"]["data"]["domains"].keys() == {"far"}
    measured = {one["probe"] for one in made["records"] if one["status"] == "measured"}
    assert measured == {"quality", "noise"}
    assert {one["expect"] for one in made["comparisons"] if one["expect"]} == {"lower"}
    training = json.loads((out / "ckpt" / "remedy-noise" / "training.json").read_text(encoding="utf-8"))
    old = json.loads((place / "ckpt" / "standard" / "training.json").read_text(encoding="utf-8"))
    assert training["recipe"] == "online"
    for name in ("settings", "seed", "train_rows", "labels"):
        assert training[name] == old[name]
    assert training["data"]["train"]["sha256"] == old["data"]["train"]["sha256"]
    # The other model is measured as it was before.
    was, now = (
        next(one for one in each["records"] if (one["model"], one["probe"]) == ("standard", "noise"))
        for each in (results.load(place / "audit"), made)
    )
    assert was["measurements"] == now["measurements"]


def test_the_change_is_that_of_rows_paired_by_cluster(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The difference that is told is that of the two records' values."""
    main(["remedy", str(place / "audit"), "--train", "--quiet", "--device", "cpu"])
    (line,) = (one for one in capsys.readouterr().out.splitlines() if one.startswith("  quality accuracy: "))
    old, new = (
        next(one["value"] for one in record["measurements"] if one["metric"] == "accuracy")
        for model in ("standard", "remedy-noise")
        for record in results.load(place / "audit-remedy" / "audit")["records"]
        if (record["model"], record["probe"]) == (model, "quality")
    )
    assert line.startswith(f"  quality accuracy: {old:.3f} → {new:.3f}, {new - old:+.3f} [")


@pytest.fixture(scope="module")
def foreign(place: Path) -> Path:
    """A checkpoint from elsewhere, whose labels stand in another order, audited without a config."""
    model, audit = place / "foreign", place / "foreign-audit"
    tiny_checkpoint(model, labels=("positive", "negative"))
    words = ["run", "--model", str(model), "--data", str(place / "test.csv"), "--budget", "12", "--quiet"]
    config = place / "foreign.toml"
    config.write_text(
        "[training]\nepochs = 1\nmax_length = 32\nlearning_rate = 1e-3\n[probes.noise.severities]\nmiddle = 0.2\n",
        encoding="utf-8",
    )
    words += ["--config", str(config), "--out", str(audit), "--probe", "quality", "--probe", "noise"]
    assert main(words) in (1, 3)
    return audit


def test_what_a_training_lacks_is_said_before_it_is_proposed(foreign: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = "the base model that foreign was fine-tuned from (--base DIR)"
    rows = "its training rows (--train-data FILE)"
    assert main(["remedy", str(foreign)]) == 0
    said = capsys.readouterr()
    assert "→ remedy-noise: recipe online" in said.out
    assert said.err == f"training and auditing them needs: {base}; {rows}\n"
    assert main(["remedy", str(foreign), "--train"]) == 2
    assert f"cannot train; missing: {base}; {rows}" in capsys.readouterr().err
    given = ["--base", str(foreign.parent / "base"), "--train-data", str(foreign.parent / "train.csv")]
    assert main(["remedy", str(foreign), *given[:2]]) == 0
    assert capsys.readouterr().err == f"training and auditing them needs: {rows}\n"
    assert main(["remedy", str(foreign), *given]) == 0
    assert capsys.readouterr().err == "to train and audit them, run the same command with --train\n"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("--base", "data.csv"), "data.csv: not a pretrained model: no config.json here (--base DIR)"),
        (("--train-data", "none.csv"), "training rows: none.csv is not there (--train-data FILE)"),
    ],
)
def test_a_base_or_rows_that_are_none_are_named(
    foreign: Path, capsys: pytest.CaptureFixture[str], given: tuple[str, str], words: str
) -> None:
    assert main(["remedy", str(foreign), "--train", *given]) == 2
    assert words in capsys.readouterr().err


def test_a_checkpoint_from_elsewhere_has_its_remedy_too(foreign: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--base", str(foreign.parent / "base"), "--train-data", str(foreign.parent / "train.csv")]
    assert main(["remedy", str(foreign), "--train", *given, "--quiet", "--device", "cpu"]) == 0
    said = capsys.readouterr().out
    assert "foreign has no training.json: its remedy is trained by [training] of the audit's config" in said
    assert "remedy-noise against foreign: before → after" in said
    out = foreign.with_name("foreign-audit-remedy")
    made = results.load(out / "audit")
    # The head has the labels of the audited one, in their order: else the two could not stand beside each other.
    assert {tuple(one["labels"]) for one in made["models"]} == {("positive", "negative")}
    training = json.loads((out / "ckpt" / "remedy-noise" / "training.json").read_text(encoding="utf-8"))
    assert (training["settings"]["epochs"], training["settings"]["max_length"]) == (1, 32)


def copied(place: Path, tmp_path: Path) -> Path:
    """The audit of a checkpoint without a ``training.json``, whose config names base and training rows."""
    shutil.copytree(place, tmp_path / "place", ignore=shutil.ignore_patterns("*-remedy", "foreign*"))
    (tmp_path / "place" / "ckpt" / "standard" / "training.json").unlink()
    return tmp_path / "place"


def test_without_a_training_json_base_and_rows_are_those_of_the_audit(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copied(place, tmp_path)
    assert main(["remedy", str(folder / "audit")]) == 0
    assert capsys.readouterr().err == "to train and audit them, run the same command with --train\n"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda folder: (folder / "train.csv").unlink(), "train.csv is not there (--train-data FILE)"),
        (lambda folder: (folder / "train.csv").write_text("x", "utf-8"), "train.csv has changed since the audit"),
        (lambda folder: (folder / "test.csv").write_text("x", "utf-8"), "test.csv has changed since the audit"),
        (lambda folder: shutil.rmtree(folder / "ckpt" / "standard"), "the audited checkpoint: nothing is at "),
        (lambda folder: shutil.rmtree(folder / "base"), "no config.json here (--base DIR)"),
    ],
)
def test_what_is_gone_or_has_changed_since_the_audit_is_said_before_any_training(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Callable[[Path], Any], words: str
) -> None:
    folder = copied(place, tmp_path)
    change(folder)
    assert main(["remedy", str(folder / "audit"), "--train"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "cannot train; missing: " in said
    assert words in said
    assert not (folder / "audit-remedy").exists()


def test_a_policy_that_could_not_judge_afterwards_is_refused_before_any_training(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known = registry.discover()
    monkeypatch.setattr(registry, "discover", lambda: tuple(one for one in known if one.name != "bias"))
    monkeypatch.setattr(verification, "check_metrics", lambda *_: None)
    assert main(["remedy", str(place / "audit"), "--train", "--out", str(place / "unjudged")]) == 2
    assert "no probe is called 'bias'" in capsys.readouterr().err
    assert not (place / "unjudged").exists()


def test_a_folder_in_the_way_is_named(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out" / "ckpt" / "standard").mkdir(parents=True)
    assert main(["remedy", str(place / "audit"), "--train", "--quiet", "--out", str(tmp_path / "out")]) == 2
    assert "standard: is in the way (name another folder with --out)" in capsys.readouterr().err
    # Found out before anything is trained.
    assert [one.name for one in (tmp_path / "out" / "ckpt").iterdir()] == ["standard"]


def test_a_link_that_a_killed_process_left_is_replaced(place: Path, tmp_path: Path) -> None:
    (tmp_path / "standard").symlink_to(tmp_path / "gone")
    with remedy._beside(tmp_path, "standard", place / "ckpt" / "standard"):
        assert (tmp_path / "standard" / "config.json").is_file()
    assert not list(tmp_path.iterdir())


def test_where_links_cannot_be_made_the_checkpoint_is_copied(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "symlink_to", refused)
    (tmp_path / "ckpt").mkdir()
    with remedy._beside(tmp_path / "ckpt", "standard", place / "ckpt" / "standard"):
        assert not (tmp_path / "ckpt" / "standard").is_symlink()
        assert (tmp_path / "ckpt" / "standard" / "config.json").is_file()
    assert not (tmp_path / "ckpt" / "standard").exists()


LAX = """
[[rule]]
probe = "quality"
metric = "accuracy"
min = 0.01
why = "Noise is not asked about."
"""


def test_nothing_failed_by_another_policy_is_said(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lax.toml").write_text(LAX, encoding="utf-8")
    assert main(["remedy", str(place / "audit"), "--policy", str(tmp_path / "lax.toml")]) == 0
    assert capsys.readouterr().out == (
        "policy: lax.toml\nnothing failed that has a known recipe (noise and attacks have one, except entity swap)\n"
    )


def test_a_remedy_goes_by_the_policy_of_the_audit(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lax.toml").write_text(LAX, encoding="utf-8")
    words = ["run", "--config", str(place / "audit.toml"), "--model", str(place / "ckpt" / "standard"), "--quiet"]
    words += ["--out", str(tmp_path / "audit"), "--probe", "quality", "--probe", "noise"]
    assert main([*words, "--policy", str(tmp_path / "lax.toml")]) in (0, 1, 3)
    (tmp_path / "lax.toml").unlink()
    capsys.readouterr()
    assert main(["remedy", str(tmp_path / "audit")]) == 0
    assert capsys.readouterr().out.startswith("policy: lax.toml (the audit was judged by it)\nnothing failed")


@pytest.mark.parametrize("name", ["../mine", "/mine", "a/b"])
def test_a_candidate_that_is_a_path_is_refused(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    audited = verification.load(place / "audit")
    renamed = dataclasses.replace(audited, results={**audited.results, "candidate": name})
    monkeypatch.setattr(verification, "load", lambda *_: renamed)
    assert main(["remedy", str(place / "audit"), "--train"]) == 2
    assert "is not the name of a checkpoint" in capsys.readouterr().err


def test_texts_stay_out_of_what_is_written_when_asked(place: Path, tmp_path: Path) -> None:
    words = ["remedy", str(place / "audit"), "--train", "--quiet", "--no-texts", "--out", str(tmp_path / "out")]
    assert main(words) == 0
    made = results.load(tmp_path / "out" / "audit")
    assert not [case for record in made["records"] for case in record["worst"]]


def test_a_results_file_of_another_auditor_is_one_line(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(place, tmp_path / "place", ignore=shutil.ignore_patterns("audit-remedy"))
    file = tmp_path / "place" / "audit" / "results.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["config"]["new_key"] = 1
    results.write(file.parent, content)
    assert main(["remedy", str(file), "--train"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "its config is not this auditor's: new_key" in said
    assert not (tmp_path / "place" / "audit-remedy").exists()

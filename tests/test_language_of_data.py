"""The language of the data from flag and config to results and page, and in recipes of training."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from test_languages import SAMPLES
from tiny import tiny_checkpoint

import auditor
from auditor import config as configs
from auditor import tasks, text
from auditor.cli.main import main
from auditor.errors import AuditError, DataError
from auditor.training.recipes import _perturbed_rows, attack, augment, eda
from auditor.types import Example

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "fixtures" / "languages"
TASK = tasks.create("text-classification", ("negative", "positive"))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("model"), words=("der", "das", "ist", "und", "nicht", "war"))


def audited(checkpoint: Path, out: Path, *flags: str, probes: Sequence[str] = ("noise", "bias")) -> dict[str, Any]:
    chosen = [part for name in probes for part in ("--probe", name)]
    command = ["run", "--model", str(checkpoint), "--out", str(out), "--fixed", "--budget", "12", *chosen, *flags]
    assert main(command) in (1, 3)
    content: dict[str, Any] = json.loads((out / "results.json").read_text(encoding="utf-8"))
    return content


def test_an_audit_of_german_rows_says_the_language_and_what_does_not_apply(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "audit.toml").write_text(
        '[probes.noise]\nperturbations = ["keyboard typo", "misspelling", "digits to words"]\n'
        'severities = { middle = 0.2 }\n[probes.adversarial]\nrecipes = ["deepwordbug", "pwws"]\nquery_budget = 20\n'
        '[probes.bias]\nsentences = 12\nbare_sentences = 6\naxes = ["gender"]\n',
        "utf-8",
    )
    flags = ("--config", str(tmp_path / "audit.toml"), "--data", str(DATA / "german.csv"))
    content = audited(checkpoint, tmp_path / "out", *flags, probes=("noise", "adversarial", "bias"))
    said = "language of the texts: home German (detected)"
    assert said in capsys.readouterr().err.splitlines()
    (dataset,) = content["data"]
    assert dataset["language"] == {"code": "de", "how": "detected", "shares": {}, "said": "German (detected)"}
    skipped = {record["probe"]: {gap["reason"] for gap in record["skipped"]} for record in content["records"]}
    assert skipped["noise"] == {"no word list for German"}
    assert skipped["adversarial"] == {"its synonyms are of the English WordNet; the data are in German"}
    assert skipped["bias"] == set()
    page = (tmp_path / "out" / "scorecard.html").read_text(encoding="utf-8")
    assert "German (detected)" in page
    assert "no word list for German" in page
    assert "its synonyms are of the English WordNet" in page


@pytest.mark.parametrize("by", ["flag", "config"])
def test_a_language_may_be_given(checkpoint: Path, tmp_path: Path, by: str, capsys: pytest.CaptureFixture[str]) -> None:
    told = '[data]\nlanguage = "es"\n' if by == "config" else ""
    (tmp_path / "audit.toml").write_text(f'{told}[probes.noise]\nperturbations = ["keyboard typo"]\n', "utf-8")
    flags = ["--config", str(tmp_path / "audit.toml"), "--data", str(DATA / "german.csv")]
    flags += ["--data-language", "es"] if by == "flag" else []
    content = audited(checkpoint, tmp_path / "out", *flags)
    (dataset,) = content["data"]
    said = "Spanish (given, but the rows read as German 100%)"
    assert dataset["language"]["said"] == said
    assert dataset["language"]["shares"] == {"de": 1.0}
    assert (
        f"language of the texts: {said}; noise, attacks and sentences are those for Spanish" in capsys.readouterr().err
    )
    (bias,) = (record for record in content["records"] if record["probe"] == "bias")
    assert {gap["reason"] for gap in bias["skipped"]} == {
        "its sentences are in English and German; the data are in Spanish"
    }
    of_bias = {verdict["outcome"] for verdict in content["decision"]["verdicts"] if _is_of(content, verdict, "bias")}
    assert of_bias == {"not_applicable"}


def _is_of(content: dict[str, Any], verdict: dict[str, Any], probe: str) -> bool:
    return bool(content["policy"]["rules"][verdict["rule"]]["probe"] == probe)


def test_a_language_that_is_none_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "audit.toml").write_text('[data]\nlanguage = "german"\n', "utf-8")
    with pytest.raises(AuditError) as caught:
        configs.load(tmp_path / "audit.toml")
    assert '[data] language = "german" is no ISO 639-1 code of a language: write de' in caught.value.line
    assert main(["run", "--model", str(tmp_path), "--data-language", "xx"]) == 2
    line = capsys.readouterr().err.strip()
    assert line.endswith(
        "--data-language xx: is no ISO 639-1 code of a language: known: ar, de, en, es, fr, it, ja, nl, pt, ru, zh"
    )


def rows(code: str) -> list[Example]:
    texts = SAMPLES[code] * 4
    return [Example(f"train:{place}", {"text": value}, TASK.labels[place % 2]) for place, value in enumerate(texts)]


class Training:
    """What a recipe asks of a training here."""

    task = TASK
    rng = random.Random(0)

    def __init__(self, language: str | None = None) -> None:
        self.language = language


def prepared(recipe: Any, language: str | None = None) -> Any:
    recipe._training = Training(language)
    return recipe


def test_augmentation_perturbs_as_the_language_of_the_rows_allows() -> None:
    recipe = prepared(
        augment.RECIPE(_perturbed_rows.Settings(share=1.0, perturbations=("case", "misspelling", "typos")))
    )
    chinese = recipe.examples(rows("zh"), 0)
    assert len(chinese) == 2 * len(rows("zh"))
    assert all(copy.inputs != row.inputs for row, copy in zip(rows("zh"), chinese[len(rows("zh")) :], strict=True))
    german = recipe.examples(rows("de"), 0)
    assert recipe.examples(rows("de"), 0) == german
    with pytest.raises(DataError) as caught:
        prepared(augment.RECIPE(_perturbed_rows.Settings(perturbations=("upper case",)))).examples(rows("zh"), 0)
    assert "upper case: Chinese has no capital letters" in caught.value.line


def test_a_perturbation_of_another_language_is_passed_over() -> None:
    (row,) = rows("zh")[:1]
    names = ("upper case", "deleted letter")
    for seed in range(8):
        copy = _perturbed_rows.perturbed(row, TASK, names, 0.2, random.Random(seed), "zh")
        assert copy is not None
        assert len(copy.inputs["text"]) < len(row.inputs["text"])
    assert _perturbed_rows.perturbed(row, TASK, ("upper case",), 0.2, random.Random(0), "zh") is None


@pytest.mark.parametrize(
    ("code", "operations", "words"),
    [
        ("de", ("synonyms",), "the training rows are in German, and WordNet has English synonyms alone"),
        ("zh", ("swap",), "the training rows are in Chinese, which has no blanks between words"),
        ("de", ("swap", "deletion"), None),
    ],
)
def test_easy_data_augmentation_refuses_what_a_language_lacks(code: str, operations: Any, words: str | None) -> None:
    recipe = prepared(eda.RECIPE(eda.Settings(copies=1, operations=operations)))
    recipe._synonyms = lambda: lambda _word: ()
    if words is None:
        assert len(recipe.examples(rows(code), 0)) > len(rows(code))
        return
    with pytest.raises(DataError) as caught:
        recipe.examples(rows(code), 0)
    assert words in caught.value.line


@pytest.mark.parametrize(
    ("code", "method", "words"),
    [
        ("de", "pwws", "pwws has English synonyms alone; the training rows are in German"),
        ("ru", "deepwordbug", "deepwordbug edits Latin letters alone; the training rows are in Russian"),
        ("de", "deepwordbug", None),
        ("en", "pwws", None),
    ],
)
def test_training_on_attacks_refuses_what_a_language_lacks(code: str, method: Any, words: str | None) -> None:
    recipe = attack.RECIPE(attack.Settings(method=method))
    if words is None:
        prepared(recipe)._check_language(rows(code))
        return
    with pytest.raises(DataError) as caught:
        prepared(recipe).examples(rows(code), 1)
    assert words in caught.value.line


def test_recipes_go_by_the_language_that_is_given() -> None:
    settings = _perturbed_rows.Settings(share=1.0, perturbations=("upper case",))
    with pytest.raises(DataError, match="upper case: Chinese has no capital letters"):
        prepared(augment.RECIPE(settings), "zh").examples(rows("de"), 0)
    recipe = prepared(eda.RECIPE(eda.Settings(copies=1, operations=("synonyms",))), "de")
    recipe._synonyms = lambda: lambda _word: ()
    with pytest.raises(DataError, match="the training rows are in German, and WordNet"):
        recipe.examples(rows("en"), 0)
    with pytest.raises(DataError, match="deepwordbug edits Latin letters alone; the training rows are in Russian"):
        prepared(attack.RECIPE(attack.Settings(method="deepwordbug")), "ru").examples(rows("en"), 1)


def test_a_language_given_to_training_is_kept_for_the_audit(tmp_path: Path) -> None:
    tiny_checkpoint(tmp_path / "base", head=False)
    how = {"epochs": 1, "max_length": 32, "recipe": {"augment": {"share": 1.0, "perturbations": ["keyboard typo"]}}}
    table = [{"text": f"{row.inputs['text']} {place}", "label": row.gold} for place, row in enumerate(rows("de"))]

    def trained(out: str, language: str | None) -> Any:
        recipes = ["standard", "augment"]
        given: dict[str, Any] = {"settings": how, "recipes": recipes, "data_language": language}
        return auditor.train(tmp_path / "base", table, out=tmp_path / out, **given)

    told, given = trained("told", None), trained("given", "fr")
    assert [each.record.language for each in (*told, *given)] == [None, None, "fr", "fr"]
    assert '"language"' not in (told[0].folder / "training.json").read_text(encoding="utf-8")
    # French keyboards have other neighbours; plain training asks for no language.
    assert [each.record.inputs == other.record.inputs for each, other in zip(told, given, strict=True)] == [True, False]
    command = ["train", "--config", str(tmp_path / "audit.toml"), "--out", str(tmp_path / "given")]
    (tmp_path / "audit.toml").write_text(
        '[data]\ntrain = "train.csv"\n[training]\nbase = "base"\nepochs = 1\n', "utf-8"
    )
    (tmp_path / "train.csv").write_text(
        "text,label\n" + "".join(f"wort {n},{'ab'[n % 2]}\n" for n in range(8)), "utf-8"
    )
    assert main([*command, "--data-language", "nl", "--quiet"]) == 0
    assert json.loads((tmp_path / "given" / "standard" / "training.json").read_text("utf-8"))["language"] == "nl"

    def said(**how: Any) -> str:
        short = [{"text": word, "label": label} for word, label in zip(("a", "a b"), TASK.labels, strict=True)]
        audit = auditor.audit(given[1].folder, table, train=short, probes="quality", fixed=True, **how)
        language: str = audit.content["data"][0]["language"]["said"]
        return language

    assert said().startswith("French (given")
    assert said(data_language="de") == "German (given)"


def test_fixtures_are_sentences_of_their_own() -> None:
    for file in sorted(DATA.glob("*.csv")):
        lines = file.read_text(encoding="utf-8").splitlines()
        assert lines[0] == "text,label"
        assert len(set(lines)) == len(lines)
        assert all(text.words_of(line) for line in lines)

"""Results that contradict themselves are refused, whatever was changed and however well it was hidden."""

from __future__ import annotations

import contextlib
import copy
import itertools
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import small_results
from fakes import BAD
from small_results import edit, leaves, read

from auditor import metrics, results, stats
from auditor.cli.main import main
from auditor.errors import AuditError, ResultsError
from auditor.results import drawn_rows, verification
from auditor.types import Metric, ProbeRecord, Row
from auditor.verdicts import gate, policy
from probes.noise import Settings

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = ("gate", "report", "remedy")
NOISE = Settings(examples=25, severities={"middle": 0.2}, perturbations=("upper case",))
DRAWN_ON = Settings(examples=40, severities={"middle": 0.4}, perturbations=("joined words",))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_results.write(tmp_path_factory.mktemp("results") / "audit")


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With slices, pools and a rule that fails."""
    folder = tmp_path_factory.mktemp("results") / "noisy"
    return small_results.write(folder, "quality", "noise", n=24, settings={"noise": NOISE})


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "audit"))


def refused(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> None:
    """Every command that reads results ends with exit code 2 and one line that has the words; no decision is shown."""
    page = folder / results.PAGE
    for command in COMMANDS:
        assert main([command, str(folder)]) == 2, command
        said = capsys.readouterr()
        assert said.err.count("\n") == 1, said.err
        assert all(word in said.err for word in words), said.err
        assert said.out == ""
    assert not page.exists()


def test_results_that_nobody_touched_are_judged_as_they_were(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gate", str(folder), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == {"policy": "small.toml", **read(folder)["decision"]}
    assert main(["report", str(folder)]) == 0
    assert "Release" in (folder / results.PAGE).read_text(encoding="utf-8")


def test_results_with_every_kind_of_metric_are_judged_as_they_were(noisy: Path) -> None:
    assert verification.load(noisy).results == read(noisy)


def test_the_same_results_are_written_to_the_same_bytes(original: Path, tmp_path: Path) -> None:
    again = small_results.write(tmp_path / "again")
    for name in (results.RESULTS, results.CASES, results.EXAMPLES):
        assert (again / name).read_bytes() == (original / name).read_bytes(), name


# One leaf after the other.


def changed(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value + 0.25
    if isinstance(value, str):
        return value + "x"
    return 1 if value is None else ["x"] if value == [] else {"x": "x"}


def places(document: dict[str, Any]) -> Iterator[tuple[tuple[Any, ...], Callable[[Any, Any], None]]]:
    """Every leaf of a document, to be changed and to be taken away."""

    def change(place: Any, key: Any) -> None:
        place[key] = changed(place[key])

    def delete(place: Any, key: Any) -> None:
        del place[key]

    return itertools.product(leaves(document), (change, delete))


def at(document: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        document = document[key]
    return document


def test_every_leaf_of_results_that_is_changed_or_taken_away_is_found(folder: Path) -> None:
    document = read(folder)
    tried = 0
    for path, act in places(document):
        found = copy.deepcopy(document)
        act(at(found, path[:-1]), path[-1])
        results.write_json(folder / results.RESULTS, found)
        with pytest.raises(ResultsError) as caught:
            verification.load(folder)
        assert results.RESULTS in caught.value.line or results.EXAMPLES in caught.value.line, path
        tried += 1
    assert tried > 800


BY_DIGEST_ALONE: dict[tuple[str, ...], str] = {
    ("auditor",): "which version wrote it",
    ("seed",): "what was drawn by it is in the rows",
    ("config", "*"): "what was asked for, the design too; what came of it is in the rows (but for [[compare]])",
    ("partial",): "whether all probes were asked for; those that were not say so themselves",
    ("task", "settings", "*"): "what was asked for (metrics that follow from it are checked)",
    ("environment", "*"): "versions and device",
    ("resources", "*"): "what was installed",
    ("methods", "*"): "descriptions",
    ("limitations", "*"): "descriptions",
    ("data", "*"): "files, as they were read: the rows know their clusters alone (but for the doubt)",
    ("models", "#", "path"): "where it stood",
    ("models", "#", "fingerprint"): "of weights that are not here",
    ("models", "#", "training", "*"): "how it was trained",
    ("until_decided", "*"): "how much was drawn",
    ("drawn", "looks"): "looks that were made: a slice without a number may have had the last",
    ("drawn", "clusters"): "rows that were drawn, of which the rows know the clusters alone",
    ("drawn", "available"): "rows that were not drawn",
    ("drawn", "saved"): "share of the rows that were not drawn",
    ("records", "#", "reason"): "words",
    ("records", "#", "missing"): "words",
    ("records", "#", "limitation"): "which row of the page",
    ("records", "#", "description"): "words",
    ("records", "#", "settings", "*"): "what was asked for: more than there was is believed, and loosens the looks",
    ("records", "#", "counts", "*"): "cases, of which the rows know none",
    ("records", "#", "skipped", "*"): "words, of what has no rows (a rule that reads it shows in the decision)",
    ("records", "#", "worst", "*"): "texts",
    ("records", "#", "pairs", "*"): "texts",
    ("records", "#", "tables", "*"): "rows for reviewers, with texts: what follows from their verdicts decides nothing",
    ("records", "#", "weighted_texts", "*"): "texts, and what their words weigh",
    ("records", "#", "metrics", "#", "title"): "words",
    (
        "records",
        "#",
        "measurements",
        "#",
        "available",
    ): "clusters that were not drawn: advice goes by it, and of those drawn on what is drawn",
    ("records", "#", "measurements", "#", "cluster_unit"): "a word, for advice",
    ("records", "#", "measurements", "#", "n_cases"): "cases, of which the rows know none",
    ("records", "#", "measurements", "#", "vacuous"): "share of the cases; beyond a half it is a status, and found",
    ("policy", "name"): "the name of a file that may be gone",
    ("policy", "sha256"): "of a file that may be gone (that of a shipped policy is looked into)",
    ("policy", "rules", "#", "why"): "words",
}
"""What no row determines, and why: whoever changes it and writes its digest anew is not found. It decides nothing."""


def stands_by_its_digest_alone(path: tuple[Any, ...]) -> bool:
    return any(_matches(path, pattern) for pattern in BY_DIGEST_ALONE)


def _matches(path: tuple[Any, ...], pattern: tuple[str, ...]) -> bool:
    if pattern[-1] == "*":
        path, pattern = path[: len(pattern) - 1], pattern[:-1]
    return len(path) == len(pattern) and all(
        isinstance(key, int) if wanted == "#" else key == wanted for key, wanted in zip(path, pattern, strict=True)
    )


def believed(folder: Path, keep: Callable[[tuple[Any, ...]], bool], acts: str) -> tuple[list[tuple[Any, ...]], int]:
    """Leaves whose change nobody notices, with digests written anew, and how many were tried."""
    document = read(folder)
    unnoticed, tried = [], 0
    for path, act in places(document):
        if path[0] == results.DIGESTS or not keep(path) or act.__name__ not in acts:
            continue
        found = copy.deepcopy(document)
        act(at(found, path[:-1]), path[-1])
        results.write(folder, found)
        tried += 1
        with contextlib.suppress(AuditError):
            verification.load(folder)
            unnoticed.append(path)
    results.write(folder, document)
    return unnoticed, tried


def test_every_leaf_that_the_rows_determine_is_found_even_with_digests_written_anew(folder: Path) -> None:
    document = read(folder)
    unnoticed, tried = believed(folder, lambda path: not stands_by_its_digest_alone(path), "change delete")
    assert (unnoticed, tried > 300) == ([], True)
    unnoticed, _ = believed(folder, stands_by_its_digest_alone, "change")
    # The list above holds nothing that is found after all, and nothing that there is not.
    for pattern in BY_DIGEST_ALONE:
        there = [path for path in leaves(document) if _matches(path, pattern)]
        assert there, pattern
        assert any(path in unnoticed for path in there) or all(
            at(document, path) in ([], {}, None) for path in there
        ), pattern


def test_slices_pools_and_failing_rules_are_no_exception(noisy: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(noisy, tmp_path / "audit"))
    record = [(one["model"], one["probe"]) for one in read(folder)["records"]].index(("candidate", "noise"))
    turn = itertools.count()

    def keep(path: tuple[Any, ...]) -> bool:
        """Every third: slices repeat the same fields."""
        mine = path[0] in ("decision", "policy", "comparisons") or path[:2] == ("records", record)
        return mine and not stands_by_its_digest_alone(path) and next(turn) % 3 == 0

    unnoticed, tried = believed(folder, keep, "change")
    assert (unnoticed, tried > 100) == ([], True)


# The parts beside results.json.


def rows_of(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / results.EXAMPLES)


def one_more_right(folder: Path) -> None:
    rows = rows_of(folder)
    rows["total"] = [1.0 - rows["total"].iloc[0], *rows["total"].iloc[1:]]
    rows.to_parquet(folder / results.EXAMPLES)


def rows_of_another_audit(folder: Path) -> None:
    other = small_results.write(folder.parent / "other", n=50)
    shutil.copy(other / results.EXAMPLES, folder / results.EXAMPLES)


def cases_of_another_audit(folder: Path) -> None:
    other = small_results.write(folder.parent / "other", n=50)
    shutil.copy(other / results.CASES, folder / results.CASES)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (one_more_right, results.EXAMPLES),
        (rows_of_another_audit, results.EXAMPLES),
        (cases_of_another_audit, results.CASES),
        (lambda folder: (folder / results.EXAMPLES).write_bytes(b""), results.EXAMPLES),
        (lambda folder: (folder / results.CASES).write_bytes(b""), results.CASES),
    ],
)
def test_a_part_that_was_changed_or_is_anothers_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str], change: Callable[[Path], None], part: str
) -> None:
    change(folder)
    refused(folder, capsys, part, "is not the file that results.json was written with")


def test_rows_that_are_gone_are_named_and_cases_may_be(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / results.CASES).unlink()
    assert main(["gate", str(folder)]) == 0
    capsys.readouterr()
    (folder / results.EXAMPLES).unlink()
    refused(folder, capsys, results.EXAMPLES, "is missing")


def test_changed_rows_are_found_with_digests_written_anew(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one_more_right(folder)
    edit(folder, lambda _: None, seal=True)
    refused(folder, capsys, "candidate: quality accuracy: value is 1.0, but its rows give 0.98")


def test_a_row_that_no_measurement_has_is_found(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = rows_of(folder)
    more = rows.iloc[:1].assign(metric="another")
    pd.concat([rows, more]).to_parquet(folder / results.EXAMPLES)
    edit(folder, lambda _: None, seal=True)
    refused(folder, capsys, results.EXAMPLES, "belong to no measurement")


@pytest.mark.parametrize("number", [float("inf"), float("nan"), -1.0, 2.0])
def test_rows_that_cannot_be_are_one_line(folder: Path, capsys: pytest.CaptureFixture[str], number: float) -> None:
    rows = rows_of(folder)
    rows.loc[0, "total"] = number
    rows.to_parquet(folder / results.EXAMPLES)
    edit(folder, lambda _: None, seal=True)
    refused(folder, capsys)


# What an editor would want to reach.


def widened(content: dict[str, Any]) -> None:
    for record in content["records"]:
        for metric in record["metrics"]:
            metric["low"], metric["high"] = -9.0, 9.0


def released(content: dict[str, Any]) -> None:
    content["decision"] |= {"exit_code": 0, "release": True, "headline": "Release: all within the limits."}


def loosened(content: dict[str, Any]) -> None:
    for rule in content["policy"]["rules"]:
        rule["max"] = None if rule["max"] is None else 1.0


def crashed(content: dict[str, Any]) -> None:
    content["records"][0] |= {"status": "failed", "reason": "gone", "measurements": []}


def copied(content: dict[str, Any]) -> None:
    content["records"].append(copy.deepcopy(content["records"][0]))


def renamed(content: dict[str, Any]) -> None:
    content["candidate"] = "weaker"


@pytest.mark.parametrize("seal", [False, True])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (widened, "quality accuracy: low = -9.0, but its probe declares 0.0"),
        (released, "decision.exit_code is 0, but 3 follows"),
        (loosened, "policy.rules.1.text"),
        (crashed, "belong to no measurement"),
        (copied, "does not have each probe exactly once"),
        (renamed, "'weaker' is not the model marked as candidate"),
    ],
)
def test_what_would_release_a_model_is_refused(
    noisy: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[Any], None],
    words: str,
    seal: bool,
) -> None:
    folder = Path(shutil.copytree(noisy, tmp_path / "audit"))
    edit(folder, change, seal=seal)
    refused(folder, capsys, words if seal else "its content does not match its digest")


def unsure(content: dict[str, Any]) -> None:
    content["doubts"] = content["doubts"][:-1]


def reworded(content: dict[str, Any]) -> None:
    content["doubts"] = [f"{doubt}x" for doubt in content["doubts"]]


def read_rightly(content: dict[str, Any]) -> None:
    del content["data"][0]["doubt"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (unsure, "doubts is "),
        (reworded, "doubts.0 is "),
        (lambda content: content.pop("doubts"), "doubts is None"),
        (lambda content: content["doubts"].append("another"), "doubts is "),
        (read_rightly, "data.0.doubt is None"),
    ],
)
def test_a_doubt_that_is_dropped_or_changed_is_refused(
    tmp_path: Path, change: Callable[[Any], None], words: str
) -> None:
    folder = small_results.write(tmp_path / "doubted", known=BAD)
    content = read(folder)
    assert len(content["doubts"]) == 1
    assert verification.load(folder).results == content
    edit(folder, change, seal=True)
    with pytest.raises(ResultsError, match=words):
        verification.load(folder)


def one_look(content: dict[str, Any]) -> None:
    """Every slice at the whole error, which is looser than its look's share."""
    content.pop("looks")
    for record in content["records"]:
        for found in record["measurements"]:
            found.pop("look", None)
            found.pop("looks", None)


def one_look_planned(content: dict[str, Any]) -> None:
    one_look(content)
    content["drawn"].pop("planned")


def one_look_drawn(content: dict[str, Any]) -> None:
    one_look_planned(content)
    content["drawn"]["slices"] = []


def another_slice(content: dict[str, Any]) -> None:
    content["drawn"]["slices"][0]["metric"] = "accuracy"


def of_the_comparator(content: dict[str, Any]) -> None:
    for record in content["records"]:
        for found in record["measurements"]:
            if record["model"] == "weaker":
                found["looks"] = 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (one_look, "looks is 1, but drawn.planned is 3"),
        (one_look_planned, "drawn.planned is missing"),
        (one_look_drawn, "drawn.planned is missing"),
        (another_slice, "drawn.slices are not those that required rules read"),
        (of_the_comparator, "weaker: quality accuracy is of look 1 of 3, which was not planned"),
        (lambda content: content["drawn"].update(planned=2), "looks is 3, but drawn.planned is 2"),
        (lambda content: content["drawn"].update(looks=1), "is of look 2 of 3, which was not planned"),
        (lambda content: content["config"]["audit"].update(design="fixed"), "config.audit.design is 'fixed'"),
        (lambda content: content["drawn"]["slices"][0].update(clusters=50), "has 50 clusters"),
    ],
)
def test_looser_looks_are_refused_with_the_decision_that_follows(
    folder: Path, change: Callable[[Any], None], words: str
) -> None:
    def edited(content: dict[str, Any]) -> None:
        change(content)
        rules = results.policy_of(content)
        records = verification.computed(results.records_of(content, folder), "")
        looks = min(3, content.get("looks", 1))
        decision = gate.decide(rules, records, content["candidate"], looks=looks)
        content["decision"] = results.decision_dict(decision, rules)

    edit(folder, edited, seal=True)
    with pytest.raises(ResultsError, match=re.escape(words)):
        verification.load(folder)


def of_few_rows(content: dict[str, Any]) -> None:
    """The probe asks for 40 rows: its 60 clusters are of the second of three looks (and of no fixed design)."""
    for record in content["records"]:
        record["settings"]["examples"] = 40


def nothing_drawn(content: dict[str, Any]) -> None:
    one_look(content)
    content.pop("drawn")


def nothing_drawn_but_fixed(content: dict[str, Any]) -> None:
    nothing_drawn(content)
    content["config"]["audit"]["design"] = "fixed"


def drawn_once(content: dict[str, Any], reason: str | None, planned: int | None) -> None:
    one_look_planned(content)
    for drawn in content["drawn"]["slices"]:
        drawn.update({"design": "fixed", **({"reason": reason} if reason else {})})
    if planned:
        content["looks"] = content["drawn"]["planned"] = planned


def of_two_looks(content: dict[str, Any], planned: int) -> None:
    content["looks"] = content["drawn"]["planned"] = planned
    for measurement in content["records"][0]["measurements"]:
        if "looks" in measurement:
            measurement["looks"] = 2


def at_the_last_look(content: dict[str, Any]) -> None:
    content["drawn"]["looks"] = 3
    for measurement in content["records"][0]["measurements"]:
        if "look" in measurement:
            measurement["look"] = 3


def with_none_left(change: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    """The change, with no more clusters available than were drawn."""

    def changed_too(content: dict[str, Any]) -> None:
        change(content)
        content["drawn"]["slices"][0]["available"] = 60
        for measurement in content["records"][0]["measurements"]:
            if measurement["metric"] == "gain_over_majority":
                measurement["available"] = 60

    return changed_too


def of_many_rows(change: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    """The change, with a setting that allows as many clusters at any look."""

    def changed_too(content: dict[str, Any]) -> None:
        change(content)
        for record in content["records"]:
            record["settings"]["examples"] = 1000

    return changed_too


def judged_again(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the results and seal them, with the decision that follows."""

    def edited(content: dict[str, Any]) -> None:
        change(content)
        rules = results.policy_of(content)
        records = verification.computed(results.records_of(content, folder), "")
        decision = gate.decide(rules, records, content["candidate"], looks=content.get("looks", 1))
        content["decision"] = results.decision_dict(decision, rules)

    edit(folder, edited, seal=True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (nothing_drawn, "has 60 clusters, but look 1 of 1 has at most 59 rows"),
        (nothing_drawn_but_fixed, "has 60 clusters, but look 1 of 1 has at most 40 rows"),
        (lambda content: drawn_once(content, None, None), "drawn.planned is missing"),
        (of_many_rows(lambda content: drawn_once(content, None, 3)), "but its slices have 1 at most"),
        (lambda content: drawn_once(content, stats.looks.ALL, 3), "look 1 of 1 has at most 59 rows"),
        (lambda content: drawn_once(content, stats.looks.OWN, 3), "but its slices have 1 at most"),
        (lambda content: of_two_looks(content, 3), "is of look 2 of 2, but 3 looks are planned for its rows"),
        (lambda content: of_two_looks(content, 2), "is of look 2 of 2, but 3 looks are planned for its rows"),
        (of_many_rows(with_none_left(lambda content: of_two_looks(content, 3))), "its slices have 2 at most"),
        (of_many_rows(lambda content: of_two_looks(content, 2)), "but 90 clusters are available, and it has 60"),
        (at_the_last_look, "is of look 3 of 3, but 90 clusters are available, and it has 60"),
        (lambda content: content["data"][0].update(used=89), "look 2 of 3 has at most 58 rows"),
        (
            lambda content: content["data"][0].update(used=91),
            "90 clusters are available, where its rows make 91 at least",
        ),
        (lambda content: content["config"]["audit"].update(budget=60), "look 2 of 3 has at most 39 rows"),
        (lambda content: content["drawn"]["slices"][0].update(available=60), "but its measurement has 90"),
        (lambda content: content["drawn"]["slices"][0].update(reason=stats.looks.OWN), "but its measurement has 3"),
        (
            lambda content: content["drawn"]["slices"][0].update(design="fixed", reason="no more"),
            "is fixed, for the reason 'no more'",
        ),
        (
            lambda content: content["drawn"]["slices"][0].update(
                design="fixed", reason=stats.looks.SEARCH, available=60
            ),
            "is of a probe that does not search",
        ),
        (
            lambda content: content["drawn"]["slices"][0].update(design="fixed", reason=stats.looks.OWN, available=61),
            "with 60 of 61 clusters",
        ),
    ],
)
def test_looks_that_have_too_few_rows_for_their_clusters_are_refused(
    folder: Path, change: Callable[[Any], None], words: str
) -> None:
    judged_again(folder, of_few_rows)
    verification.load(folder)
    judged_again(folder, change)
    with pytest.raises(ResultsError, match=re.escape(words)):
        verification.load(folder)


BELIEVED_LOOKS: dict[str, Callable[[dict[str, Any]], None]] = {
    "the last look for the one before, of a set whose other rows do not count": with_none_left(at_the_last_look),
    "one look, of a probe that asks for more rows": of_many_rows(nothing_drawn),
    "a fixed design, of a probe that asks for more rows": of_many_rows(nothing_drawn_but_fixed),
    "two planned looks, of a probe that asks for more rows of a set whose other rows do not count": of_many_rows(
        with_none_left(lambda content: of_two_looks(content, 2))
    ),
}
"""What the digest alone protects: another honest audit of the same answers has these results, to the last byte."""


@pytest.mark.parametrize("change", BELIEVED_LOOKS.values(), ids=list(BELIEVED_LOOKS))
def test_looks_that_the_digest_alone_protects_are_known(folder: Path, change: Callable[[Any], None]) -> None:
    judged_again(folder, of_few_rows)
    judged_again(folder, change)
    verification.load(folder)


@pytest.fixture(scope="module")
def drawn_on(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise on 40 rows of 180, at the first of three looks; of 120 rows the clean answers are known."""
    folder = tmp_path_factory.mktemp("results") / "drawn"
    small_results.write(folder, "quality", "noise", n=120, settings={"noise": DRAWN_ON})

    def of_three_looks(content: dict[str, Any]) -> None:
        for drawn, measurement in noise_of(content):
            measurement["looks"] = 3
            measurement["available"] = measurement["n_clusters"] * 180 // 40
            drawn.update(design="adaptive", available=measurement["available"])
            del drawn["reason"]

    judged_again(folder, of_three_looks)
    assert noise_of(read(folder))
    return folder


def noise_of(content: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The slices of noise that are listed as drawn, each with its measurement."""
    (noise,) = (each for each in content["records"] if (each["model"], each["probe"]) == ("candidate", "noise"))
    return [
        (drawn, measurement)
        for drawn in content["drawn"]["slices"]
        for measurement in noise["measurements"]
        if drawn["probe"] == "noise" and all(drawn[key] == measurement[key] for key in ("metric", "slice"))
    ]


def all_at_look(content: dict[str, Any], look: int) -> None:
    content["drawn"]["looks"] = look
    for drawn, measurement in noise_of(content):
        measurement["look"] = look
        if look == 3:
            measurement["available"] = drawn["available"] = measurement["n_clusters"]


def at_their_only_look(content: dict[str, Any]) -> None:
    content["config"]["audit"]["design"] = "adaptive"
    nothing_drawn(content)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda content: all_at_look(content, 3), "look 3 of 3, but it has clean answers to rows that were not drawn"),
        (at_their_only_look, "is of look 1 of 1, but 3 looks are planned for its rows"),
    ],
)
def test_rows_say_that_a_slice_has_more_to_draw(
    drawn_on: Path, tmp_path: Path, change: Callable[[Any], None], words: str
) -> None:
    verification.load(drawn_on)
    folder = Path(shutil.copytree(drawn_on, tmp_path / "audit"))
    judged_again(folder, change)
    with pytest.raises(ResultsError, match=re.escape(words)):
        verification.load(folder)


def test_slices_of_one_look_have_their_rows_in_common() -> None:
    """Two slices of 30 clusters each, half of them in common, are of 45 rows, and a first look has 40."""
    names = [f"home:{number}" for number in range(2, 47)]
    slices = [({"severity": "low"}, names[:30]), ({"severity": "middle"}, names[15:])]
    read = [
        ("noise", metrics.measurement(flips, slice_, [Row(name, "", 0.0, 1.0) for name in own], n_cases=30))
        for slice_, own in slices
        for flips in [metrics.flip_rate()]
    ]
    content = {
        "candidate": "m",
        "config": {"audit": {"design": "fixed"}},
        "data": [{"name": "home", "used": 300}],
        "task": {"name": "text-classification", "labels": ["negative", "positive"]},
    }
    for examples, refused in ((40, 2), (45, 0)):
        record = ProbeRecord("m", "noise", "measured", settings={"examples": examples})
        problems = list(drawn_rows.problems(content, [record], read, is_fixed=True))
        assert len(problems) == refused
        assert all("has 45 clusters, but look 1 of 1 has at most 40 rows" in problem for problem in problems)


def test_rules_that_are_not_those_of_the_shipped_policy_whose_digest_they_have_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(folder, lambda content: content["policy"].update(name="default", sha256=policy.load().sha256), seal=True)
    refused(folder, capsys, "its rules differ from the file with its SHA-256")


def test_metrics_of_a_probe_that_is_not_installed_stand_by_the_digest(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def own(content: dict[str, Any]) -> None:
        for record in content["records"]:
            record["metrics"][0]["high"] = 2.0

    edit(folder, own, seal=True)
    with pytest.raises(ResultsError, match=r"high = 2\.0"):
        verification.load(folder)
    monkeypatch.setattr("auditor.plugins.registry.installed", lambda _names: {})
    with pytest.raises(ResultsError, match="its rows give"):
        verification.load(folder)


def test_results_of_schema_1_have_to_be_made_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(folder, lambda content: content.update(schema=1), seal=False)
    refused(folder, capsys, "schema 1 is from an earlier auditor", "run the audit again")


def test_another_order_of_keys_and_another_layout_are_the_same_results(folder: Path) -> None:
    content = read(folder)
    (folder / results.RESULTS).write_text(json.dumps(dict(reversed(content.items())), indent=None), encoding="utf-8")
    assert verification.load(folder).decision.exit_code == 0


def test_a_key_that_stands_twice_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = folder / results.RESULTS
    file.write_text(file.read_text(encoding="utf-8").replace('"seed": 0', '"seed": 1, "seed": 0', 1), encoding="utf-8")
    refused(folder, capsys, "the key 'seed' occurs twice")


def test_numbers_may_differ_by_less_than_results_keep() -> None:
    assert verification._same(0.123456789, 0.123456790)
    assert not verification._same(0.123456789, 0.123456799)
    assert verification._same(1e6 + 0.1, 1e6 + 0.1 + 1e-9)
    assert verification._same(1, 1.0)
    assert not verification._same(1, 2)
    assert not verification._same(1, True)
    assert not verification._same(None, 0.0)


# Which policy.

STRICT = """
[[rule]]
probe = "quality"
metric = "accuracy"
min = 0.999
why = "Nothing below is good enough."
"""


def test_gate_and_report_go_by_the_policy_of_the_audit_or_by_another_and_say_which(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    strict = tmp_path / "strict.toml"
    strict.write_text(STRICT, encoding="utf-8")
    assert main(["gate", str(folder)]) == 0
    assert capsys.readouterr().out.startswith("policy: small.toml (the audit was judged by it)\n")
    assert main(["gate", str(folder), "--policy", str(strict)]) == 3
    assert capsys.readouterr().out.startswith("policy: strict.toml\n")
    page = folder / results.PAGE
    assert main(["report", str(folder)]) == 0
    own = page.read_text(encoding="utf-8")
    assert "small.toml" in own
    assert "1 required check, all within the limits." in own
    assert main(["report", str(folder), "--policy", str(strict)]) == 0
    other = page.read_text(encoding="utf-8")
    assert "strict.toml" in other
    assert "Nothing below is good enough." in other
    assert "Release" not in other
    assert read(folder)["policy"]["name"] == "small.toml"


def test_verdicts_for_programs_name_what_they_are_about(noisy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["gate", str(noisy), "--json"])
    said = json.loads(capsys.readouterr().out)
    rules = [rule for rule in policy.load().rules if rule.probe in ("quality", "noise")]
    assert said["policy"] == "small.toml"
    for verdict in said["verdicts"]:
        rule = rules[verdict["rule"]]
        assert (rule.probe, rule.metric) == (verdict["probe"], verdict["metric"])
        assert verdict["required"] in ("always", "never")
        assert verdict["limit"] is None or set(verdict["limit"].values()) == {rule.limit}
        assert verdict.get("margin", 0.0) == rule.margin
        assert {"slice", "value", "low", "high", "outcome", "reason"} <= verdict.keys()
    assert {verdict["probe"] for verdict in said["verdicts"]} == {"quality", "noise"}
    limits = {json.dumps(verdict["limit"]) for verdict in said["verdicts"]}
    assert limits == {'{"min": 0.1}', '{"max": 0.1}', '{"max": 0.15}', '{"max": 0.2}', "null"}


def test_gate_and_report_load_neither_torch_nor_pandas(original: Path, tmp_path: Path) -> None:
    code = (
        "import sys\nfrom auditor.cli.main import main\n"
        f"codes = [main(['gate', {str(original)!r}])]\n"
        f"codes += [main(['report', {str(original)!r}, '--out', {str(tmp_path / 'p.html')!r}])]\n"
        "loaded = {'torch', 'transformers', 'pandas', 'textattack', 'sklearn'} & set(sys.modules)\n"
        "sys.exit(f'{codes} {loaded}' if loaded or codes != [0, 0] else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr


def test_a_metric_is_compared_in_all_that_decides() -> None:
    """What a metric declares is compared or words, but for what results do not hold."""
    fields = set(Metric.__dataclass_fields__)
    assert fields == {*verification.DECLARED, "name", "title", "read", "against", "predicted_by_clean"}

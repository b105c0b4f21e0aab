"""A third party's task in one file outside the project.

It is found by its entry point, listed, and refused if it lacks something.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor import tasks
from auditor.cli.main import main
from auditor.errors import ConfigError
from auditor.types import SAME_WORDS, Example, Score, Task

TASK = '''
"""How many stars a review gives."""

from __future__ import annotations

from auditor.tasks import TaskDefaults
from auditor.types import SAME_WORDS, Classify, Score


class Stars(TaskDefaults):
    """A review, and its stars."""

    name = "stars"
    fields = ("review",)
    metric = "exact_match"
    ratio = False
    head = "sequence"
    offers = frozenset({"class_scores", "one_label"})
    example_labels = ("one", "two")

    def read(self, row, columns):
        return {"review": row[columns["review"]]}, row[columns["label"]] if "label" in columns else None

    def request(self, inputs):
        return Classify((inputs["review"],))

    def score(self, gold, response):
        return Score(float(self.show(response) == gold), 1.0)

    def same(self, before, after, alignment=SAME_WORDS):
        return self.show(before) == self.show(after)

    def likelihood(self, gold, response):
        return response[self.labels.index(gold)]

    def show(self, value):
        return self.labels[max(range(len(self.labels)), key=value.__getitem__)]

    def class_scores(self, response):
        return dict(zip(self.labels, response, strict=True))


TASK = Stars
'''


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    """The tasks found are those of each test's own path."""
    tasks.kinds.cache_clear()
    yield
    tasks.kinds.cache_clear()


def install(site: Path, code: str, entry: str = "stars = stars_task") -> None:
    """A distribution as pip would leave it."""
    info = site / "stars_task-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "stars_task.py").write_text(code, encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stars-task\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[{tasks.GROUP}]\n{entry}\n", encoding="utf-8")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "stars_task", raising=False)
    return tmp_path


OWN = tasks.names()
"""Tasks of auditor's own."""


@pytest.mark.parametrize("entry", ["stars = stars_task", "other = stars_task:Stars"])
def test_it_is_a_task_like_any_other(site: Path, entry: str, capsys: pytest.CaptureFixture[str]) -> None:
    install(site, TASK, entry)
    assert tasks.names() == (*OWN, "stars")
    task = tasks.create("stars", ("one", "two", "three"), {"3": "three"})
    assert isinstance(task, Task)
    assert (task.name, task.labels, task.mapping) == ("stars", ("one", "two", "three"), {"3": "three"})
    assert task.score("two", (0.1, 0.8, 0.1)) == Score(1.0, 1.0)
    # What it does not say is as for most tasks.
    assert task.follow("two", SAME_WORDS) == "two"
    assert task.goal(Example("x", {"review": "fine"}, "two"), (0.1, 0.8, 0.1)) is None
    assert main(["probes", "--json"]) == 0
    listed = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert listed["quality"]["metrics"]["stars"] == ["exact_match", "gain_over_majority", "recall"]
    assert listed["entities"]["not_applicable"]["stars"] == "the task labels texts, not their words"
    assert listed["adversarial"]["not_applicable"]["stars"] == "the task does not support attacks"


def test_a_name_that_is_not_known_is_matched_with_its_own(site: Path) -> None:
    install(site, TASK)
    with pytest.raises(ConfigError, match="did you mean 'stars'"):
        tasks.create("star", ("one",))


LACKING = "derive it from auditor.tasks.TaskDefaults; see auditor.types.Task"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (TASK.replace("    def show(", "    def shown("), f"Stars lacks show ({LACKING})"),
        (TASK.replace('    name = "stars"\n', ""), f"Stars lacks name ({LACKING})"),
        (TASK.replace("    head =", "    heads =").replace("metric =", "metrics ="), "Stars lacks metric, head ("),
        (
            TASK.replace("class Stars(TaskDefaults)", "class Stars"),
            "Stars lacks special_tokens, marked, stretches, quotes, detail_metrics, ",
        ),
        (TASK.replace("TASK = Stars", "Task = Stars"), "names no class, nor a module with a class TASK"),
        (TASK.replace("TASK = Stars", "TASK = Stars(())"), "names no class, nor a module with a class TASK"),
        (
            TASK.replace("    def read(", "    def __init__(self, labels, mapping=None): ...\n\n    def read("),
            "Stars(labels, mapping, settings) cannot be called: too many positional arguments",
        ),
        (
            TASK.replace("    ratio = False", "    ratio = False\n    settings = {}"),
            "Stars.settings is no instance of a dataclass (settings = Settings(), of a frozen dataclass with a default",
        ),
        (TASK.replace('name = "stars"', 'name = "ner"'), "two tasks are called 'ner'"),
        (
            "import no_such_module_at_all",
            "does not import: ModuleNotFoundError: No module named 'no_such_module_at_all'",
        ),
        ("1 / 0", "does not import: ZeroDivisionError: division by zero"),
    ],
)
def test_one_that_lacks_something_is_refused_in_one_line(
    site: Path, code: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    install(site, code)
    assert main(["probes"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"entry point stars: {said}" in captured.err
    assert len(captured.err.splitlines()) == 1

"""B3. Six perturbations on 100 reviews through the engine, against one text at a time through the same model."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import common

from auditor import tasks, text
from auditor.engine import Scorer
from auditor.evaluation import sampling
from auditor.models import hugging_face
from auditor.models.options import LoadOptions
from auditor.perturbations import catalogue
from auditor.types import Case, Example
from probes import noise

PERTURBATIONS = (
    "keyboard typo",
    "swapped letters",
    "deleted letter",
    "added punctuation",
    "swapped words",
    "deleted word",
)


def cases(task: Any, examples: list[Example], names: tuple[str, ...]) -> Iterator[Case]:
    settings = noise.Settings(examples=len(examples), perturbations=names, severities={"middle": 0.2})
    audit: Any = SimpleNamespace(
        settings=settings, task=task, examples=lambda *_: examples, rng=lambda *key: sampling.seeded(0, "noise", *key)
    )
    return (one for one in noise.PROBE.cases(audit) if isinstance(one, Case))


def main() -> None:
    parser = common.arguments(__doc__)
    parser.add_argument("--examples", type=int, default=100)
    options = parser.parse_args()
    model = hugging_face.load(options.demo / "ckpt" / options.model, LoadOptions(device="cpu"), name="model")
    task = tasks.create("text-classification", model.labels)
    rows = common.reviews(options.demo, "test", options.examples)
    examples = [Example(f"test:{index}", {"text": value}, label) for index, (value, label) in enumerate(rows)]
    names = tuple(name for name in PERTURBATIONS if name in catalogue.FAMILIES)
    if len(names) != len(PERTURBATIONS):
        raise SystemExit(f"unknown perturbations: {set(PERTURBATIONS) - set(names)}; known: {list(catalogue.FAMILIES)}")
    made = list(cases(task, examples, names))

    def engine() -> None:
        scorer = Scorer(model, task)
        scorer.prepare(examples)
        assert len(list(scorer.score(iter(made)))) == len(made)

    def one_at_a_time() -> None:
        # Each case is a pair of texts, as tools that score one by one ask for it.
        for case in made:
            for inputs in (case.example.inputs, text.edited(case.example.inputs, case.edits)[0]):
                model.run(model.encode([task.request(inputs)]))

    ratios = []
    for _ in range(options.repeat):
        slow, quick = common.seconds(one_at_a_time), common.seconds(engine)
        print(f"  {len(made)} cases: {len(made) / quick:.0f} and {len(made) / slow:.0f} cases/s")
        ratios.append(slow / quick)
    common.report("B3 auditor ÷ one text at a time", ratios, "≥ 3")


if __name__ == "__main__":
    main()

"""B1. TextAttack's own recipes, asked through auditor's engine and through TextAttack's own wrapper: queries a second.

The same recipes, texts and seeds, so that the outcomes have to be the same on the texts that both attack.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

import common

from auditor import resources, tasks
from auditor.engine import Scorer
from auditor.models import hugging_face
from probes import _textattack  # imports TextAttack without its downloads

RECIPES = {"deepwordbug": "DeepWordBugGao2018", "pwws": "PWWSRen2019"}
Outcome = tuple[str, str, int]


def attacked(recipe: str, wrapper: Any, rows: Sequence[tuple[str, int]], batch: int) -> tuple[list[Outcome], float]:
    """(kind of result, final text, queries) of each row, and queries a second."""
    import numpy as np
    import textattack

    attack = getattr(textattack.attack_recipes, RECIPES[recipe]).build(wrapper)
    attack.goal_function.batch_size = batch
    found, began = [], time.perf_counter()
    for index, (text, label) in enumerate(rows):
        random.seed(index)
        np.random.seed(index)
        result = attack.attack(text, label)
        found.append((type(result).__name__, result.perturbed_text(), int(result.num_queries)))
    return found, sum(one[2] for one in found) / (time.perf_counter() - began)


def ours(model: hugging_face.HuggingFaceModel) -> Any:
    task = tasks.create("text-classification", model.labels)
    scorer = Scorer(model, task)

    def ask(texts: Sequence[str]) -> list[list[float]]:
        answers = scorer.ask([{"text": one} for one in texts])
        # TextAttack takes the softmax of what does not sum to one: of logarithms that gives the probabilities back.
        return [[math.log(max(share, 1e-30)) for share in answer] for answer in answers]

    return _textattack._Model(ask)


def main() -> None:
    parser = common.arguments(__doc__)
    parser.add_argument("--ours", type=int, default=100, help="reviews attacked through auditor")
    parser.add_argument("--stock", type=int, default=15, help="of which as many through TextAttack's own wrapper")
    options = parser.parse_args()
    path = options.demo / "ckpt" / options.model
    model = hugging_face.load(path, name="model", device="cpu")
    rows = [(text, model.labels.index(label)) for text, label in common.reviews(options.demo, "test", options.ours)]
    import textattack

    stock: Callable[[], Any] = lambda: textattack.models.wrappers.HuggingFaceModelWrapper(  # noqa: E731
        model.module, model.texts.tokenizer
    )
    for recipe in RECIPES:
        if recipe == "pwws" and not resources.wordnet().present:
            print("B1 pwws: not measured: WordNet is missing")
            continue
        ratios = []
        for _ in range(options.repeat):
            with resources.no_downloads():
                theirs, slow = attacked(recipe, stock(), rows[: options.stock], 32)
                mine, quick = attacked(recipe, ours(model), rows, 512)
            same = sum(one == other for one, other in zip(mine, theirs, strict=False))
            print(f"  {recipe}: {quick:.1f} and {slow:.1f} queries/s; {same} of {len(theirs)} outcomes the same")
            ratios.append(quick / slow)
        common.report(f"B1 {recipe}, auditor ÷ TextAttack's wrapper", ratios, "≥ 15")


if __name__ == "__main__":
    main()

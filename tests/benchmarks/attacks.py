"""B1. TextAttack's own recipes, asked through auditor's engine and through TextAttack's own wrapper: queries a second.

The same recipes, texts and seeds, so that the outcomes have to be the same on the texts that both attack.
"""

from __future__ import annotations

import functools
import importlib.util
import math
import random
import time
from collections.abc import Callable, Sequence
from typing import Any
from unittest import mock

import common

from auditor import tasks
from auditor.attacks import searching  # imports TextAttack without its downloads
from auditor.config.schema import AuditSection
from auditor.engine import Scorer
from auditor.environment import resources
from auditor.models import hugging_face, onnx
from auditor.models.options import LoadOptions
from auditor.results.provenance import CPU_TOKENS
from auditor.types import Model

RECIPES = {"deepwordbug": "DeepWordBugGao2018", "pwws": "PWWSRen2019"}
Outcome = tuple[str, str, int]


def attacked(attack: Any, index: int, text: str, label: int) -> Outcome:
    import numpy as np

    random.seed(index)
    np.random.seed(index)
    result = attack.attack(text, label)
    return type(result).__name__, result.perturbed_text(), int(result.num_queries)


def stock(recipe: str, model: Any, rows: Sequence[tuple[str, int]]) -> list[Outcome]:
    """One after the other, through TextAttack's own wrapper."""
    import textattack

    wrapper = textattack.models.wrappers.HuggingFaceModelWrapper(model.module, model.head.tokenizer)
    attack = built(recipe, wrapper)
    return [attacked(attack, index, *row) for index, row in enumerate(rows)]


def ours(recipe: str, model: Model, rows: Sequence[tuple[str, int]]) -> list[Outcome]:
    """Side by side, through the engine, as ``audit run`` does it by default."""
    task = tasks.create("text-classification", model.labels)
    scorer = Scorer(model, task, width=AuditSection().lockstep, batch_tokens=CPU_TOKENS)
    free: list[Any] = []

    def ask(texts: Sequence[str]) -> list[list[float]]:
        answers = scorer.ask([{"text": one} for one in texts])
        # TextAttack takes the softmax of what does not sum to one: of logarithms that gives the probabilities back.
        return [[math.log(max(share, 1e-30)) for share in answer] for answer in answers if answer is not None]

    def one(index: int, text: str, label: int) -> Outcome:
        attack = free.pop() if free else built(recipe, searching.Model(ask))
        attack.goal_function.batch_size = 512
        found = attacked(attack, index, text, label)
        free.append(attack)
        return found

    return list(scorer.side_by_side(functools.partial(one, index, *row) for index, row in enumerate(rows)))


def built(recipe: str, wrapper: Any) -> Any:
    import textattack

    # PWWS fetches the multilingual WordNet when it is built, which English does without.
    with mock.patch("nltk.download"):
        return getattr(textattack.attack_recipes, RECIPES[recipe]).build(wrapper)


def rate(work: Callable[[], list[Outcome]]) -> tuple[list[Outcome], float]:
    """The outcomes, and queries a second."""
    began = time.perf_counter()
    with resources.no_downloads():
        found = work()
    return found, sum(one[2] for one in found) / (time.perf_counter() - began)


def main() -> None:
    parser = common.arguments(__doc__)
    parser.add_argument("--ours", type=int, default=100, help="reviews attacked through auditor")
    parser.add_argument("--stock", type=int, default=15, help="of which as many through TextAttack's own wrapper")
    parser.add_argument("--recipe", choices=RECIPES, action="append")
    options = parser.parse_args()
    path = options.demo / "ckpt" / options.model
    torch_model = hugging_face.load(path, LoadOptions(device="cpu"), name="model")
    models: dict[str, Model] = {"torch": torch_model}
    if importlib.util.find_spec("onnxruntime") is not None:
        models["ONNX Runtime"] = onnx.load(path, LoadOptions(device="cpu"), name="model")
    labels = torch_model.labels
    rows = [(text, labels.index(label)) for text, label in common.reviews(options.demo, "test", options.ours)]
    for recipe in options.recipe or RECIPES:
        if recipe == "pwws" and not resources.wordnet().present:
            print("B1 pwws: not measured: WordNet is missing")
            continue
        ratios: dict[str, list[float]] = {name: [] for name in models}
        for _ in range(options.repeat):
            theirs, slow = rate(lambda recipe=recipe: stock(recipe, torch_model, rows[: options.stock]))  # type: ignore[misc]
            for name, model in models.items():
                mine, quick = rate(lambda recipe=recipe, model=model: ours(recipe, model, rows))  # type: ignore[misc]
                same = sum(one == other for one, other in zip(mine, theirs, strict=False))
                outcomes = f"{same} of {len(theirs)} outcomes the same"
                print(f"  {recipe}, {name}: {quick:.1f} and {slow:.1f} queries/s; {outcomes}")
                ratios[name].append(quick / slow)
        for name, found in ratios.items():
            common.report(f"B1 {recipe}, auditor with {name} ÷ TextAttack's wrapper", found, "≥ 15")


if __name__ == "__main__":
    main()

"""B12. Attacks on every task, as an audit runs them and by stock TextAttack one after another: queries a second.

Both sides attack the same texts of the same checkpoint by the same recipe with the same budget, without a limit on
words, until its own decision falls: it counts as right, so that every text is attacked. auditor's side is the whole
probe, with the answers before and the scores by a checkpoint loaded anew. TextAttack has goals for single labels, and
its own wrapper asks about one text or two; for the other tasks it searches with auditor's goal, and its questions are
padded as its wrapper pads them: to the longest text that the tokenizer allows, mostly 512 tokens. On a CPU both sides
are bound by the forward passes, so that most of the ratio is this padding.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import mock

import common

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from fakes import shipped
from trained_tasks import prepared, task_of

from auditor import config as configs
from auditor import tasks
from auditor.attacks import recipes, searching  # imports TextAttack without its downloads
from auditor.environment import resources
from auditor.evaluation import build_plan, runner
from auditor.evaluation.plan import Plan
from auditor.models import heads
from auditor.models.libraries import quiet
from auditor.models.loading import auto_class
from auditor.models.tokenizing import load_tokenizer
from auditor.plugins import registry
from auditor.text import split
from auditor.text.spans import tags_of
from auditor.types import Example, GoldAnswer, Response, ScoredCase, Silent, Task

STOCK = {"deepwordbug": "DeepWordBugGao2018", "pruthi": "Pruthi2019"}
SHAPE = {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536}
LENGTH = 512
"""Tokens that a made checkpoint reads, as most encoders do: TextAttack pads every text to it."""
GOAL = "≥ 10 for sentence pairs"


@dataclass
class Tally:
    """What one side asked, and how often it succeeded."""

    attacks: int = 0
    queries: int = 0
    successes: int = 0
    clock: float = field(default_factory=lambda: -time.perf_counter())
    processor: float = field(default_factory=lambda: -time.process_time())
    """Seconds of both, once the side has ended."""

    def end(self) -> Tally:
        self.clock += time.perf_counter()
        self.processor += time.process_time()
        return self

    @property
    def rates(self) -> tuple[float, float]:
        """Queries a second of the clock, and of the processor."""
        return self.queries / self.clock, self.queries / self.processor

    def __str__(self) -> str:
        asked = f"{self.queries} queries, {self.attacks} attacks, {self.successes} successes"
        clock, processor = self.rates
        return f"{clock:.1f} queries/s, {processor:.1f} a second of the processor ({asked})"


def made(folder: Path, task: str) -> Path:
    """A checkpoint with random weights of the size of a small encoder, with rows and config beside it."""
    import torch
    from transformers import AutoConfig

    prepared(folder, task)
    kind, labels = heads.of(tasks.kind(task).head, task=task), task_of(task).labels
    named = {"id2label": dict(enumerate(labels)), "label2id": {label: at for at, label in enumerate(labels)}}
    config = AutoConfig.from_pretrained(
        folder / "base", max_position_embeddings=LENGTH, **SHAPE, **(named if labels else {}), **kind.config
    )
    torch.manual_seed(0)
    tokenizer = load_tokenizer(folder / "base")
    tokenizer.model_max_length = LENGTH
    with quiet():
        auto_class(kind.architecture).from_config(config).save_pretrained(folder / "ckpt" / "standard")
    tokenizer.save_pretrained(folder / "ckpt" / "standard")
    return folder


def decided(task: Task, example: Example, response: Response) -> Any:
    """The model's decision as a gold answer; None where it has nothing to attack."""
    if "one_label" in task.offers:
        return task.show(response)
    if "label_sets" in task.offers:
        return task.given_labels(response)
    given: Any = task
    if "numbers" in task.offers:
        return given.number(response)
    if "labelled_spans" in task.offers:
        (spans,) = task.answer_spans(response).values()
        return tags_of(spans, len(split(example.inputs[task.fields[0]]).words)) if spans else None
    answer = given.answer(response)
    return (GoldAnswer(*answer[:3]),) if answer.text else ()


def planned(folder: Path, recipe: str, options: argparse.Namespace) -> Plan:
    """An audit by the probe adversarial alone of the checkpoint in ``folder``, whose decisions count as right."""
    (probe,) = shipped("adversarial")
    own = {"recipes": [recipe], "examples": options.ours, "query_budget": options.budget, "max_words_changed": 1.0}
    config = configs.overlaid(
        configs.load(folder / "audit.toml"), configs.of_document({"probes": {"adversarial": own}}, "own")
    )
    model = folder / "ckpt" / "standard"
    every = registry.discover()
    left_out = {other.name: "not attacked" for other in every if other.name != probe.name}
    plan = build_plan.prepare(config, build_plan.Options(model), every, left_out, folder).plan
    audited, task = plan.models[0].model, plan.task
    rows = plan.examples["home"][: 3 * options.ours]
    answers = audited.run(audited.encode([task.request(row.inputs) for row in rows]))
    golds = (replace(row, gold=decided(task, row, answer)) for row, answer in zip(rows, answers, strict=True))
    attackable = [row for row in golds if row.gold is not None][: options.ours]
    return replace(plan, probes=(probe,), examples={"home": tuple(attackable)}, budget=None)


def ours(plan: Plan) -> Tally:
    """The whole probe, as ``audit run`` carries it out."""
    tally, fields = Tally(), len(plan.task.fields)

    def count(_model: str, _probe: str, scored: ScoredCase) -> None:
        facts = scored.case.facts
        # An attacker who may change any text asks nothing that the attacks on each did not ask before.
        if facts.get("attacked") == 1.0 and ("field" in scored.case.slice) == (fields > 1):
            tally.attacks += 1
            tally.queries += int(facts["queries"])
            tally.successes += facts["claimed"] == 1.0

    (record,) = runner.run(replace(plan), count, Silent())
    tally.end()
    if record.status != "measured" or plan.errors:
        raise SystemExit(f"{plan.task.name}: {record.reason}")
    return tally


class Padded(searching.Model):
    """A task's goal as a model of two labels; its questions are padded as TextAttack's wrapper pads."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(self._scores)
        self._task, self._model = plan.task, plan.models[0].model
        self.goal: Any = None

    def _scores(self, texts: Sequence[Any]) -> list[tuple[float, ...]]:
        model: Any = self._model
        whole = [(text,) if isinstance(text, str) else text for text in texts]
        every = [dict(zip(self._task.fields, values, strict=True)) for values in whole]
        encoded = model.encode([self._task.request(inputs) for inputs in every])
        # As HuggingFaceModelWrapper does.
        most = model.head.tokenizer.model_max_length
        answers = model.run_together(encoded, length=LENGTH if most == int(1e30) else most)
        return [self.goal(inputs, answer) for inputs, answer in zip(every, answers, strict=True)]


def stock(plan: Plan, recipe: str, options: argparse.Namespace) -> Tally:
    """TextAttack's own recipe, one example after another; each text of several by itself."""
    from textattack.attack_results import SuccessfulAttackResult
    from textattack.models.wrappers import HuggingFaceModelWrapper

    task, model = plan.task, plan.models[0].model
    hugging: Any = model
    wrapper = HuggingFaceModelWrapper(hugging.module, hugging.head.tokenizer) if has_goal(task) else Padded(plan)
    tally = Tally()
    for example in plan.examples["home"][: options.stock]:
        every = OrderedDict((name, example.inputs[name]) for name in task.fields)
        if isinstance(wrapper, Padded):
            (answer,) = model.run(model.encode([task.request(example.inputs)]))
            wrapper.goal = task.goal(example, answer)
        for name in task.fields:
            attack = attack_on(recipe, wrapper, task, example, name)
            attack.goal_function.query_budget = options.budget
            random.seed(tally.attacks)
            label = task.labels.index(example.gold) if has_goal(task) else 0
            result = attack.attack(every if len(every) > 1 else every[name], label)
            tally.attacks += 1
            tally.queries += int(result.num_queries)
            tally.successes += isinstance(result, SuccessfulAttackResult)
    return tally.end()


def has_goal(task: Task) -> bool:
    """Whether TextAttack has a goal for the task: that of a single label."""
    return "one_label" in task.offers


def attack_on(recipe: str, wrapper: Any, task: Task, example: Example, field: str) -> Any:
    """The recipe, which leaves alone the other texts, and the words that the task protects."""
    import textattack

    before = textattack.constraints.pre_transformation
    attack = getattr(textattack.attack_recipes, STOCK[recipe]).build(wrapper)
    if len(task.fields) > 1:
        others = set(task.fields) - {field}
        attack.pre_transformation_constraints.append(before.InputColumnModification(list(task.fields), others))
    protected = task.protected(example).get(field, frozenset())
    if protected:
        # TextAttack joins the texts with a line break.
        joined = "\n".join(example.inputs[name] for name in task.fields)
        start = len(split("\n".join(example.inputs[name] for name in task.fields[: task.fields.index(field)])).words)
        kept = recipes.Kept()
        kept.words, kept.before = frozenset(start + place for place in protected), split(joined)
        attack.pre_transformation_constraints.append(kept)
    return attack


def compared(plan: Plan, recipe: str, options: argparse.Namespace) -> None:
    """Both sides in turn, and their ratio."""
    ratios: list[tuple[float, ...]] = []
    for _ in range(options.repeat):
        theirs, mine = stock(plan, recipe, options), ours(plan)
        print(f"  {plan.task.name}, {recipe}: auditor {mine}; TextAttack {theirs}", flush=True)
        ratios.append(tuple(own / other for own, other in zip(mine.rates, theirs.rates, strict=True)))
    whose = "" if has_goal(plan.task) else ", by auditor's goal in both"
    for of, every in zip(("clock", "processor"), zip(*ratios, strict=True), strict=True):
        common.report(f"B12 {plan.task.name}, {recipe}, auditor ÷ TextAttack{whose}, by the {of}", every, GOAL)


def places(options: argparse.Namespace, folder: Path) -> Iterator[tuple[str, Path]]:
    """Each task and its folder: as given, the demo's, or made in ``folder``."""
    every = [*([options.demo] if (options.demo / "ckpt" / "standard").is_dir() else []), *options.place]
    given: Mapping[str, Path] = {configs.load(place / "audit.toml").task.name: place for place in every}
    for task in options.task or (given if options.place else tasks.names()):
        yield task, given.get(task) or made(folder / task, task)


def main() -> None:
    parser = common.arguments(__doc__)
    parser.set_defaults(repeat=2)
    parser.add_argument(
        "--place", type=Path, action="append", default=[], help="a folder with audit.toml and ckpt/standard"
    )
    parser.add_argument(
        "--task", action="append", choices=tasks.names(), help="which tasks; default: those of --place, or all"
    )
    parser.add_argument("--recipe", action="append", choices=STOCK)
    parser.add_argument("--budget", type=int, default=100, help="queries of one attack")
    parser.add_argument("--ours", type=int, default=32, help="examples attacked through auditor")
    parser.add_argument("--stock", type=int, default=4, help="of which as many through TextAttack")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, mock.patch("nltk.download"), resources.no_downloads():
        for task, folder in places(options, Path(name)):
            for recipe in options.recipe or STOCK:
                if recipe in tasks.kind(task).attacks.recipes:
                    compared(planned(folder, recipe, options), recipe, options)


if __name__ == "__main__":
    main()

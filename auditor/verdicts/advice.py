"""What to do about a failed verdict, or about a gap."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

from auditor.types import (
    CANDIDATE,
    LEFT_OUT,
    NEEDS,
    NOT_SELECTED,
    OUT_OF_SCOPE,
    ProbeRecord,
    Role,
    Slice,
    lacked_by_task,
)
from auditor.verdicts import remedies

HISTORIES = (
    "add training rows with the same last turn after different histories, and with the labels that these give it, "
    "and train again"
)
REMEDY = "audit remedy {folder} proposes a training recipe"
"""The next step after a failure that a remedy answers; ``{folder}``: the results folder."""
BY_ROLE: Mapping[Role, str] = {
    "labels": "correct the order of id2label in config.json, or map the labels of the data with --labels",
    "repeatability": (
        "find what the answers depend on besides the text (dropout that ignores eval(), an attention mask that is not "
        "read, weights that are missing from the checkpoint), mend it, and audit again"
    ),
    "quality": "train longer or on more rows, and check that the labels of the data are those of the model",
    "shift": (
        "train on labelled rows of that domain too, or leave its --domain out and release for the home domain alone"
    ),
    "bias": "add training rows that name the other groups too, with the same labels, and train again",
}
"""Role of a probe → the next step after a failure."""
BY_LIMITATION = {
    "repeatability": "find what the answers depend on besides the text, mend it, and audit again",
    "few-shot": "label more training rows, and train again",
    "domain": "train on labelled rows of that domain too",
    "dynamic": "train again on recent rows",
    "label-quality": "check the labels of the training rows, and train again",
    "coverage": "add training rows like those of the slice, and train again",
    "distribution": "train and audit on rows drawn as in use",
    "training-strategy": "train by another recipe: audit train --recipes",
    "noise": "add training rows with this kind of noise, and train again",
    "attack": "train against such attacks: audit train --recipes fgm,attack",
    "interpretability": "show no explanations of this model to its users",
    "bias": "add training rows in which the groups have the same labels, and train again",
    "calibration": "fit a temperature on validation rows",
}
"""Row of the scorecard → the next step after a failure of a probe without a role, or without a remedy for its role."""
BY_METRIC = {
    "drop_beside_sentence": (
        "add training rows whose contexts hold a sentence like the question that answers another one, and train again"
    ),
    "confidence_gap": (
        "divide the logits by a temperature fitted on validation rows (the page says about which), or train for fewer "
        "epochs"
    ),
    "trigger_success_rate": (
        "look through the training rows with the word, take out those in which somebody planted it, and train again "
        "from a base that you trust"
    ),
    "leaked_share": (
        "take the copies out of the test file, or train without them; split the next data by what rows have in common "
        "(author, thread, template)"
    ),
    "failure_rate": "read the sentences that fail, add training rows like them, and train again",
    "drop_against_rest": "read the wrong answers of the slice, add training rows like them, and train again",
    "drop_in_discovered_slices": (
        "read the rows of the slice: correct wrong labels, else add training rows like them, and audit on others"
    ),
    "flips_beyond_frequent_words": (
        "balance the word over the labels (take it out of training rows, or add rows of the other labels with it), and "
        "train again"
    ),
    "flips_beyond_strong_words": (
        "read the training rows with the word; if it is no reason for its label, balance it over the labels, and train "
        "again"
    ),
    "entity_change_rate": (
        "add training rows in which the same entities stand in different relations and in both directions, and train "
        "again"
    ),
    "gain_over_one_text": (
        "add training rows in which the same text stands with another one and another label, and train again"
    ),
    "history_gain": HISTORIES,
    "answers_changed_by_history": HISTORIES,
    "drop_with_another_history": HISTORIES,
    "swayed_rate": (
        "add training rows with the history of another dialogue before a turn that needs none, and train again"
    ),
    "one_text_gain": "add training rows in which the same text stands with another one and another label",
    "baseline_gain": "balance the words of each text over the labels of the training rows",
    "swap_flip_rate": "add each training row with its texts swapped, and train again",
    "bias_score": (
        "add training rows about people of both groups whose contexts hold no answer, and others whose answer goes "
        "against the stereotype, and train again"
    ),
    "answers_with_stereotype": (
        "add training rows about people of both groups whose contexts hold no answer, and train again"
    ),
    "unread_answers": "read these answers: train on shorter ones, or ask other questions (the probe's setting file)",
    "accuracy_against_stereotype": "add training rows whose answer goes against the stereotype, and train again",
    "heuristic_accuracy": (
        "add training rows whose texts share their words without the one following from the other, and train again"
    ),
    "forgetting": (
        "train the update again from the earlier checkpoint by another recipe: audit train --continue-from …, with "
        "replay first"
    ),
    "drop_against_first_period": "find what changed with the period, add training rows of it, and train again",
    "comprehensiveness_gain": (
        "show no explanations by such weights, or weigh by the other method ([probes.interpretability] method)"
    ),
    "out_of_scope_recall": (
        "add texts that are out of scope to the training rows, as a class of their own, or turn texts away by another "
        "score that tells them better (the page compares the scores)"
    ),
    "failures": "read the kept cases that fail, add training rows like them, and train again",
    "rank_correlation": "show explanations of this model to nobody who acts on the order of the words",
}
"""Metric → the next step after a failure, where its probe's row of the scorecard asks about something else too."""
NO_RECIPE: Mapping[Role, str] = {
    "robustness": "add training rows with this kind of noise, and train again",
    "attack": "add training sentences with rarer names of the same types, and train again",
}
"""Role → the next step for slices that ``audit remedy`` has no recipe for."""
HOW = {
    "train": "give training rows with --train FILE",
    "domains": "give another domain with --domain NAME=FILE",
    "base": "name the base model with --base FOLDER",
    "earlier": "name the checkpoint before the update in the probe's settings",
    "columns": "name columns of the test file in the probe's settings",
    "periods": "give later test rows with --slice NAME=FILE, or name the test file's column of dates in its settings",
    "out_of_scope": "name the label of rows that are out of scope, or a file of them, with --out-of-scope",
    "cases": "give cases that audit export-cases kept with --cases FILE",
    "listed": "list words in the probe's settings",
    CANDIDATE: "audit it as the candidate, with --candidate",
}
"""Need, or CANDIDATE → how to meet it.

The other needs of NEEDS are the task's: nothing that a user gives changes them.
"""
ANY_FOLDER = "FOLDER"
"""Stands for the results folder on the page, which is the same wherever that folder lies."""


def next_step(role: Role | None, slice_: Slice | None, limitation: str | None) -> str:
    """Say what to do about a failed verdict that no remedy answers.

    ``role``, ``limitation``: the probe's.
    """
    if role is not None and role in NO_RECIPE and not remedies.has_recipe(role, slice_ or {}):
        return NO_RECIPE[role]
    # Results of an earlier auditor know no roles: there a probe without a row is the one of plain quality.
    if role is None or role not in BY_ROLE:
        return BY_LIMITATION.get(limitation or "", BY_ROLE["quality"])
    return BY_ROLE[role]


def next_steps(results: Mapping[str, Any], folder: str = ANY_FOLDER) -> dict[int, str]:
    """Place of each failed verdict → what to do about it.

    ``folder``: the results folder, as the user wrote it. Results do not keep these lines: a later auditor may know
    better, and its advice would not follow from the rows.
    """
    own = {record["probe"]: record for record in results["records"] if record["model"] == results["candidate"]}
    answered = remedies.answered(results)
    steps = {}
    for place, verdict in enumerate(results["decision"]["verdicts"]):
        if verdict["outcome"] == "fail":
            record = own[verdict["probe"]]
            remedy = REMEDY.format(folder=shlex.quote(folder)) if place in answered else None
            known = remedy or BY_METRIC.get(results["policy"]["rules"][verdict["rule"]].get("metric"))
            steps[place] = known or next_step(record.get("role"), verdict["slice"], record["limitation"])
    return steps


def not_measured(records: Sequence[ProbeRecord], deciding: Set[tuple[str, str]]) -> list[str]:
    """Lines ``probes – how to have them measured``, each way once.

    What the user leaves out comes last. What does not apply to the model's task stands in no line, unless ``--probe``
    asks for it. ``records``: one model's. ``deciding``: probe and reason of each gap that a required rule waits for.
    """
    by_way: dict[str, list[str]] = {}
    chosen = any(record.reason == NOT_SELECTED for record in records)
    for record in records:
        if record.status == "failed" or (_is_of_another_task(record) and (not chosen or record.reason in LEFT_OUT)):
            continue
        for name, how in _gaps(record, deciding):
            names = by_way.setdefault(how, [])
            if name not in names:
                names.append(name)
    left_out = {reason: by_way.pop(reason) for reason in LEFT_OUT if reason in by_way}
    said = {NOT_SELECTED: f"{NOT_SELECTED} with --probe"}
    return [f"{', '.join(names)} – {said.get(how, how)}" for how, names in (by_way | left_out).items()]


def _gaps(record: ProbeRecord, deciding: Set[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """What of one probe was not measured, and how to change that."""

    def named(name: str, reason: str | None) -> str:
        return f"{name} (required)" if (record.probe, reason) in deciding else name

    absent = [need.removeprefix("package:") for need in record.missing if need.startswith("package:")]
    if _is_of_another_task(record):
        yield named(record.probe, record.reason), record.reason or "no reason given"
        return
    if record.reason is not None and record.reason in LEFT_OUT:
        yield named(record.probe, record.reason), record.reason
    elif record.status == "not_applicable":
        ways = [_how(need, record.reason) for need in record.missing if need in HOW]
        reason = record.reason or "no reason given"
        yield named(record.probe, record.reason), "; ".join([*ways, reason] if absent else ways) or reason
    by_reason: dict[str, list[Slice]] = {}
    for gap in record.skipped:
        if gap.applies:
            by_reason.setdefault(gap.reason, []).append(gap.slice)
    for reason, slices in by_reason.items():
        way = next((HOW[need] for need, text in NEEDS.items() if text == reason and need in HOW), reason)
        yield named(f"{record.probe} {_place(slices)}".rstrip(), reason), way


def _is_of_another_task(record: ProbeRecord) -> bool:
    return lacked_by_task(record.missing) is not None


def _how(need: str, reason: str | None) -> str:
    """How to meet a need.

    The base may be known and not fit: then the reason says more.
    """
    known = reason is None or reason in (*NEEDS.values(), *OUT_OF_SCOPE.values())
    return HOW[need] if need != "base" or known or reason is None else reason


def _place(slices: Sequence[Mapping[str, str]]) -> str:
    """What the slices have in common: ``[typos, misspelling]``.

    Where they have nothing in common, it says how many they are.
    """
    common = [value for key, value in slices[0].items() if all(slice_.get(key) == value for slice_ in slices)]
    if common:
        return f"[{', '.join(common)}]"
    return f"({len(slices)} slices)" if len(slices) > 1 else ""

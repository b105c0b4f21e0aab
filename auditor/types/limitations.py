"""Rows of the scorecard: known limitations, and the questions reviewers ask."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limitation:
    """One row; it appears on every scorecard, measured or "not measured: reason"."""

    id: str
    limitation: str
    question: str


LIMITATIONS = (
    Limitation(
        "repeatability",
        "Answers hang on chance, padding or what else is in the batch.",
        "Does the same text get the same answer again, in other company, padded, and after reloading?",
    ),
    Limitation(
        "few-shot",
        "With few labelled examples a model generalizes poorly; labels are costly.",
        "How does quality grow with labels, and what would more buy?",
    ),
    Limitation("domain", "Weak transfer when the target domain differs.", "What is lost on each other domain?"),
    Limitation(
        "dynamic",
        "Cannot follow a changing world.",
        "Does quality fall over time slices? Does an update forget the old?",
    ),
    Limitation(
        "label-quality",
        "Wrong or inconsistent labels harm the model.",
        "Which labels look wrong; how much noise does it bear?",
    ),
    Limitation(
        "coverage",
        "Labels miss rare cases; the long tail fails.",
        "Which slices, lengths, rare words, rare classes fail?",
    ),
    Limitation(
        "distribution",
        "Training data differs from use.",
        "Did the label mix or the inputs shift; do test rows leak from training?",
    ),
    Limitation(
        "training-strategy",
        "Optimizer, regularization, augmentation, adversarial training and parameter-efficient tuning "
        "all move the result.",
        "Would another recipe be more robust, and at what cost?",
    ),
    Limitation(
        "noise",
        "Sensitive to noise in the input.",
        "What do typos, case, spacing, OCR, homophones, invisible characters cost?",
    ),
    Limitation(
        "attack",
        "Sensitive to adversarial input.",
        "How often can an attacker flip it, with how few changes and queries?",
    ),
    Limitation("interpretability", "Output hard to explain.", "Are the explanations faithful and stable?"),
    Limitation(
        "bias",
        "Inherits prejudice from its data.",
        "Does the answer change with the group named? Is quality equal over groups?",
    ),
    Limitation("calibration", "Confident when wrong.", "Does 0.9 mean 90 %?"),
)
IDS = tuple(row.id for row in LIMITATIONS)

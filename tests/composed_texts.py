"""Examples of texts of results.json that several functions compose."""

from __future__ import annotations

COMPOSED = {
    "differs (p = \0), \0": "differs (p = 0.001), median 12 words, 9 in train",
    "no difference shown (p = \0), \0": "no difference shown (p = 0.100), positive: 50.0%, 49.0% in home",
    "\0 \0 rows": "fewer than two periods have 30 rows",
    "no other recipe's checkpoint beside it, and no \0 to train from": (
        "no other recipe's checkpoint beside it, and no train and no base to train from"
    ),
    "\0 at the \0 of \0 turns texts to \0": "'cf' at the end of hypothesis turns texts to follows",
    "\0 at the \0 turns texts to \0": "'cf' at the beginning turns texts to positive",
}
"""Text with fields that are words of the tool's own → an example of it."""
VERDICTS = (
    "The audit could not be completed: 2 probes crashed; 1 required check also broke a limit.",
    "Hold: 2 of 87 required checks outside the limits; 1 waiver expired; 3 waived.",
    "Hold: 1 waiver expired.",
    "Undecided: 1 of 1 required check inconclusive or not measured.",
    "Undecided: only bias, noise and quality were measured, within the limits; required rules of bias and noise were "
    "left out by --probe, and of drift were left out by --skip.",
    "Undecided: nothing was measured; required rules of bias were left out by --fast.",
    "Undecided: no rule passed, and no verdict is not a release.",
    "Release: 4 required checks, all within the limits; 1 waived.",
    "m: probe bias crashed: KeyError: 'a; b'",
    "the model's answers change when asked again: 3 of 200 (asked alone), 4 of 200 (asked in "
    "company); every other number depends on answers that "
    "may change too",
    "within its limit at 95 % one-sided; read with care: the model's answers change when asked again",
    "within its limit and margin at 97.5 % one-sided at look 1 of 3",
    "outside its limit at 95 % one-sided (5 % shared over 20 slices, by their dependence)",
    "outside its limit by an exact count",
    "outside its limit at 95 % one-sided (advisory); waived until 2027-01-01: Zq; qz (Zq)",
    "likely beyond its limit: its own interval is, but not with 5 % shared over 20 slices; at least about 30 more "
    "groups of rows would decide it; 40 more are available: raise examples, which counts rows, in [probes.noise], and "
    "[audit] budget if it is set",
    "the interval spans the limit and its margin; about 30 to 90 more sentences would decide it, and only 4 more "
    "exist: raise cases_per_sentence to 3 in [probes.bias]",
    "the interval includes the limit; about 1 more example would decide it, and only 40 examples exist: this probe "
    "cannot decide it with the examples there are",
    "the interval includes the limit; more examples would hardly decide it",
    "the interval includes the limit; about 30 more templates would decide it; only 9 more are available: drawn no "
    "further, as another slice of this rule fails",
    "too few: 1 informative cluster",
    "3 informative clusters decide nothing by themselves; they count in typos, strong",
    "3 informative clusters decide nothing by themselves; they count in the whole",
    "removed by the tokenizer: 80% of the cases have the same token ids as before",
    "no slice of this probe matches the rule; did you mean 'typos'?",
    "the model fails on 2 texts, and no other was left to measure",
    "noise drop [family typos]: -0.130, one-sided bounds 0.100 to 0.200, limit 0.1, margin 0.05; not measured: no "
    "slice of this probe matches the rule",
    "noise drop: 0.130, no lower bound, one-sided upper bound 0.200, limit 0.1; fail: outside its limit at 95 % "
    "one-sided",
    "noise drop: waived until 2027-01-01: Zq (Zq); 2 verdicts",
    "noise drop: waiver expired on 2027-01-01: Zq (Zq); matches nothing",
    "noise drop: waived until 2027-01-01: Zq (Zq); no longer needed: another waiver covers what it matches",
    "Worse than the old audit: 2 slices beyond the tolerance.",
    "the 95 % interval lies on one side of zero, but not with the error shared over 4 slices",
    "worse by no more than the tolerance and margin at 95 % one-sided",
    "worse by more than the tolerance at 95 % one-sided (5 % shared over 20 slices)",
    "worse by no more than the tolerance, counted exactly",
    "the interval spans the tolerance and its margin; about 30 more examples in both audits would decide it, and only "
    "3 more exist",
    "unpaired: too few: 3 clusters",
    "only the old audit measured it: no training data given (--train)",
    "more texts have no answer than in the old audit: 3 against 1",
    "labels swapped? negative and positive exchanged: 90 of 100 labels are right so, and 10 as read (one-sided sign "
    "test on the half of the rows that the names are not from, p = 1e-09)",
    "labels swapped? The model is right on 10 of 100 rows, and the same answer to every text on 50 (one-sided sign "
    "test, p = 1e-09)",
    "too sure: its mean confidence is 0.950, and 0.600 of its words are right (35.0 points [30.0, 40.0], n = 1,200); "
    "do not read its scores as chances",
    "rows seen in training? 99.5 % of 200 groups of rows are right as they stand; with a few words deleted 9.0 points "
    "fewer, and the gold label is 12.0 points [9.0, 15.0] less probable: evidence, no proof (--train FILE looks them "
    "up)",
    "3 of 40 successes of pruthi are not confirmed by the checkpoint loaded again: its answers depend on more than the "
    "text",
    "disables adversarial attacks: textattack is not installed; get it with: pip install --no-deps textattack",
    "power law or logistic, doubling 800 labels; not identified: its interval is wider than 5 points",
    "seed 2, 40 of 50 texts keep their answer, 30 of them are compared; of 2 the model fails on a part",
    "mean, least and most; by models trained on the other 4 of 5 parts",
    "mean probability of positive: highest Zq 71.3 %, lowest Qz 60.0 %; by position: 7.2 % first, 3.1 % later",
    "by position: 7.2 points first, 3.1 points later",
    "label preservation 0.84 [0.71, 0.92] by a reviewer, texts of m",
)
"""Examples of texts that several functions compose."""

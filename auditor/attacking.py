"""TextAttack behind one file: attacks by a black-box ``ask``, seeded, bounded in words and queries.

Importing this module imports TextAttack (about ten seconds); nothing else of the project does. What TextAttack does
at import and must not do to an audit is kept from it here: downloads, changed environment variables, logging
set up anew. Morris et al. 2020, "TextAttack", https://aclanthology.org/2020.emnlp-demos.16
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import logging
import logging.config
import os
import random
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from auditor import resources


@contextmanager
def _tamed_import() -> Iterator[None]:
    """TextAttack imports inside: offline; the process's environment, logging and generators are left as they are."""
    resources.ensure_stopwords()
    with warnings.catch_warnings():
        # Deprecation warnings of TextAttack's many dependencies say nothing about an audit.
        warnings.simplefilter("ignore")
        environment = dict(os.environ)
        drawn, arrays = random.getstate(), np.random.get_state()
        # These read HF_HOME when imported; TextAttack points it elsewhere below.
        for name in ("transformers", "datasets"):
            importlib.import_module(name)

        with tempfile.TemporaryDirectory() as cache, mock.patch.object(logging.config, "dictConfig"):
            # This file tells TextAttack that its first-import downloads are done; a cache of its own keeps the
            # statement out of the user's.
            (Path(cache) / "post_install_check_3").touch()
            try:
                with resources.no_downloads():
                    os.environ["TA_CACHE_DIR"] = cache
                    yield
            finally:
                os.environ.clear()
                os.environ.update(environment)
                random.setstate(drawn)
                np.random.set_state(arrays)


with _tamed_import():
    import textattack
    import torch
    from textattack.constraints.overlap import LevenshteinEditDistance, MaxWordsPerturbed
    from textattack.constraints.pre_transformation import MinWordLength, RepeatModification, StopwordModification
    from textattack.shared.utils import install
    from textattack.transformations import (
        CompositeTransformation,
        WordSwapHomoglyphSwap,
        WordSwapNeighboringCharacterSwap,
        WordSwapQWERTY,
        WordSwapRandomCharacterDeletion,
        WordSwapRandomCharacterInsertion,
        WordSwapRandomCharacterSubstitution,
        WordSwapWordNet,
    )

install.TEXTATTACK_CACHE_DIR = str(Path("~/.cache/textattack").expanduser())
install.logger.setLevel(logging.ERROR)
logging.getLogger("jieba").setLevel(logging.ERROR)

Ask = Callable[[Sequence[str]], Sequence[Sequence[float]]]
"""Texts → for each, one probability in [0, 1] for each label."""

SPLIT_TOKEN = textattack.shared.AttackedText.SPLIT_TOKEN


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attack ended with."""

    text: str
    """The final text: the original one where the attack failed."""
    queries: int
    """Texts that the attack wanted answered, repeated ones included."""
    success: bool
    """What the attack claims; the audit asks a freshly loaded model."""


class Attacker:
    """One recipe against one model; ``attack`` may be called for any number of texts.

    ``recipe`` is a key of RECIPES (KeyError). ``query_budget`` (at least 2) bounds the queries of one attack.
    """

    def __init__(self, recipe: str, ask: Ask, query_budget: int) -> None:
        self._ask, self._query_budget = ask, query_budget
        self._parts = RECIPES[recipe]()
        self._free: list[_Bounded] = []

    def attack(self, text: str, label: int, *, limit: int | None, rng: random.Random) -> Outcome:
        """Attack a text that the model gives the right label, the one of index ``label``.

        At most ``limit`` words may change (None: as many as the recipe itself allows).
        """
        if SPLIT_TOKEN in text:
            # TextAttack keeps fields apart by this token and would drop what follows it.
            return Outcome(text, 0, False)
        limits = [one for one in (limit, self._parts.limit) if one is not None]
        with _TAMED, _seeded(rng):
            one = self._free.pop() if self._free else _Bounded(self._parts, self._ask, self._query_budget)
            found = one.attack(text, label, min(limits) if limits else None)
        self._free.append(one)
        return found


class _Bounded:
    """What one attack at a time changes; transformation and constraints are shared between those side by side."""

    def __init__(self, parts: _Parts, ask: Ask, query_budget: int) -> None:
        self._limit = _WordLimit()
        goal = _Goal(_Model(ask), query_budget=query_budget, model_batch_size=query_budget)
        constraints = [self._limit, RepeatModification(), StopwordModification(), *parts.constraints]
        self._attack = textattack.Attack(goal, constraints, parts.transformation, parts.search())
        self._attack.search_method.get_transformations = self._candidates

    def _candidates(self, text: Any, **options: Any) -> list[Any]:
        """Transformations in a random order: a budget that ends among them has seen a sample, not the first words.

        The search's word indices are those of the original text; an inserted space shifts the later ones.
        """
        found: list[Any] = self._attack.get_transformations(text, shifted_idxs=True, **options)
        random.shuffle(found)
        return found

    def attack(self, text: str, label: int, limit: int | None) -> Outcome:
        self._limit.words = limit
        result = self._attack.attack(text, label)
        queries = int(self._attack.goal_function.num_queries)
        success = isinstance(result, textattack.attack_results.SuccessfulAttackResult)
        return Outcome(result.perturbed_result.attacked_text.text if success else text, queries, success)


class _Tamed:
    """TextAttack without downloads and without its warnings.

    Several attacks are inside at a time and leave in any order: only the first one in and the last one out change
    anything.
    """

    def __init__(self) -> None:
        self._inside = 0
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> None:
        if self._inside == 0:
            self._stack.enter_context(resources.no_downloads())
            self._stack.enter_context(warnings.catch_warnings())
            # TextAttack warns through a deprecated method that it does not know the model's class.
            warnings.simplefilter("ignore", DeprecationWarning)
        self._inside += 1

    def __exit__(self, *_: object) -> None:
        self._inside -= 1
        if self._inside == 0:
            self._stack.close()


_TAMED = _Tamed()


@contextmanager
def _seeded(rng: random.Random) -> Iterator[None]:
    """The global generators that TextAttack draws from, seeded and afterwards as they were."""
    state, numpy_state = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        try:
            random.seed(rng.getrandbits(64))
            np.random.seed(rng.getrandbits(32))
            torch.default_generator.manual_seed(rng.getrandbits(63))
            yield
        finally:
            random.setstate(state)
            np.random.set_state(numpy_state)


class _Model(textattack.models.wrappers.ModelWrapper):  # type: ignore[misc]
    def __init__(self, ask: Ask) -> None:
        self.model = self
        self._ask = ask

    def __call__(self, texts: Sequence[str]) -> list[list[float]]:
        return [list(scores) for scores in self._ask(texts)]


class _Goal(textattack.goal_functions.UntargetedClassification):  # type: ignore[misc]
    def _process_model_outputs(self, _inputs: Sequence[Any], scores: Sequence[Sequence[float]]) -> Any:
        # The inherited method takes the softmax of probabilities whose sum is off by 1e-6.
        return torch.tensor(scores, dtype=torch.float64)


class _WordLimit(textattack.constraints.PreTransformationConstraint):  # type: ignore[misc]
    """Stops when so many words were changed; every step of these searches changes one word of the original."""

    words: int | None = None

    def _get_modifiable_indices(self, text: Any) -> set[int]:
        everywhere = set(range(len(text.words)))
        steps, current = 0, text
        while "previous_attacked_text" in current.attack_attrs:
            steps, current = steps + 1, current.attack_attrs["previous_attacked_text"]
        return everywhere if self.words is None or steps < self.words else set()


class _Homoglyphs(WordSwapHomoglyphSwap):  # type: ignore[misc]
    """One letter replaced by a look-alike."""

    def __init__(self) -> None:
        # Its second table, for another attack, is a file that TextAttack's wheel lacks; the one used here is set by then.
        with contextlib.suppress(FileNotFoundError):
            super().__init__()


class _Synonyms(WordSwapWordNet):  # type: ignore[misc]
    """Synonyms by WordNet, in alphabetical order (the inherited one is a set's, which changes from run to run)."""

    def __init__(self) -> None:
        # The inherited method downloads the multilingual WordNet, which English does without.
        self.language = "eng"

    def _get_replacement_words(self, word: str, random: bool = False) -> list[str]:
        return sorted(super()._get_replacement_words(word, random))


@dataclass(frozen=True, slots=True)
class _Parts:
    transformation: Any
    search: Callable[[], Any]
    constraints: tuple[Any, ...] = ()
    limit: int | None = None
    """Words that the recipe itself may change; None: any number."""


def _deepwordbug() -> _Parts:
    """Gao et al. 2018: one random edit of a character, words in the order of their importance."""
    edits = (
        WordSwapNeighboringCharacterSwap(),
        WordSwapRandomCharacterSubstitution(),
        WordSwapRandomCharacterDeletion(),
        WordSwapRandomCharacterInsertion(),
    )
    search = textattack.search_methods.GreedyWordSwapWIR
    return _Parts(CompositeTransformation(edits), search, (LevenshteinEditDistance(30),))


def _pruthi() -> _Parts:
    """Pruthi et al. 2019: every inner edit of a character of one word of four letters or more."""
    inner = {"random_one": False, "skip_first_char": True, "skip_last_char": True}
    edits = (
        WordSwapNeighboringCharacterSwap(**inner),
        WordSwapRandomCharacterDeletion(**inner),
        WordSwapRandomCharacterInsertion(**inner),
        WordSwapQWERTY(**inner),
    )
    constraints = (MinWordLength(min_length=4), MaxWordsPerturbed(max_num_words=1))
    return _Parts(CompositeTransformation(edits), textattack.search_methods.GreedySearch, constraints, limit=1)


def _textbugger() -> _Parts:
    """Li et al. 2019, characters only: no nearest neighbours in an embedding, no sentence encoder."""
    inner = {"random_one": True, "skip_first_char": True, "skip_last_char": True}
    edits = (
        WordSwapRandomCharacterInsertion(letters_to_insert=" ", **inner),
        WordSwapRandomCharacterDeletion(**inner),
        WordSwapNeighboringCharacterSwap(**inner),
        _Homoglyphs(),
    )
    search = functools.partial(textattack.search_methods.GreedyWordSwapWIR, wir_method="delete")
    return _Parts(CompositeTransformation(edits), search)


def _pwws() -> _Parts:
    """Ren et al. 2019: synonyms, words in the order of saliency times effect."""
    return _Parts(_Synonyms(), functools.partial(textattack.search_methods.GreedyWordSwapWIR, "weighted-saliency"))


RECIPES: dict[str, Callable[[], _Parts]] = {
    "deepwordbug": _deepwordbug,
    "pruthi": _pruthi,
    "textbugger": _textbugger,
    "pwws": _pwws,
}

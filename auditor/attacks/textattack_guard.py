"""Import TextAttack without its side effects: downloads, environment variables, logging configuration.

While it attacks, its downloads, warnings and global generators are kept away too.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import logging.config
import os
import random
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np

from auditor.attacks.flair_stand_in import flair_stand_in, refuse_taggers
from auditor.environment import packages, resources
from auditor.errors import ProbeError


@contextmanager
def _tamed_import() -> Iterator[None]:
    """Import TextAttack offline inside, and undo its side effects afterwards.

    The process's environment, logging and random generators stay as they are. Raises ProbeError if TextAttack, or what
    it imports, is not installed.
    """
    reason = packages.lacking("textattack")
    if reason is not None:
        raise ProbeError(reason)
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
            # This file tells TextAttack that its first-import downloads are done; a temporary cache keeps it out of
            # the user's.
            (Path(cache) / "post_install_check_3").touch()
            try:
                with resources.no_downloads(), flair_stand_in():
                    os.environ["TA_CACHE_DIR"] = cache
                    yield
            finally:
                os.environ.clear()
                os.environ.update(environment)
                random.setstate(drawn)
                np.random.set_state(arrays)


__all__ = ["TAMED", "seeded", "textattack", "torch"]

with _tamed_import():
    import textattack
    import torch
    from textattack.shared.utils import install

refuse_taggers(textattack)
install.TEXTATTACK_CACHE_DIR = os.path.expanduser("~/.cache/textattack")  # noqa: PTH111 - pathlib raises without a home
install.logger.setLevel(logging.ERROR)
logging.getLogger("jieba").setLevel(logging.ERROR)


class _Tamed:
    """TextAttack without downloads and warnings.

    Several attacks are inside at the same time and leave in any order: only the first to enter and the last to leave
    change anything.
    """

    def __init__(self) -> None:
        self._inside = 0
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> None:
        if self._inside == 0:
            self._stack.enter_context(resources.no_downloads())
            self._stack.enter_context(warnings.catch_warnings())
            # TextAttack uses a deprecated method to warn that it does not know the model's class.
            warnings.simplefilter("ignore", DeprecationWarning)
        self._inside += 1

    def __exit__(self, *_: object) -> None:
        self._inside -= 1
        if self._inside == 0:
            self._stack.close()


TAMED = _Tamed()


@contextmanager
def seeded(rng: random.Random) -> Iterator[None]:
    """Seed the global generators that TextAttack uses, and restore them afterwards."""
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

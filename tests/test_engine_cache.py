"""What is kept between runs, what does not fit, and several devices: never a different answer."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from fakes import changed

from auditor import tasks
from auditor.engine import Scorer, SQLiteCache
from auditor.engine.cache import DOES_NOT_FIT, Cache, NoCache, batch_key, entries
from auditor.engine.forward import Forward
from auditor.errors import ModelError, OutOfMemoryError
from auditor.models.fake import FakeModel, keyword_model
from auditor.models.replicas import Replicas, on_each
from auditor.types import REQUESTS, Case, Classify, Encoded, Example, Model, Response

TASK = tasks.create("text-classification", ("negative", "positive"))


class Shaped:
    """Lets the batch's shape into its numbers, as real models do, and fits at most so many texts."""

    labels = ("negative", "positive")
    device_kind, workers, notes, accepts = "cpu", 1, (), REQUESTS

    def __init__(self, *, most: int = 1000, fingerprint: str = "f", numerics: str = "n") -> None:
        self.name, self.fingerprint, self.numerics, self._most = "shaped", fingerprint, numerics, most
        self.batches: list[int] = []
        self.out_of_memory = 0

    def encode(self, requests: Sequence[Any]) -> list[Encoded]:
        return FakeModel(lambda _: ()).encode(requests)

    def run(self, batch: Sequence[Encoded]) -> list[Response]:
        if len(batch) > self._most:
            self.out_of_memory += 1
            raise OutOfMemoryError("full", where=self.name)
        self.batches.append(len(batch))
        noise = 1e-6 * len(batch)
        return [(0.5 - noise * one.length, 0.5 + noise * one.length) for one in batch]

    def reload(self) -> Model:
        return Shaped(most=self._most, fingerprint=self.fingerprint, numerics=self.numerics)


def cache_at(folder: Path, **given: Any) -> SQLiteCache:
    return SQLiteCache(folder / "answers.sqlite", limit_bytes=given.pop("limit_bytes", 10**9), **given)


def encoded(n: int, mark: str = "a") -> list[Encoded]:
    return [Encoded(f"{mark}{index}", 1 + index % 7, False, None) for index in range(n)]


# The key


def test_the_key_names_all_that_the_last_bits_depend_on() -> None:
    one, other = encoded(2)
    keys = {
        batch_key(Shaped(), [one, other]),
        batch_key(Shaped(), [other, one]),
        batch_key(Shaped(), [one]),
        batch_key(Shaped(), [one, other], "reloaded"),
        batch_key(Shaped(fingerprint="g"), [one, other]),
        batch_key(Shaped(numerics="cuda, bf16"), [one, other]),
    }
    assert len(keys) == 6
    assert batch_key(Shaped(), [one, other]) == batch_key(Shaped(), [one, other])


# The cache


def test_what_was_put_comes_back_as_it_was(tmp_path: Path) -> None:
    cache = cache_at(tmp_path)
    answers = [(0.1, 1 / 3, 1e-300), ("B-PER", ("O", 2)), {"start": (3, None)}]
    cache.put(b"1", answers)
    cache.put(b"2", DOES_NOT_FIT)
    cache.close()
    again = cache_at(tmp_path)
    assert again.get(b"1") == answers
    assert again.get(b"2") == DOES_NOT_FIT
    assert again.get(b"3") is None
    assert again.hits == 3
    assert entries(tmp_path / "answers.sqlite") == 2


def test_a_fresh_run_reads_nothing_of_earlier_ones_and_leaves_its_own(tmp_path: Path) -> None:
    old = cache_at(tmp_path)
    old.put(b"1", [(0.1,)])
    fresh = cache_at(tmp_path, fresh=True)
    assert fresh.get(b"1") is None
    fresh.put(b"1", [(0.2,)])
    assert fresh.get(b"1") == [(0.2,)]
    assert old.get(b"1") == [(0.2,)]


def test_a_batch_is_there_for_others_as_soon_as_it_was_put(tmp_path: Path) -> None:
    # No close and no commit of ours: what a killed process leaves.
    writer, reader = cache_at(tmp_path), cache_at(tmp_path)
    writer.put(b"1", [(0.1,)])
    assert reader.get(b"1") == [(0.1,)]


def test_beyond_its_limit_the_oldest_are_dropped(tmp_path: Path) -> None:
    cache = cache_at(tmp_path)
    for number in range(64):
        cache.put(number.to_bytes(1), ["x" * 4096])
    cache.close()
    small = cache_at(tmp_path, limit_bytes=100_000)
    kept = [number for number in range(64) if small.get(number.to_bytes(1)) is not None]
    assert kept == list(range(64 - len(kept), 64))
    assert 8 <= len(kept) < 32


def test_a_limit_that_nothing_keeps_ends_all_the_same(tmp_path: Path) -> None:
    cache_at(tmp_path).put(b"1", ["x"])
    assert cache_at(tmp_path, limit_bytes=1).get(b"1") is None


def test_a_cache_of_another_schema_is_begun_anew(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "answers.sqlite")
    connection.executescript("CREATE TABLE batches (other TEXT); PRAGMA user_version = 99;")
    connection.close()
    cache = cache_at(tmp_path)
    cache.put(b"1", [(0.1,)])
    assert cache.trouble is None
    assert cache.get(b"1") == [(0.1,)]


def test_a_file_that_is_no_database_keeps_nothing_and_says_so(tmp_path: Path) -> None:
    file = tmp_path / "answers.sqlite"
    file.write_bytes(b"not a database, but long enough to be taken for one" * 99)
    cache = cache_at(tmp_path)
    assert "database" in str(cache.trouble)
    cache.put(b"1", [(0.1,)])
    assert cache.get(b"1") is None
    assert entries(file) == 0
    assert file.read_bytes().startswith(b"not a database")


def test_a_folder_that_cannot_be_made_keeps_nothing_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = cache_at(tmp_path / "file")
    assert cache.trouble
    assert cache.get(b"1") is None


def test_how_much_some_work_was_is_remembered(tmp_path: Path) -> None:
    cache = cache_at(tmp_path)
    assert cache.recall("noise") is None
    cache.remember("noise", 7)
    cache.remember("noise", 9)
    assert cache_at(tmp_path, fresh=True).recall("noise") == 9
    nothing: Cache = NoCache()
    nothing.remember("noise", 3)
    assert nothing.recall("noise") is None


@pytest.mark.parametrize("call", ["get", "put"])
def test_a_database_that_breaks_on_the_way_only_stops_keeping(tmp_path: Path, call: str) -> None:
    cache = cache_at(tmp_path)
    other = sqlite3.connect(tmp_path / "answers.sqlite")
    other.executescript("DROP TABLE batches")
    other.close()
    if call == "get":
        assert cache.get(b"1") is None
    else:
        cache.put(b"1", [(0.1,)])
    assert "batches" in str(cache.trouble)
    cache.close()


def test_damaged_answers_are_asked_again_and_replaced(tmp_path: Path) -> None:
    cache = cache_at(tmp_path)
    cache.put(b"1", [(0.1,)])
    other = sqlite3.connect(tmp_path / "answers.sqlite")
    other.execute("UPDATE batches SET answers = '[[0.1'")
    other.commit()
    other.close()
    assert cache.get(b"1") is None
    cache.put(b"1", [(0.2,)])
    assert cache.get(b"1") == [(0.2,)]


def test_counting_the_entries_changes_nothing_also_of_another_schema(tmp_path: Path) -> None:
    cache_at(tmp_path).put(b"1", [(0.1,)])
    other = sqlite3.connect(tmp_path / "answers.sqlite")
    other.execute("PRAGMA user_version = 99")
    other.close()
    assert entries(tmp_path / "answers.sqlite") == 1
    assert entries(tmp_path / "answers.sqlite") == 1


def test_without_a_file_there_are_no_entries(tmp_path: Path) -> None:
    assert entries(tmp_path / "answers.sqlite") == 0


# Forward passes


def test_known_batches_are_not_asked_again_and_count_all_the_same(tmp_path: Path) -> None:
    first, second = Shaped(), Shaped()
    one, other = Forward(12, cache_at(tmp_path)), Forward(12, cache_at(tmp_path))
    assert one.answers(first, encoded(20)) == other.answers(second, encoded(20))
    assert first.batches
    assert second.batches == []
    assert one.passes == other.passes == 20


def test_another_purpose_is_computed_anew(tmp_path: Path) -> None:
    model, forward = Shaped(), Forward(12, cache_at(tmp_path))
    forward.answers(model, encoded(4))
    asked = len(model.batches)
    forward.answers(model, encoded(4), purpose="reloaded")
    assert len(model.batches) == 2 * asked


def test_a_model_that_nothing_determines_is_not_kept(tmp_path: Path) -> None:
    for _ in range(2):
        model = Shaped(fingerprint="")
        Forward(12, cache_at(tmp_path)).answers(model, encoded(4))
        assert model.batches


def test_a_run_that_was_cut_off_anywhere_ends_with_the_same_answers(tmp_path: Path) -> None:
    whole = Forward(9).answers(Shaped(), encoded(30))
    total = len(Shaped().batches) or 30

    class KilledError(Exception):
        pass

    class Dying(Shaped):
        def __init__(self, lives: int) -> None:
            super().__init__()
            self._lives = lives

        def run(self, batch: Sequence[Encoded]) -> list[Response]:
            if len(self.batches) >= self._lives:
                raise KilledError
            return super().run(batch)

    for lives in range(1, total):
        folder = tmp_path / str(lives)
        dying = Dying(lives)
        try:
            Forward(9, cache_at(folder)).answers(dying, encoded(30))
        except KilledError:
            survivor = Shaped()
            assert Forward(9, cache_at(folder)).answers(survivor, encoded(30)) == whole
            assert len(survivor.batches) + lives == len(plan_sizes())
        else:
            assert lives >= len(plan_sizes())


def plan_sizes() -> list[int]:
    model = Shaped()
    Forward(9).answers(model, encoded(30))
    return model.batches


def test_a_batch_without_memory_is_halved_until_it_fits_and_later_plans_are_smaller() -> None:
    model, forward = Shaped(most=3), Forward(10)
    same = [Encoded(f"a{index}", 1, False, None) for index in range(10)]
    found: dict[str, Any] = forward.answers(model, same)
    # One batch of 10 → 5 and 5 → 2, 3, 2, 3.
    assert model.batches == [2, 3, 2, 3]
    assert model.out_of_memory == 3
    assert [found[f"a{index}"][0] for index in range(3)] == pytest.approx([0.5 - 2e-6, 0.5 - 2e-6, 0.5 - 3e-6])
    model.batches.clear()
    forward.answers(model, [Encoded(f"b{index}", 1, False, None) for index in range(6)])
    assert model.batches == [2, 3, 1]  # planned with a budget of 5: 5 → 2, 3; and 1
    assert forward.passes == 16
    forward.reset()
    model.batches.clear()
    forward.answers(model, [Encoded(f"c{index}", 1, False, None) for index in range(3)])
    assert model.batches == [3]


def test_what_does_not_fit_is_known_on_resume(tmp_path: Path) -> None:
    same = [Encoded(f"a{index}", 1, False, None) for index in range(10)]
    more = [Encoded(f"b{index}", 1, False, None) for index in range(10)]
    first, second = Shaped(most=3), Shaped(most=3)
    one, other = Forward(10, cache_at(tmp_path)), Forward(10, cache_at(tmp_path))
    answers = one.answers(first, same), one.answers(first, more)
    again = other.answers(second, same), other.answers(second, more)
    assert answers == again
    assert second.batches == []
    assert second.out_of_memory == 0


def test_one_text_that_does_not_fit_is_an_error_in_one_line() -> None:
    with pytest.raises(OutOfMemoryError, match=r"shaped: no memory for one text of 1 tokens \(\[audit\] max_length"):
        Forward(10).answers(Shaped(most=0), [Encoded("a", 1, False, None)])


def test_clean_examples_are_planned_by_the_full_budget_whatever_a_probe_s_memory() -> None:
    examples = [Example(f"test:{index}", {"text": f"w{index}"}, "positive") for index in range(8)]
    cases = [changed(examples[0], {}, {"text": f"v{index}"}) for index in range(16)]
    model = Shaped(most=4)
    scorer = Scorer(model, TASK, batch_tokens=24, window=8)
    scorer.prepare(examples)
    list(scorer.score(cases))
    alone = Shaped(most=4)
    other = Scorer(alone, TASK, batch_tokens=24, window=8)
    other.prepare(examples)
    list(other.score([Case(examples[0], {})]))
    # Eight texts of three tokens: 24, halved once.
    assert alone.batches == [4, 4]
    assert model.batches[:2] == [4, 4]
    # The first window of changed texts is planned with 24 and halved, the second with 12.
    assert model.batches[2:] == [4, 4, 4, 4]
    assert model.out_of_memory == 2


def test_clean_windows_are_planned_alike_whichever_came_before() -> None:
    examples = [Example(f"test:{index}", {"text": f"w{index}"}, "positive") for index in range(16)]
    both, second = Shaped(most=4), Shaped(most=4)
    for model, wanted in ((both, (0, 8)), (second, (8,))):
        scorer = Scorer(model, TASK, batch_tokens=24, window=8)
        scorer.prepare(examples)
        for index in wanted:
            list(scorer.score([Case(examples[index], {})]))
    assert both.batches == [4, 4, 4, 4]
    assert second.batches == [4, 4]
    assert (both.out_of_memory, second.out_of_memory) == (2, 1)


def test_the_cache_changes_no_number_of_a_scorer(tmp_path: Path) -> None:
    examples = [
        Example(f"test:{index}", {"text": " ".join([f"w{index}"] * (index % 4 + 1))}, "positive") for index in range(20)
    ]
    cases = [changed(one, {}, {"text": f"{one.inputs['text']}!"}) for one in examples]
    runs = []
    for cache in (NoCache(), cache_at(tmp_path), cache_at(tmp_path)):
        model = Shaped()
        scorer = Scorer(model, TASK, batch_tokens=16, window=8, cache=cache)
        scorer.prepare(examples)
        runs.append(([(one.before, one.after) for one in scorer.score(cases)], scorer.counts, len(model.batches)))
    assert runs[0][:2] == runs[1][:2] == runs[2][:2]
    assert runs[0][2] == runs[1][2] > 0
    assert runs[2][2] == 0


def test_a_reloaded_model_answers_changed_texts_and_is_always_asked_itself(tmp_path: Path) -> None:
    films = [Example("a", {"text": "good film"}), Example("b", {"text": "film"})]
    cases = [changed(films[0], {}, {"text": "goood film"}), Case(films[1], {})]
    honest, other = keyword_model(["good"], name="same"), keyword_model(["goood"], name="same")
    cache = cache_at(tmp_path)
    for _ in range(2):
        scorer = Scorer(honest, TASK, cache=cache)
        scorer.prepare(films)
        scorer.ask([{"text": "goood film"}])
        found = list(scorer.score(cases, reloaded=lambda: other))
        assert [(one.before[1] > 0.5, one.after[1] > 0.5) for one in found] == [(True, True), (False, False)]
    assert other.batches == [1]


# Several devices


def test_replicas_answer_as_one_does_whatever_their_number() -> None:
    one = Forward(5).answers(Shaped(), encoded(60))
    many = Replicas([Shaped() for _ in range(3)])
    assert many.workers == 3
    assert Forward(5).answers(many, encoded(60)) == one


def test_replicas_work_at_the_same_time() -> None:
    barrier = threading.Barrier(2, timeout=20)

    class Waiting(Shaped):
        def run(self, batch: Sequence[Encoded]) -> list[Response]:
            barrier.wait()  # passes only while two are inside
            return super().run(batch)

    many = Replicas([Waiting(), Waiting()])
    same = [Encoded(f"a{index}", 1, False, None) for index in range(8)]
    assert len(Forward(2).answers(many, same)) == 8


def test_a_replica_without_memory_halves_its_batch() -> None:
    same = [Encoded(f"a{index}", 1, False, None) for index in range(12)]
    many = Replicas([Shaped(most=2), Shaped(most=2)])
    assert Forward(4).answers(many, same) == Forward(4).answers(Shaped(most=2), same)


def test_an_error_of_one_replica_ends_the_batches() -> None:
    class Broken(Shaped):
        def run(self, _batch: Sequence[Encoded]) -> list[Response]:
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        Forward(2).answers(Replicas([Broken(), Broken()]), encoded(9))


def test_replicas_are_one_model_to_everybody_else() -> None:
    one = Shaped()
    many = Replicas([one, Shaped()])
    assert (many.name, many.labels, many.fingerprint, many.numerics) == ("shaped", one.labels, "f", "n")
    assert many.device_kind == "cpu"
    assert [item.length for item in many.encode([Classify(("a b",))])] == [4]
    again = many.reload()
    assert isinstance(again, Replicas)
    assert again.workers == 2


def test_devices_of_two_kinds_are_refused() -> None:
    with pytest.raises(ModelError, match="devices of different kinds: cpu; cuda"):
        Replicas([Shaped(numerics="cuda"), Shaped(numerics="cpu")])


def test_one_device_is_no_replica_and_a_device_named_twice_is_an_error() -> None:
    only = Shaped()
    assert on_each(["cuda"], lambda _: only) is only
    assert isinstance(on_each(["cuda:0", "cuda:1"], lambda _: Shaped()), Replicas)
    with pytest.raises(ModelError, match="'cuda:0' is named twice"):
        on_each(["cuda:0", "cuda:0"], lambda _: Shaped())

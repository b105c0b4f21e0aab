"""ONNX Runtime in torch's place: by a stand-in for the package everywhere, and by itself where it is installed."""

from __future__ import annotations

import gc
import importlib
import json
import sys
import tempfile
import types
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import heads_of_tasks
import pages
import pytest
import torch
from fakes import reviews
from tiny import tiny_checkpoint

from auditor import results, tasks
from auditor.cli.main import main
from auditor.engine.cache import batch_key
from auditor.errors import ModelError, OutOfMemoryError
from auditor.models import hugging_face, onnx, onnx_export
from auditor.models.heads.sequence import SequenceHead
from auditor.models.options import LoadOptions
from auditor.types import Classify, Request

TEXTS: list[Request] = [
    Classify(("the film is good",)),
    Classify(("bad",)),
    Classify(("it was not a great movie and the plot is awful",)),
    Classify(("",)),
]
ABSENT = "compares with the real package: pip install onnxruntime onnx"
CUDA = "CUDAExecutionProvider"


class FailError(Exception):
    """What ONNX Runtime raises: no RuntimeError, and not even a relative of its other exceptions."""


class Runtime(types.ModuleType):
    """As much of onnxruntime as is used. A session answers by the module that was exported last."""

    __version__ = "9.8.7"

    def __init__(self) -> None:
        super().__init__("onnxruntime")
        self.module: Any = None
        self.change: Callable[[torch.Tensor], torch.Tensor] = lambda logits: logits
        self.providers = ["CPUExecutionProvider"]
        self.starts: str | None = None
        self.opened: list[Session] = []
        self.SessionOptions = Options
        self.InferenceSession = lambda file, options, providers: Session(self, file, options, providers)

    def get_available_providers(self) -> list[str]:
        return self.providers


class Options:
    def __init__(self) -> None:
        self.entries: dict[str, str] = {}

    def add_session_config_entry(self, name: str, value: str) -> None:
        self.entries[name] = value


class Session:
    def __init__(self, runtime: Runtime, file: str, options: Options, providers: Sequence[Any]) -> None:
        assert Path(file).is_file()
        self.runtime, self.file, self.options, self.asked_for = runtime, Path(file), options, providers[0]
        self.module, self.fallback = runtime.module, True
        runtime.opened.append(self)

    def disable_fallback(self) -> None:
        self.fallback = False

    def get_providers(self) -> list[str]:
        return [self.runtime.starts or self.asked_for[0]]

    def get_inputs(self) -> list[Any]:
        return [types.SimpleNamespace(name=name) for name in ("input_ids", "attention_mask", "token_type_ids")]

    def run(self, names: list[str], feed: Mapping[str, Any]) -> list[Any]:
        assert names == ["logits"]
        with torch.inference_mode():
            logits = self.module(**{name: torch.from_numpy(array) for name, array in feed.items()}).logits
            return [self.runtime.change(logits).numpy()]


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Runtime:
    fake = Runtime()

    def export(module: Any, _example: Mapping[str, Any], file: Path, _head: Any) -> None:
        fake.module = module
        file.write_bytes(b"weights")

    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setitem(sys.modules, "onnxruntime", fake)
    monkeypatch.setitem(sys.modules, "onnx", types.ModuleType("onnx"))
    monkeypatch.setattr(onnx_export, "_export", export)
    return fake


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("models") / "tiny")


def load(path: Path, **given: Any) -> onnx.OnnxModel:
    return onnx.load(path, LoadOptions(**{"device": "cpu", **given}), name="tiny")


def refused(path: Path, **given: Any) -> str:
    with pytest.raises(ModelError) as caught:
        load(path, **given)
    assert "\n" not in caught.value.line
    return caught.value.line


def raising(error: Exception) -> Callable[..., Any]:
    def raises(*_: Any, **__: Any) -> Any:
        raise error

    return raises


def test_it_is_the_model_that_torch_is_with_other_numerics(saved: Path, runtime: Runtime, tmp_path: Path) -> None:
    model, other = load(saved), hugging_face.load(saved, LoadOptions(device="cpu"), name="tiny")
    encoded = model.encode(TEXTS)
    assert encoded == other.encode(TEXTS)
    assert model.run(encoded) == other.run(encoded)
    assert {type(number) for answer in model.run(encoded) for number in answer} == {float}
    assert (model.name, model.labels, model.fingerprint) == (other.name, other.labels, other.fingerprint)
    assert model.device_kind == "cpu"
    cpu = torch.backends.cpu.get_cpu_capability()
    assert model.numerics.startswith(f"onnxruntime 9.8.7, cpu {cpu}, fp32, {torch.get_num_threads()} threads, torch ")
    assert batch_key(model, encoded) != batch_key(other, encoded)
    assert list((tmp_path / "temporary").iterdir()) == []
    (session,) = runtime.opened
    assert (session.asked_for, session.fallback) == (("CPUExecutionProvider", {}), False)
    assert session.options.__dict__["intra_op_num_threads"] == torch.get_num_threads()
    assert session.options.__dict__["use_deterministic_compute"] is True


def test_the_threads_of_a_session_are_those_that_it_was_made_with(saved: Path, runtime: Runtime) -> None:
    model, threads = load(saved), torch.get_num_threads()
    before = model.numerics
    torch.set_num_threads(threads + 1)
    try:
        assert model.numerics == before
        assert runtime.opened[0].options.__dict__["intra_op_num_threads"] == threads
    finally:
        torch.set_num_threads(threads)


def test_a_reloaded_model_is_exported_afresh(saved: Path, runtime: Runtime) -> None:
    model = load(saved, max_length=8)
    again = model.reload()
    first, second = runtime.opened
    assert first.module is not second.module
    assert again.encode([Classify(("film " * 30,))])[0].length == 8
    assert again.run(again.encode(TEXTS)) == model.run(model.encode(TEXTS))
    assert again.numerics == model.numerics


def test_weights_in_files_of_their_own_stay_for_as_long_as_the_session(
    saved: Path, runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def export(module: Any, _example: Mapping[str, Any], file: Path, _head: Any) -> None:
        runtime.module = module
        file.write_bytes(b"graph")
        (file.parent / "embeddings").write_bytes(b"weights")

    monkeypatch.setattr(onnx_export, "_export", export)
    model = load(saved)
    (folder,) = (tmp_path / "temporary").iterdir()
    assert (folder / "embeddings").is_file()
    runtime.opened.clear()
    del model
    gc.collect()
    assert not folder.exists()


@pytest.mark.parametrize(
    "change",
    [lambda logits: logits + torch.tensor([1e-2, 0.0]), lambda logits: logits.flip(-1)],
    ids=["probabilities", "labels"],
)
def test_a_model_that_answers_otherwise_than_in_torch_is_refused(
    change: Callable[[torch.Tensor], torch.Tensor], saved: Path, runtime: Runtime, tmp_path: Path
) -> None:
    runtime.change = change
    line = refused(saved)
    assert line.startswith(f"{saved}: answers differ between ONNX Runtime and torch: probabilities differ by up to ")
    assert line.endswith('(backend = "torch")')
    assert list((tmp_path / "temporary").iterdir()) == []


def test_another_label_is_refused_however_close() -> None:
    with pytest.raises(ModelError, match=r"differ by up to 1\.0e-05"):
        onnx._check_equal_answers(
            SequenceHead(None, name="m", max_length=8), [((0.500005, 0.499995), (0.499995, 0.500005))], "here"
        )


def test_the_last_bits_may_differ(saved: Path, runtime: Runtime) -> None:
    runtime.change = lambda logits: logits * (1 + 1e-6)
    load(saved)


def test_an_export_that_fails_is_one_line_and_leaves_nothing(
    saved: Path, runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_export, "_export", raising(AssertionError("no such operator\nand a page of graph")))
    assert refused(saved) == f'{saved}: does not export to ONNX: no such operator (backend = "torch")'
    assert runtime.opened == []
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_graph_that_the_runtime_does_not_take_is_one_line(saved: Path, runtime: Runtime) -> None:
    runtime.InferenceSession = raising(FailError("[ONNXRuntimeError] : 1 : bad graph"))
    assert "does not open in ONNX Runtime: [ONNXRuntimeError] : 1 : bad graph" in refused(saved)


def test_a_graph_of_fixed_shape_is_one_line(saved: Path, runtime: Runtime) -> None:
    runtime.change = raising(FailError("cannot broadcast 2 by 3"))
    assert "does not run in ONNX Runtime: cannot broadcast 2 by 3" in refused(saved)


def test_what_the_runtime_says_is_told_apart(saved: Path, runtime: Runtime) -> None:
    model = load(saved)
    encoded = model.encode(TEXTS)
    runtime.change = raising(
        FailError("AllocateRawInternal Failed to allocate memory for requested buffer of size 1536")
    )
    with pytest.raises(OutOfMemoryError, match="tiny: the device is out of memory"):
        model.run(encoded)
    runtime.change = raising(FailError("something else"))
    with pytest.raises(RuntimeError, match="something else"):
        model.run(encoded)
    runtime.change = lambda logits: logits * float("nan")
    with pytest.raises(ModelError, match="not finite"):
        model.run(encoded)


@pytest.mark.parametrize("name", ["onnxruntime", "onnx"])
def test_a_missing_package_is_one_line_before_anything_is_read(
    name: str, runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert runtime.opened == []
    monkeypatch.setitem(sys.modules, name, None)
    tiny_checkpoint(tmp_path / "ckpt")
    assert main(["run", "--model", str(tmp_path / "ckpt"), "--backend", "onnx", "--out", str(tmp_path / "out")]) == 2
    said = f'audit run: backend "onnx" needs {name}, which is not installed (pip install onnxruntime onnx)\n'
    assert capsys.readouterr().err == said


def test_a_package_that_does_not_import_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    error = ImportError("libcudart.so.12: cannot open shared object file")
    monkeypatch.setattr(importlib, "import_module", raising(error))
    with pytest.raises(ModelError, match=r'needs onnxruntime: libcudart.so.12: .* \(backend = "torch"\)'):
        onnx.check("fp32")


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_other_precisions_are_refused(precision: str, saved: Path, runtime: Runtime) -> None:
    line = f'backend "onnx" computes in fp32 only, not {precision} (precision = "fp32", or backend = "torch")'
    assert refused(saved, precision=precision) == line
    assert runtime.opened == []


def test_no_device_stands_silently_for_another(saved: Path, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    wrong = 'backend "onnx" cannot use device'
    has = f"this onnxruntime has no {CUDA} (--device cpu, or install onnxruntime-gpu)"
    assert refused(saved, device="auto") == f"{wrong} 'cuda': {has}"
    assert refused(saved, device="mps") == f"{wrong} 'mps': it runs on cpu or cuda (--device cpu)"
    runtime.providers.append(CUDA)
    assert onnx_export.provider("cuda:1") == (CUDA, {"device_id": "1", "use_tf32": "0"})
    runtime.starts = "CPUExecutionProvider"
    assert refused(saved, device="cuda").startswith(f"ONNX Runtime cannot start its {CUDA} (--device cpu")


def test_a_gpu_is_named_in_the_numerics(saved: Path, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "H100")
    runtime.providers.append(CUDA)
    model = load(saved, device="cuda")
    assert model.device_kind == "cuda"
    assert model.numerics.startswith("onnxruntime 9.8.7, cuda H100, fp32, ")
    assert runtime.opened[0].asked_for[1]["device_id"] == "0"


def test_torchs_own_exporter_writes_a_file_quietly_and_never_trains(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The exporter asks this package only whether functions of other opsets are called, and there are none.
    package = types.ModuleType("onnx")
    package.__dict__["load_model_from_string"] = lambda _: types.SimpleNamespace(graph=types.SimpleNamespace(node=[]))
    monkeypatch.setitem(sys.modules, "onnx", package)
    model = hugging_face.load(saved, LoadOptions(device="cpu"), name="tiny")
    modes: list[bool] = []
    model.module.dropout.register_forward_hook(lambda module, *_: modes.append(module.training))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        onnx_export._export(
            model.module, model.filling.padded(model.rows(model.encode(TEXTS))), tmp_path / "model.onnx", model.head
        )
    assert set(modes) == {False}
    assert not any(module.training for module in model.module.modules())
    assert b"token_type_ids" in (tmp_path / "model.onnx").read_bytes()


# The command.


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("place")
    rows = [f'"{row.inputs["text"]}",{row.gold}' for row in reviews(24)]
    (folder / "test.csv").write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    (folder / "audit.toml").write_text('[data]\ntest = "test.csv"\n[audit]\nbackend = "onnx"\n', encoding="utf-8")
    tiny_checkpoint(folder / "ckpt")
    return folder


def audit(place: Path, out: Path, *more: str) -> dict[str, Any]:
    words = ["run", "--config", str(place / "audit.toml"), "--model", str(place / "ckpt"), "--device", "cpu"]
    assert main([*words, "--probe", "quality", "--probe", "noise", "--out", str(out), *more]) in (0, 1, 3)
    found: dict[str, Any] = json.loads((out / results.RESULTS).read_text(encoding="utf-8"))
    return found


def test_results_and_page_say_what_computed_and_answers_are_never_mixed(
    place: Path, runtime: Runtime, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = audit(place, tmp_path / "one")
    assert (found["environment"]["backend"], found["config"]["audit"]["backend"]) == ("onnx", "onnx")
    assert found["environment"]["versions"]["onnxruntime"] == "9.8.7"
    page = (tmp_path / "one" / results.PAGE).read_text(encoding="utf-8")
    assert "<dt>backend</dt><dd>onnx</dd>" in page
    assert "<dt>onnxruntime</dt><dd>9.8.7</dd>" in page
    results.load(tmp_path / "one")
    # The flag counts for more than the config, and what ONNX Runtime answered is not torch's answer.
    capsys.readouterr()
    other = audit(place, tmp_path / "two", "--backend", "torch")
    assert other["environment"]["backend"] == "torch"
    assert "onnxruntime" not in other["environment"]["versions"]
    assert "were reused from an earlier run" not in capsys.readouterr().err
    assert len(runtime.opened) == 1


def test_results_that_do_not_say_are_torchs() -> None:
    folder = Path(__file__).resolve().parent.parent / "fixtures" / "results"
    assert "backend" not in json.loads((folder / "results.json").read_text(encoding="utf-8"))["environment"]
    assert "<dt>backend</dt><dd>torch</dd>" in (folder / "scorecard.html").read_text(encoding="utf-8")


# The package itself, where it is installed.


def distilbert(folder: Path) -> Path:
    from transformers import DistilBertConfig, DistilBertForSequenceClassification

    path = tiny_checkpoint(folder)
    config = DistilBertConfig(vocab_size=200, dim=16, n_layers=1, n_heads=2, hidden_dim=16, max_position_embeddings=64)
    DistilBertForSequenceClassification(config).save_pretrained(path)
    (path / "tokenizer_config.json").write_text('{"tokenizer_class": "DistilBertTokenizerFast"}', encoding="utf-8")
    return path


@pytest.mark.parametrize("make", [tiny_checkpoint, distilbert], ids=["bert", "distilbert"])
def test_the_package_answers_as_torch_does(make: Callable[[Path], Path], tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason=ABSENT)
    pytest.importorskip("onnx", reason=ABSENT)
    path = make(tmp_path / "model")
    model, other = load(path), hugging_face.load(path, LoadOptions(device="cpu"), name="tiny")
    requests = [Classify((" ".join(example.inputs.values()),)) for example in reviews(40)]
    for texts in (requests, requests[:1], [Classify(("film " * 500,)), Classify(("",))]):
        encoded = model.encode(texts)
        assert encoded == other.encode(texts)
        answers, expected = model.run(encoded), other.run(encoded)
        assert answers == model.run(encoded)
        for one, known in zip(answers, expected, strict=True):
            assert one == pytest.approx(known, abs=1e-6)


def test_an_audit_by_the_package_gives_the_same_bytes_twice(place: Path, tmp_path: Path) -> None:
    package = pytest.importorskip("onnxruntime", reason=ABSENT)
    pytest.importorskip("onnx", reason=ABSENT)
    found = audit(place, tmp_path / "one")
    assert found["environment"]["versions"]["onnxruntime"] == package.__version__
    audit(place, tmp_path / "two", "--fresh")
    for name in (results.RESULTS, results.PAGE, results.CASES, results.EXAMPLES):
        assert pages.content(tmp_path / "one" / name) == pages.content(tmp_path / "two" / name), name


@pytest.mark.parametrize("name", tasks.names())
def test_a_model_of_every_task_answers_as_in_torch(name: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason=ABSENT)
    pytest.importorskip("onnx", reason=ABSENT)
    path = heads_of_tasks.checkpoint(tmp_path / "model", name)
    task, requests = heads_of_tasks.requests(name)
    model = load(path, head=task.head)
    other = hugging_face.load(path, LoadOptions(device="cpu", head=task.head), name="tiny")
    assert model.labels == other.labels == task.labels
    encoded = model.encode(requests)
    assert encoded == other.encode(requests)
    answers, expected = model.run(encoded), other.run(encoded)
    if "numbers" not in task.offers:
        assert list(map(task.show, answers)) == list(map(task.show, expected))
    # A random model tells texts apart: equal answers would hide a graph that reads nothing.
    assert len(set(map(repr, expected))) > 1
    for answer, known in zip(answers, expected, strict=True):
        rows = zip(model.head.distributions(answer), other.head.distributions(known), strict=True)
        assert all(one == pytest.approx(two, abs=1e-5) for one, two in rows)


def large(path: Path) -> Path:
    """A model of one number, of hundreds of thousands."""
    from safetensors.torch import load_file, save_file

    heads_of_tasks.checkpoint(path, "text-regression")
    weights = load_file(path / "model.safetensors")
    changed = {name: 1e6 * own if name.startswith("classifier.") else own for name, own in weights.items()}
    save_file(changed, path / "model.safetensors", {"format": "pt"})
    return path


def test_large_numbers_may_differ_as_rounding_does(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason=ABSENT)
    pytest.importorskip("onnx", reason=ABSENT)
    path, (task, requests) = large(tmp_path / "model"), heads_of_tasks.requests("text-regression")
    other = hugging_face.load(path, LoadOptions(device="cpu", head=task.head), name="tiny")
    assert (other.notes, other.singly) == ((), False)
    answers = load(path, head=task.head).run(other.encode(requests))
    assert min(map(abs, answers)) > 1e5
    assert answers == pytest.approx(other.run(other.encode(requests)), rel=1e-5)


def test_a_number_that_differs_is_no_probability(saved: Path) -> None:
    from auditor.models.heads.regression import RegressionHead

    head = RegressionHead.__new__(RegressionHead)
    with pytest.raises(ModelError, match=r"numbers differ by up to 1\.0e-03"):
        onnx._check_equal_answers(head, [(1000.0, 1001.0)], str(saved))
    onnx._check_equal_answers(head, [(1e6, 1e6 + 1)], str(saved))

"""Loading of local checkpoints' weights, with a ModelError for every damaged file."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from auditor.errors import AuditError, ModelError, first_line, near_match
from auditor.models import sizes, weight_names
from auditor.models.adapter_files import ADAPTER_CONFIG
from auditor.models.libraries import BROKEN, is_from_library, quiet
from auditor.models.reading import read_json
from auditor.models.weight_files import shapes
from auditor.storage.documents import short

KNOWN = 5
"""Number of names that a hint lists if no name is similar."""


@contextlib.contextmanager
def loading(what: str, path: Path, *, odd_fields: bool = True) -> Iterator[None]:
    """Turn a library's error about a damaged file into a ModelError.

    Its one line names the field of config.json that may be the cause. ``odd_fields``: whether that may be a field whose
    value only looks wrong.
    """
    from safetensors import SafetensorError

    with quiet():
        try:
            yield
        except AuditError:
            raise
        except Exception as error:
            # tokenizers raises the bare class for a file that it cannot read; anything not named here is a bug.
            known = type(error) is Exception or isinstance(error, (*BROKEN, SafetensorError, MemoryError))
            if not known and not is_from_library(error):
                raise
            raise ModelError(
                f"{what}: {why(error, path, odd_fields=odd_fields)}", where=str(path), hint=_saved_by_a_newer(path)
            ) from error


def why(error: Exception, path: Path, *, odd_fields: bool = True) -> str:
    """Return a library's message, with the field that likely caused it.

    The field of config.json, if one stands out, comes before the message.
    """
    if (activation := _unknown_activation(error, path)) is not None:
        return activation
    words = error.message.removeprefix("has no answer: ") if isinstance(error, AuditError) else first_line(error)
    suspect = sizes.suspect(path, words, odd_ones=odd_fields)
    return words if suspect is None else f"{suspect}: {words}"


def _unknown_activation(error: Exception, path: Path) -> str | None:
    """Describe a field that names an activation unknown to transformers.

    Returns None if that is not the cause of the error.
    """
    if not isinstance(error, KeyError) or not error.args:
        return None
    from transformers.activations import ACT2FN

    listed = re.match(r"function (.*?) not found in ACT2FN", str(error.args[0]))
    name = listed[1] if listed else error.args[0]
    for field, value in sizes.fields_of(path).items():
        if value == name and isinstance(value, str) and value not in ACT2FN and "act" in field.rpartition(".")[2]:
            known = near_match(value, ACT2FN) or f"known are {', '.join(sorted(ACT2FN)[:KNOWN])}, …"
            return f"{field} = {short(value)} in config.json: transformers has no activation of this name; {known}"
    return None


def _saved_by_a_newer(path: Path) -> str | None:
    """Return a hint to upgrade if a later transformers wrote the folder."""
    import transformers

    try:
        saved = read_json(path / "config.json").get("transformers_version")
    except ModelError:
        return None
    here = transformers.__version__
    if isinstance(saved, str) and saved.partition(".")[0].isdigit() and _major(saved) > _major(here):
        return f"saved by transformers {saved}, here is {here}: pip install --upgrade transformers"
    return None


def _major(version: str) -> int:
    return int(version.partition(".")[0])


def auto_class(architecture: str) -> Any:
    """Return the auto class of transformers for architectures with this suffix."""
    import transformers

    return getattr(transformers, f"AutoModel{architecture}")


def check_config(path: Path, architecture: str, *, trust_remote_code: bool = False) -> None:
    """Check that transformers can read config.json and that it fits the weights.

    Raises ModelError.
    """
    from transformers import AutoConfig

    with loading("does not load", path):
        config = AutoConfig.from_pretrained(str(path), local_files_only=True, trust_remote_code=trust_remote_code)
    _refuse_unknown_settings(config, path)
    if not trust_remote_code:
        sizes.check(path, auto_class(architecture))


def _refuse_unknown_settings(config: Any, path: Path) -> None:
    """Refuse settings that the installed transformers does not know.

    A later transformers wrote them. The installed one would use its own default for a setting that has a new name. An
    example is ``rope_parameters`` of transformers 5, without which positions are rotated with another base.
    """
    hint = _saved_by_a_newer(path)
    if hint is None:
        return
    plain = type(config)()
    unknown = sorted(name for name in read_json(path / "config.json") if not hasattr(plain, name))
    if unknown:
        names = ", ".join(unknown[:3])
        raise ModelError(
            f"config.json has settings that the installed transformers does not know: {names}",
            where=str(path),
            hint=hint,
        )


def load_weights(
    path: Path, device: str, architecture: str, *, trust_remote_code: bool = False
) -> tuple[Any, list[str]]:
    """Load the float32 weights onto the device; return model and remarks.

    All weights come from the checkpoint. ``architecture`` is the suffix of the architecture's name. Raises ModelError.
    """
    notes: list[str] = []
    with loading("does not load", path), without_adapter(path, notes) as folder:
        arguments: dict[str, Any] = {
            "local_files_only": True,
            "use_safetensors": any(path.glob("model*.safetensors")),
            "trust_remote_code": trust_remote_code,
            "output_loading_info": True,
        }
        model, info = auto_class(architecture).from_pretrained(str(folder), **arguments)
        model = model.float()
    _check_missing(model, sorted(info["missing_keys"]), path)
    _check_finite(model, path)
    with loading("does not load", path):
        return model.to(device), notes


@contextlib.contextmanager
def without_adapter(path: Path, notes: list[str]) -> Iterator[Path]:
    """Yield the folder without its ``adapter_config.json``.

    transformers would fetch the weights of another model for this file, which remains if a merged model is saved into
    its adapter's folder. A remark in ``notes`` says that the file is ignored.
    """
    if not (path / ADAPTER_CONFIG).is_file():
        yield path
        return
    notes.append(f"{ADAPTER_CONFIG} beside complete weights is ignored: the adapter counts as merged")
    with tempfile.TemporaryDirectory(prefix="auditor-checkpoint-") as name:
        folder = Path(name) / path.resolve().name
        folder.mkdir()
        for file in path.resolve().iterdir():
            if file.name != ADAPTER_CONFIG:
                (folder / file.name).symlink_to(file)
        yield folder


def _check_missing(model: Any, missing: Sequence[str], path: Path) -> None:
    if missing:
        weight_names.check(model.state_dict().keys(), shapes(path), path)
    if missing and not any(key.startswith(f"{model.base_model_prefix}.") for key in missing):
        raise ModelError(
            "the classification head is not in the checkpoint",
            where=str(path),
            hint="fine-tune it first with audit train",
        )
    if missing:
        raise ModelError(f"lacks weights: {', '.join(missing[:3])}", where=str(path), hint="copy it again")


def _check_finite(model: Any, path: Path) -> None:
    import torch

    parameters: Mapping[str, Any] = dict(model.named_parameters())
    for name, value in parameters.items():
        broken = int(value.numel() - torch.isfinite(value).sum())
        if broken:
            raise ModelError(
                f"does not load: {broken:,} of {value.numel():,} numbers in {name} are not finite",
                where=str(path),
                hint="its training diverged, or it was damaged: take an earlier checkpoint",
            )

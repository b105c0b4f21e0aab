"""Weights of local checkpoints; what a library raises for a broken file is a ModelError."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from auditor.errors import AuditError, ModelError, near_match
from auditor.models import sizes, weight_names
from auditor.models.adapter_files import ADAPTER_CONFIG
from auditor.models.libraries import BROKEN, of_a_library, quiet, said
from auditor.models.reading import read_json
from auditor.models.weight_files import shapes
from auditor.storage.documents import short

KNOWN = 5
"""Names that a hint lists where none is near."""


@contextlib.contextmanager
def loading(what: str, path: Path, *, odd_fields: bool = True) -> Iterator[None]:
    """Whatever a library raises for a broken file is a ModelError in one line, with the field that may be why.

    ``odd_fields``: whether that may be one of config.json that only looks unsound.
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
            if not known and not of_a_library(error):
                raise
            raise ModelError(
                f"{what}: {why(error, path, odd_fields=odd_fields)}", where=str(path), hint=_saved_by_a_newer(path)
            ) from error


def why(error: Exception, path: Path, *, odd_fields: bool = True) -> str:
    """What a library says, after the field of config.json that is most likely meant, if any stands out."""
    if (activation := _unknown_activation(error, path)) is not None:
        return activation
    words = error.message.removeprefix("has no answer: ") if isinstance(error, AuditError) else said(error)
    suspect = sizes.suspect(path, words, odd_ones=odd_fields)
    return words if suspect is None else f"{suspect}: {words}"


def _unknown_activation(error: Exception, path: Path) -> str | None:
    """In words, that a field names an activation that transformers does not have; None where that is not why."""
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
    """A hint where the folder was written by a later transformers than is here, which may know more."""
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
    """transformers' class that loads architectures whose names end so."""
    import transformers

    return getattr(transformers, f"AutoModel{architecture}")


def check_config(path: Path, architecture: str, *, trust_remote_code: bool = False) -> None:
    """Whether config.json is one that transformers can read, and fits the weights. Raises ModelError."""
    from transformers import AutoConfig

    with loading("does not load", path):
        config = AutoConfig.from_pretrained(str(path), local_files_only=True, trust_remote_code=trust_remote_code)
    _refuse_unknown_settings(config, path)
    if not trust_remote_code:
        sizes.check(path, auto_class(architecture))


def _refuse_unknown_settings(config: Any, path: Path) -> None:
    """A later transformers may hold under a new name what this one would take its own default for.

    So it is with ``rope_parameters`` of transformers 5, without which positions are turned by another base.
    """
    hint = _saved_by_a_newer(path)
    if hint is None:
        return
    plain = type(config)()
    unknown = sorted(name for name in read_json(path / "config.json") if not hasattr(plain, name))
    if unknown:
        names = ", ".join(unknown[:3])
        raise ModelError(
            f"config.json has settings that this transformers does not know: {names}", where=str(path), hint=hint
        )


def load_weights(
    path: Path, device: str, architecture: str, *, trust_remote_code: bool = False
) -> tuple[Any, list[str]]:
    """The model on the device with float32 weights, all of them from the checkpoint; and what is to be said of it.

    ``architecture``: how its name ends. Raises ModelError.
    """
    notes: list[str] = []
    with loading("does not load", path), without_adapter(path, notes) as folder:
        how: dict[str, Any] = {
            "local_files_only": True,
            "use_safetensors": any(path.glob("model*.safetensors")),
            "trust_remote_code": trust_remote_code,
            "output_loading_info": True,
        }
        model, info = auto_class(architecture).from_pretrained(str(folder), **how)
        model = model.float()
    _check_missing(model, sorted(info["missing_keys"]), path)
    _check_finite(model, path)
    with loading("does not load", path):
        return model.to(device), notes


@contextlib.contextmanager
def without_adapter(path: Path, notes: list[str]) -> Iterator[Path]:
    """The folder without its ``adapter_config.json``, for which transformers would fetch another model's weights.

    A merged model may be saved into its adapter's folder. The adapter's files are passed over, which ``notes`` says.
    """
    if not (path / ADAPTER_CONFIG).is_file():
        yield path
        return
    notes.append(f"{ADAPTER_CONFIG} beside whole weights is passed over: they are taken as merged")
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

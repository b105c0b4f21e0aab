"""Parameters added to a model that do not merge into its weights: they stand in ``adapter/`` beside them.

Virtual tokens are peft's and stand there as peft writes them; bottlenecks, which peft does not have, are ours.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from auditor.errors import ModelError
from auditor.models import heads
from auditor.models.adapter_files import ADAPTER_CONFIG, ADAPTER_WEIGHTS, BOTTLENECK, PROMPT
from auditor.models.libraries import quiet
from auditor.models.loading import loading
from auditor.models.reading import read_json
from auditor.models.weight_files import ADAPTER

_NAME = "auditor_bottleneck"
"""Of the module inside a linear map: no architecture has one of that name (MobileBERT has bottlenecks of its own)."""
_INNER = f".{_NAME}."
NOT_ITS_OWN = "the adapter's weights are not those of its configuration"


def add_bottlenecks(model: Any, names: Sequence[str], width: int) -> None:
    """Put a bottleneck behind each of these linear maps: down to ``width``, GELU, up again, added to what came in.

    They begin as the identity: the maps up are zero.
    """
    from torch import nn

    for name in names:
        linear = model.get_submodule(name)
        down, up = nn.Linear(linear.out_features, width), nn.Linear(width, linear.out_features)
        nn.init.zeros_(up.weight)
        nn.init.zeros_(up.bias)
        linear.add_module(_NAME, nn.Sequential(down, nn.GELU(), up).to(linear.weight.device))
        linear.register_forward_hook(_through)


def _through(linear: Any, _given: Any, found: Any) -> Any:
    return found + getattr(linear, _NAME)(found)


def add_prompts(model: Any, kind: str, tokens: int, *, trained: bool = False) -> Any:
    """The model wrapped by peft with virtual tokens; its head stays its own, and not one of peft's copies of it.

    ``kind``: PROMPT, tokens before the text, which begin as embeddings of pieces drawn from the vocabulary; or PREFIX, keys
    and values of every layer. ``trained``: they are about to be given their values.
    """
    import peft

    head = head_of(model)
    shared = {
        "task_type": head.peft_task,
        "num_virtual_tokens": tokens,
        "num_transformer_submodules": 1,
        "num_layers": model.config.num_hidden_layers,
        "num_attention_heads": model.config.num_attention_heads,
        "inference_mode": trained,
    }
    config: Any
    if kind == PROMPT:
        begin = "RANDOM" if trained else "SAMPLE_VOCAB"
        size = int(model.get_input_embeddings().embedding_dim)
        config = peft.PromptTuningConfig(token_dim=size, prompt_tuning_init=begin, **shared)
    else:
        config = peft.PrefixTuningConfig(token_dim=model.config.hidden_size, **shared)
        for module in (model, model.base_model):
            _takes_past_key_values(module)
    with quiet():  # peft reads attributes that transformers is about to rename
        wrapped = peft.get_peft_model(model, config)
    for name, module in list(model.named_modules()):
        if isinstance(module, peft.utils.ModulesToSaveWrapper):
            model.set_submodule(name, module.original_module)
    if head.answers_tokens and kind == PROMPT:
        wrapped.register_forward_pre_hook(_labels_of_none, with_kwargs=True)
        wrapped.register_forward_hook(_without_prompts)
    # Where the base lies is this machine's own affair.
    config.base_model_name_or_path = config.modules_to_save = None
    return wrapped


def _takes_past_key_values(module: Any) -> None:
    """Releases of transformers call the argument ``cache`` by which peft gives prefixes as ``past_key_values``."""
    forward = module.forward
    signature = inspect.signature(forward)
    names = signature.parameters
    if "cache" not in names or "past_key_values" in names:
        return

    @functools.wraps(forward)
    def renamed(*given: Any, past_key_values: Any = None, **named: Any) -> Any:
        return forward(*given, **({"cache": past_key_values, **named} if past_key_values is not None else named))

    past = inspect.Parameter("past_key_values", inspect.Parameter.KEYWORD_ONLY, default=None)
    own = [one for one in names.values() if one.kind is not one.VAR_KEYWORD]
    rest = [one for one in names.values() if one.kind is one.VAR_KEYWORD]
    renamed.__signature__ = signature.replace(parameters=[*own, past, *rest])  # type: ignore[attr-defined]
    module.forward = renamed


def _labels_of_none(wrapped: Any, given: Any, named: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Virtual tokens before the text have no label; torch's losses leave out what is -100."""
    from torch.nn import functional

    if named.get("labels") is not None:
        named = {**named, "labels": functional.pad(named["labels"], (virtual_tokens(wrapped), 0), value=-100)}
    return given, named


def _without_prompts(wrapped: Any, _given: Any, found: Any) -> Any:
    """And no answer: that of the text alone is given."""
    found.logits = found.logits[:, virtual_tokens(wrapped) :]
    return found


def virtual_tokens(model: Any) -> int:
    """How many of the model's positions are taken up by them."""
    return sum(int(getattr(one, "num_virtual_tokens", 0)) for one in _peft_configs(model))


def plain_weights(model: Any) -> dict[str, Any]:
    """The weights by name, but for the adapter's: those of a model without one."""
    found = plain(model).state_dict()
    return {name: value for name, value in found.items() if _INNER not in name}


def save(model: Any, folder: Path) -> None:
    """Write model and configuration as transformers does, and the adapter, if there is one, beside them."""
    from safetensors.torch import save_file

    base = plain(model)
    with quiet():
        base.save_pretrained(folder, state_dict=plain_weights(model))
    inner = {name: value.contiguous() for name, value in base.state_dict().items() if _INNER in name}
    prompts = _peft_configs(model)
    if not inner and not prompts:
        return
    (folder / ADAPTER).mkdir()
    if prompts:
        import peft

        # Else what loads it would begin by drawing virtual tokens anew.
        begin = {"prompt_tuning_init": "RANDOM"} if prompts[0].peft_type == PROMPT else {}
        dataclasses.replace(prompts[0], inference_mode=True, **begin).save_pretrained(str(folder / ADAPTER))
        inner = {**peft.get_peft_model_state_dict(model), **_peft_head(base)}
    else:
        (folder / ADAPTER / ADAPTER_CONFIG).write_text(json.dumps(_described(inner), indent=2) + "\n", "utf-8")
    save_file(inner, folder / ADAPTER / ADAPTER_WEIGHTS, metadata={"format": "pt"})


def attach(model: Any, path: Path) -> Any:
    """The model of the checkpoint ``path`` with its adapter, if it has one. Raises ModelError for one that is broken."""
    import torch
    from safetensors.torch import load_file

    folder = path / ADAPTER
    if not folder.is_dir():
        return model
    # Modules are drawn at random before they are given their weights: that is nobody else's affair.
    with loading("its adapter does not load", folder), torch.random.fork_rng(devices=[]):
        config = read_json(folder / ADAPTER_CONFIG)
        tensors = load_file(folder / ADAPTER_WEIGHTS)
        if config["peft_type"] == BOTTLENECK:
            add_bottlenecks(model, config["targets"], int(config["width"]))
            wanted = {name for name in model.state_dict() if _INNER in name}
            if wanted != tensors.keys():
                raise ModelError(NOT_ITS_OWN, where=str(folder))
            model.load_state_dict(tensors, strict=False)
            return model.eval()
        return _with_prompts(model, config["peft_type"], int(config["num_virtual_tokens"]), tensors, str(folder))


def _with_prompts(model: Any, kind: str, tokens: int, tensors: Mapping[str, Any], where: str) -> Any:
    import peft

    if tensors.keys() != {"prompt_embeddings", *_peft_head(model)}:
        raise ModelError(NOT_ITS_OWN, where=where)
    wrapped = add_prompts(model, kind, tokens, trained=True)
    # What else peft's configuration may ask for, a tokenizer to begin by, say, is not done.
    peft.set_peft_model_state_dict(wrapped, tensors)
    return wrapped.eval()


def plain(model: Any) -> Any:
    """The transformers model itself, without peft's wrapper."""
    return model.get_base_model() if _peft_configs(model) else model


def head_of(model: Any) -> heads.Kind:
    """The head of a torch module, by its class. Raises ModelError for one that no head serves."""
    architecture = type(plain(model)).__name__
    head = heads.serving(architecture)
    if head is None:
        known = ", ".join(f"...{head.architecture}" for head in heads.every())
        raise ModelError(f"no model head serves a {architecture}", hint=f"known: {known}")
    return head


def _peft_configs(model: Any) -> list[Any]:
    found = getattr(model, "peft_config", None)
    return list(found.values()) if isinstance(found, dict) else []


def _peft_head(base: Any) -> dict[str, Any]:
    """What peft expects of a classifier beside its virtual tokens: the head once more."""
    begins = ("classifier.", "score.")
    return {f"base_model.{name}": value for name, value in base.state_dict().items() if name.startswith(begins)}


def _described(inner: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of bottlenecks, from their weights."""
    down = {name.split(_INNER)[0]: value for name, value in inner.items() if name.endswith(f"{_INNER}0.weight")}
    return {"peft_type": BOTTLENECK, "targets": list(down), "width": int(next(iter(down.values())).shape[0])}

"""Adapters that cannot be merged into a model's weights.

They are saved in ``adapter/`` beside the weights. Virtual tokens (prefix and prompt tuning) are peft's and are saved in
peft's format. Bottlenecks, which peft does not offer, are implemented here.
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
"""Name of the module added to a linear layer.

No architecture has a module of this name (MobileBERT has bottlenecks of its own).
"""
_INNER = f".{_NAME}."
LOGITS = ("logits", "start_logits", "end_logits")
"""Outputs with a row for each token."""
PLACES = ("start_positions", "end_positions")
"""Training targets that are places of tokens."""
MISMATCH = "the adapter's weights do not match its configuration"


def add_bottlenecks(model: Any, names: Sequence[str], width: int) -> None:
    """Add a bottleneck after each of the named linear layers.

    A bottleneck projects down to ``width``, applies GELU, projects up again and adds the result to its input. It starts
    as the identity: the weights of the projection up are zero.
    """
    from torch import nn

    for name in names:
        linear = model.get_submodule(name)
        down, up = nn.Linear(linear.out_features, width), nn.Linear(width, linear.out_features)
        nn.init.zeros_(up.weight)
        nn.init.zeros_(up.bias)
        linear.add_module(_NAME, nn.Sequential(down, nn.GELU(), up).to(linear.weight.device))
        linear.register_forward_hook(_add_bottleneck_output)


def bottlenecks(model: Any) -> dict[str, Any]:
    """Return the model's bottlenecks by the layer that each follows."""
    return {name.removesuffix(f".{_NAME}"): part for name, part in model.named_modules() if name.endswith(f".{_NAME}")}


def widen_bottlenecks(model: Any, width: int) -> None:
    """Add ``width`` inner units to each bottleneck; the model's answers stay.

    The new units come after the old ones. Their weights of the projection up are zero.
    """
    import torch
    from torch import nn

    for bottleneck in bottlenecks(model).values():
        old_down, old_up = bottleneck[0], bottleneck[2]
        before = old_down.out_features
        down, up = nn.Linear(old_down.in_features, before + width), nn.Linear(before + width, old_up.out_features)
        with torch.no_grad():
            down.weight[:before], down.bias[:before] = old_down.weight, old_down.bias
            up.weight.zero_()
            up.weight[:, :before] = old_up.weight
            up.bias.copy_(old_up.bias)
        bottleneck[0], bottleneck[2] = down.to(old_down.weight.device), up.to(old_up.weight.device)


def _add_bottleneck_output(linear: Any, _inputs: Any, output: Any) -> Any:
    return output + getattr(linear, _NAME)(output)


def add_prompts(model: Any, kind: str, tokens: int, *, trained: bool = False) -> Any:
    """Return the model wrapped by peft with virtual tokens.

    The model keeps its own head instead of peft's copy of it. ``kind`` is PROMPT, for tokens before the text that start
    as embeddings of pieces drawn from the vocabulary, or PREFIX, for keys and values in every layer. ``trained``: the
    caller sets their values next, so they need no such start.
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
        wrapped.register_forward_pre_hook(_pad_labels, with_kwargs=True)
        wrapped.register_forward_hook(_without_prompts)
    # The path of the base model differs between machines.
    config.base_model_name_or_path = config.modules_to_save = None
    return wrapped


def _takes_past_key_values(module: Any) -> None:
    """Let the module's forward pass accept ``past_key_values``.

    peft passes prefixes under this name, but some releases of transformers call the argument ``cache``.
    """
    forward = module.forward
    signature = inspect.signature(forward)
    names = signature.parameters
    if "cache" not in names or "past_key_values" in names:
        return

    @functools.wraps(forward)
    def renamed(*given: Any, past_key_values: Any = None, **named: Any) -> Any:
        return forward(*given, **({"cache": past_key_values, **named} if past_key_values is not None else named))

    past = inspect.Parameter("past_key_values", inspect.Parameter.KEYWORD_ONLY, default=None)
    positional = [parameter for parameter in names.values() if parameter.kind is not parameter.VAR_KEYWORD]
    variadic = [parameter for parameter in names.values() if parameter.kind is parameter.VAR_KEYWORD]
    renamed.__signature__ = signature.replace(parameters=[*positional, past, *variadic])  # type: ignore[attr-defined]
    module.forward = renamed


def _pad_labels(wrapped: Any, given: Any, named: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Pad labels, and move places, for the virtual tokens.

    These stand before the text and have no label: torch's losses ignore -100.
    """
    from torch.nn import functional

    if named.get("labels") is not None:
        named = {**named, "labels": functional.pad(named["labels"], (virtual_tokens(wrapped), 0), value=-100)}
    places = {name: named[name] + virtual_tokens(wrapped) for name in PLACES if named.get(name) is not None}
    return given, {**named, **places}


def _without_prompts(wrapped: Any, _inputs: Any, output: Any) -> Any:
    """Remove the virtual tokens from the output."""
    for name in LOGITS:
        if getattr(output, name, None) is not None:
            setattr(output, name, getattr(output, name)[:, virtual_tokens(wrapped) :])
    return output


def virtual_tokens(model: Any) -> int:
    """Return the number of the model's positions that virtual tokens occupy."""
    return sum(int(getattr(config, "num_virtual_tokens", 0)) for config in _peft_configs(model))


def plain_weights(model: Any) -> dict[str, Any]:
    """Return the weights by name, without those of an adapter."""
    tensors = plain(model).state_dict()
    return {name: value for name, value in tensors.items() if _INNER not in name}


def save(model: Any, folder: Path) -> None:
    """Save the model as transformers does, and any adapter beside it."""
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

        # Otherwise, loading would first draw new virtual tokens from the vocabulary.
        begin = {"prompt_tuning_init": "RANDOM"} if prompts[0].peft_type == PROMPT else {}
        dataclasses.replace(prompts[0], inference_mode=True, **begin).save_pretrained(str(folder / ADAPTER))
        inner = {**peft.get_peft_model_state_dict(model), **_peft_head(base)}
    else:
        (folder / ADAPTER / ADAPTER_CONFIG).write_text(json.dumps(_described(inner), indent=2) + "\n", "utf-8")
    save_file(inner, folder / ADAPTER / ADAPTER_WEIGHTS, metadata={"format": "pt"})


def attach(model: Any, path: Path) -> Any:
    """Return the model with the adapter of the checkpoint ``path``, if any.

    Raises ModelError for an adapter that is damaged.
    """
    import torch
    from safetensors.torch import load_file

    folder = path / ADAPTER
    if not folder.is_dir():
        return model
    # New modules get random weights before their own are loaded: do not advance the caller's generator.
    with loading("its adapter does not load", folder), torch.random.fork_rng(devices=[]):
        config = read_json(folder / ADAPTER_CONFIG)
        tensors = load_file(folder / ADAPTER_WEIGHTS)
        if config["peft_type"] == BOTTLENECK:
            add_bottlenecks(model, config["targets"], int(config["width"]))
            wanted = {name for name in model.state_dict() if _INNER in name}
            if wanted != tensors.keys():
                raise ModelError(MISMATCH, where=str(folder))
            model.load_state_dict(tensors, strict=False)
            return model.eval()
        return _with_prompts(model, config["peft_type"], int(config["num_virtual_tokens"]), tensors, str(folder))


def _with_prompts(model: Any, kind: str, tokens: int, tensors: Mapping[str, Any], where: str) -> Any:
    import peft

    if tensors.keys() != {"prompt_embeddings", *_peft_head(model)}:
        raise ModelError(MISMATCH, where=where)
    wrapped = add_prompts(model, kind, tokens, trained=True)
    # Ignore the rest of peft's configuration, such as a tokenizer for the initial values.
    peft.set_peft_model_state_dict(wrapped, tensors)
    return wrapped.eval()


def plain(model: Any) -> Any:
    """Return the transformers model without peft's wrapper."""
    return model.get_base_model() if _peft_configs(model) else model


def head_of(model: Any) -> heads.Kind:
    """Return the head for a torch module, by its class.

    Raises ModelError if no head supports the class.
    """
    inner = plain(model)
    architecture = type(inner).__name__
    head = heads.serving({**inner.config.to_dict(), "architectures": [architecture]})
    if head is None:
        known = ", ".join(sorted({f"...{head.architecture}" for head in heads.every()}))
        raise ModelError(f"no model head supports {architecture}", hint=f"known: {known}")
    return head


def _peft_configs(model: Any) -> list[Any]:
    configs = getattr(model, "peft_config", None)
    return list(configs.values()) if isinstance(configs, dict) else []


def _peft_head(base: Any) -> dict[str, Any]:
    """Return the copy of the head's weights that peft expects.

    peft saves the head of a classifier together with its virtual tokens.
    """
    begins = ("classifier.", "score.", "qa_outputs.")
    return {f"base_model.{name}": value for name, value in base.state_dict().items() if name.startswith(begins)}


def _described(inner: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration of bottlenecks, derived from their weights."""
    down = {name.split(_INNER)[0]: value for name, value in inner.items() if name.endswith(f"{_INNER}0.weight")}
    return {"peft_type": BOTTLENECK, "targets": list(down), "width": int(next(iter(down.values())).shape[0])}

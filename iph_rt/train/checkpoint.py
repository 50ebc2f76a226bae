"""Training state on disk: tensors as safetensors, the rest as its metadata. Never pickle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from iph_rt.errors import ModelFileError
from iph_rt.files import atomic_path


def save_checkpoint(
    path: Path, model: nn.Module, average: dict[str, Tensor], optimizer: torch.optim.Optimizer, state: dict[str, Any]
) -> None:
    """Write model, moving average, Adam's moments and a JSON state; the file appears whole or not at all."""
    tensors = {f"model.{name}": value.detach() for name, value in model.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in average.items()}
    for name, parameter in model.named_parameters():
        for key, value in optimizer.state.get(parameter, {}).items():
            tensors[f"adam.{key}.{name}"] = torch.as_tensor(value)
    tensors = {name: value.contiguous().clone() for name, value in tensors.items()}
    with atomic_path(path) as partial:
        save_file(tensors, partial, metadata={"state": json.dumps(state)})


def load_checkpoint(
    path: Path, model: nn.Module, average: dict[str, Tensor], optimizer: torch.optim.Optimizer
) -> dict[str, Any]:
    """Put a checkpoint back into model, average and optimizer; returns its state.

    Raises:
        ModelFileError: the file is damaged, or of a network of another shape.
    """
    try:
        with safe_open(path, framework="pt") as file:
            state: dict[str, Any] = json.loads(file.metadata()["state"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 -- not a dict
        model.load_state_dict(_part(tensors, "model."))
        average.update(_part(tensors, "average."))
    except Exception as error:
        raise ModelFileError(f"{path}: not a checkpoint of this model ({error}); start anew with another --out") from error
    for name, parameter in model.named_parameters():
        names = {key: f"adam.{key}.{name}" for key in ("step", "exp_avg", "exp_avg_sq")}
        found = {key: tensors[full] for key, full in names.items() if full in tensors}
        if found:
            optimizer.state[parameter] = found
    return state


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}

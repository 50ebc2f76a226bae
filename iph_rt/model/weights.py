"""Read trained weights back into the networks."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file

from iph_rt.errors import ModelFileError
from iph_rt.model.presets import IPHNet, build_model
from iph_rt.weights.registry import model_files

CHECKPOINT = "checkpoint.safetensors"
AVERAGE = "average."


def load_packaged(name: str) -> IPHNet:
    """The packaged weights of a model, in evaluation mode, after their SHA-256 check."""
    return load_weights(name, model_files(name).weights)


def load_weights(name: str, path: Path) -> IPHNet:
    """Weights of one safetensors file.

    Raises:
        ModelFileError: missing, damaged, or of a network of another shape.
    """
    model = build_model(name)
    try:
        model.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise ModelFileError(f"{path}: not weights of {name} ({error})") from error
    return model.eval()


def average_of_run(run: Path) -> IPHNet:
    """The moving average of the weights in a run's checkpoint.

    Raises:
        ModelFileError: no checkpoint there, or a damaged one.
    """
    path = run / CHECKPOINT
    try:
        with safe_open(path, framework="pt") as file:
            name = json.loads(file.metadata()["state"])["model"]
            weights = {key[len(AVERAGE) :]: file.get_tensor(key) for key in file.keys() if key.startswith(AVERAGE)}  # noqa: SIM118
        model = build_model(name)
        model.load_state_dict(weights)
    except (OSError, SafetensorError, RuntimeError, KeyError, TypeError) as error:
        raise ModelFileError(f"{path}: no usable checkpoint ({error}); train first: iph-rt train --out {run}") from error
    return model.eval()

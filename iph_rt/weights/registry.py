"""Weights in the package: where they lie, and the SHA-256 that each must have. Knows no torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from iph_rt.errors import ConfigError, ModelFileError
from iph_rt.files import sha256_of

FOLDER = Path(__file__).parent
PINS = FOLDER / "pinned.json"
STYLE_ENCODER, HARMONIZER, WEIGHTS, CARD = "style_encoder.onnx", "harmonizer.onnx", "weights.safetensors", "MODEL_CARD.md"


@dataclass(frozen=True)
class ModelFiles:
    """The files of one model, each checked."""

    style_encoder: Path
    harmonizer: Path
    weights: Path
    card: Path


def model_names() -> list[str]:
    """Names of the models whose weights come with the package."""
    return sorted(_pins())


def model_files(name: str) -> ModelFiles:
    """Paths of a packaged model after its SHA-256 check.

    Raises:
        ConfigError: no such model in the package.
        ModelFileError: a file is missing or is not the one that is pinned.
    """
    pins = _pins()
    if name not in pins:
        known = ", ".join(sorted(pins)) or "none is packaged"
        raise ConfigError(f"no packaged weights named {name!r}; expected one of: {known}, or a folder of ONNX files")
    folder = FOLDER / name
    for file, expected in pins[name].items():
        check_file(folder / file, expected)
    return ModelFiles(folder / STYLE_ENCODER, folder / HARMONIZER, folder / WEIGHTS, folder / CARD)


def check_file(path: Path, expected: str) -> None:
    """Compare one file with its pinned SHA-256.

    Raises:
        ModelFileError: missing, unreadable, or different.
    """
    try:
        got = sha256_of(path)
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read ({error.strerror}); reinstall iph-rt") from error
    if got != expected:
        raise ModelFileError(f"{path} has SHA-256 {got}, expected {expected}: damaged or replaced; reinstall iph-rt")


def _pins() -> dict[str, dict[str, str]]:
    try:
        pins: dict[str, dict[str, str]] = json.loads(PINS.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelFileError(f"{PINS} cannot be read ({error}); reinstall iph-rt") from error
    return pins

"""A look: a fitted change of colour and how it came about, as a JSON file or as a .cube table for video editors."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from iph_rt.color.polynomial import Polynomial
from iph_rt.errors import ConfigError, LookFileError
from iph_rt.files import write_text

FORMAT = "iph_rt look"
VERSION = 1
LEAST_CUBE, MOST_CUBE = 2, 129  # what ffmpeg's lut3d and the common editors read
_CURE = "save the look again with Look.save"


@dataclass(frozen=True)
class Look:
    """A polynomial and its provenance.

    Attributes:
        polynomial: the change of colour, with its guard.
        provenance: how it came about: whatever JSON can hold, such as the reference's description and SHA-256, the model
            and the date. iph_rt only carries it along.
    """

    polynomial: Polynomial
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the look as JSON, whole or not at all. The same look gives the same bytes.

        Raises:
            SinkError: the file cannot be written. ConfigError: the provenance is nothing that JSON can hold.
        """
        content = {
            "format": FORMAT,
            "version": VERSION,
            "terms": "R G B RG RB GB R2 G2 B2 RGB 1, of RGB in [0, 1]; a row for each term, a column for each of R G B",
            "coefficients": _numbers(self.polynomial.coefficients),
            "guard": {
                "center": _numbers(self.polynomial.center),
                "precision": _numbers(self.polynomial.precision),
            },
            "provenance": dict(self.provenance),
        }
        try:
            content["sha256"] = _digest(content)
            text = json.dumps(content, indent=2, sort_keys=True, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f"got a provenance that cannot be written ({error}): expected text, finite numbers, lists and "
                "dictionaries; turn other values into text first"
            ) from error
        write_text(path, text + "\n")

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Look:
        """Reads a look that :meth:`save` wrote.

        Raises:
            LookFileError: the file is missing, no look, of a later version, or not what was written.
        """
        name = f"the look '{os.fspath(path)}'"
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise LookFileError(f"cannot read {name}: {error.strerror or error}; check the path") from error
        except (ValueError, RecursionError) as error:
            raise LookFileError(f"{name} is not JSON ({error}): expected a file from Look.save; {_CURE}") from error
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise LookFileError(f'{name} is JSON of another kind: expected "format": "{FORMAT}"; {_CURE}')
        if content.get("version") != VERSION:
            raise LookFileError(f"{name} has version {content.get('version')!r}: expected {VERSION}; {_CURE}, or update iph_rt")
        written = content.pop("sha256", None)
        if written != _digest(content):
            raise LookFileError(f"{name} was changed after it was written: its SHA-256 does not match; {_CURE}")
        try:
            guard = content["guard"]
            values = (content["coefficients"], guard["center"], guard["precision"])
            polynomial = Polynomial(*(np.array(value, dtype=np.float32) for value in values))
            return Look(polynomial, dict(content["provenance"]))
        except (KeyError, TypeError, ValueError) as error:
            raise LookFileError(f"{name} lacks a part or has a wrong one ({error}); {_CURE}") from error

    def to_cube(self, path: str | os.PathLike[str], size: int = 33) -> None:
        """Writes the guarded polynomial as a .cube table of size^3 colours (red runs fastest), RGB in [0, 1].

        ffmpeg reads it with ``-vf lut3d=file.cube``, editors as a 3-D LUT.

        Raises:
            ConfigError: a size outside 2..129. SinkError: the file cannot be written.
        """
        if not isinstance(size, int) or isinstance(size, bool) or not LEAST_CUBE <= size <= MOST_CUBE:
            raise ConfigError(f"got size={size!r}: expected an int of {LEAST_CUBE} to {MOST_CUBE}; 33 is usual")
        steps = np.linspace(0.0, 1.0, size)
        blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
        table = self.polynomial.evaluate(np.stack([red, green, blue], axis=-1)).reshape(-1, 3)
        head = f'TITLE "iph_rt look"\nLUT_3D_SIZE {size}\nDOMAIN_MIN 0.0 0.0 0.0\nDOMAIN_MAX 1.0 1.0 1.0\n'
        write_text(path, head + "".join(f"{r:.6f} {g:.6f} {b:.6f}\n" for r, g, b in table.tolist()))


def _numbers(values: np.ndarray[Any, np.dtype[np.float32]]) -> list[Any]:
    """Nested lists; every float32 is exact as a float64 and comes back to the bit."""
    return list(values.astype(np.float64).tolist())


def _digest(content: Mapping[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()

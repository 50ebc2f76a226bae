"""Writing a look under a name that says in which form."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from iph_rt.errors import ConfigError

if TYPE_CHECKING:
    from iph_rt.color.look import Look


def save_look(look: Look, path: str) -> None:
    """Write a look as ``.json`` (iph_rt reads it again) or ``.cube`` (3-D table for video editors).

    Raises:
        ConfigError: another suffix.
        SinkError: the file cannot be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix == ".json":
        look.save(path)
    elif suffix == ".cube":
        look.to_cube(path)
    else:
        raise ConfigError(f"cannot save a look as '{path}'; expected a name that ends in .json or .cube")

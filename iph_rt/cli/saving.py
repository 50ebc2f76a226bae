"""Outputs: checked before the work, and looks under a name that says in which form."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from iph_rt.errors import ConfigError
from iph_rt.files import check_writable

if TYPE_CHECKING:
    from iph_rt.color.look import Look


def check_output(path: str, *inputs: str | None) -> None:
    """Say before long work that ``path`` cannot be written, or that it is one of the inputs, which would be lost.

    Raises:
        ConfigError: it is an input. SinkError: it cannot be written.
    """
    target = Path(path)
    for name in inputs:
        if name is not None and target.exists() and Path(name).exists() and target.samefile(name):
            raise ConfigError(f"'{path}' is read by this command and would be overwritten; choose another output")
    check_writable(path)


def check_look(path: str, *inputs: str | None) -> None:
    """The same for a look.

    Raises:
        ConfigError: another suffix than ``.json`` or ``.cube``, or an input. SinkError: it cannot be written.
    """
    _look_suffix(path)
    check_output(path, *inputs)


def save_look(look: Look, path: str) -> None:
    """Write a look as ``.json`` (iph_rt reads it again) or ``.cube`` (3-D table for video editors).

    Raises:
        ConfigError: another suffix.
        SinkError: the file cannot be written.
    """
    if _look_suffix(path) == ".json":
        look.save(path)
    else:
        look.to_cube(path)


def _look_suffix(path: str) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in (".json", ".cube"):
        raise ConfigError(f"cannot save a look as '{path}'; expected a name that ends in .json or .cube")
    return suffix

"""Output files that appear whole or not at all, and the SHA-256 of files that are pinned."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from iph_rt.errors import SinkError


def check_writable(path: str | os.PathLike[str]) -> Path:
    """Say now, before long work, that ``path`` cannot be written.

    Creates and removes the temporary sibling that :func:`atomic_path` would use.

    Raises:
        SinkError: the folder is missing, is no folder, or cannot be written, or ``path`` is a folder.
    """
    target = Path(path)
    _create_beside(target).unlink()
    return target


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` with the same suffix; rename it to ``path`` if the block succeeds.

    The temporary file exists (empty) when the block starts. When the block raises anything, even KeyboardInterrupt,
    it is removed and whatever was at ``path`` before stays as it was.

    Raises:
        SinkError: the folder is missing, is no folder, or cannot be written, or ``path`` is a folder.
    """
    target = Path(path)
    partial = _create_beside(target)
    try:
        yield partial
        partial.replace(target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise SinkError(
            f"cannot write '{target}': {error.strerror or error}; check free space and permissions"
        ) from error
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write ``data`` to ``path`` atomically.

    Raises:
        SinkError: see :func:`atomic_path`.
    """
    with atomic_path(path) as partial:
        partial.write_bytes(data)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write ``text`` as UTF-8 to ``path`` atomically.

    Raises:
        SinkError: see :func:`atomic_path`.
    """
    write_bytes(path, text.encode())


def make_folder(path: str | os.PathLike[str]) -> Path:
    """Create the folder ``path`` and its parents if they are not there yet, and check that it takes files.

    Raises:
        SinkError: something on the way is a file, or the folder cannot be written.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SinkError(
            f"cannot create the folder '{folder}': {error.strerror or error}; choose another output folder"
        ) from error
    check_writable(folder / "probe")
    return folder


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes as 64 lower-case hex digits. Raises OSError where it cannot be read."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _create_beside(target: Path) -> Path:
    if target.is_dir():
        raise SinkError(f"cannot write '{target}': it is a folder; name a file in it")
    if target.exists() and not target.is_file():  # renaming onto /dev/null would replace it
        raise SinkError(f"cannot write '{target}': it is a device or pipe; name a plain file")
    partial = target.with_name(f".{target.stem}.{os.getpid()}.part{target.suffix}")
    try:
        partial.open("wb").close()
    except OSError as error:
        folder = target.parent
        if not folder.exists():
            cure = f"the folder '{folder}' does not exist; create it or choose another"
        elif not folder.is_dir():
            cure = f"'{folder}' is a file, not a folder; choose another output path"
        else:
            cure = f"{error.strerror or error}; make '{folder}' writable or choose another output folder"
        raise SinkError(f"cannot write '{target}': {cure}") from error
    return partial

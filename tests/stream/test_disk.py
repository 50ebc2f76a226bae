"""Disks that are full or read-only, as root sees them too: small tmpfs mounts, where mounting is allowed."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from iph_rt.errors import SinkError
from iph_rt.stream.frame import Frame
from iph_rt.stream.images import write_image
from iph_rt.stream.video_file import VideoFileSink


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a tmpfs with the given options and unmounts it afterwards."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def attach(options: str) -> Path:
        line = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        try:
            done = subprocess.run(line, capture_output=True, text=True, check=False)
        except OSError as error:
            pytest.skip(f"cannot mount: {error}")
        if done.returncode != 0:
            pytest.skip(f"cannot mount: {done.stderr.strip()}")
        return folder

    yield attach
    subprocess.run(["umount", str(folder)], capture_output=True, check=False)


def write_noise(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (90, 160, 3), np.uint8)
    with VideoFileSink(path, 30) as sink:
        for number in range(60):
            sink(Frame(number, np.roll(noise, number * 7, axis=1), number * 33_000_000))


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_full_disk_is_one_error_and_no_file(mount: Callable[[str], Path], name: str) -> None:
    disk = mount("size=64k")
    with pytest.raises(SinkError, match="No space left on device"):
        write_noise(disk / name)
    assert list(disk.iterdir()) == []


def test_a_read_only_folder_is_refused_before_any_work(mount: Callable[[str], Path]) -> None:
    disk = mount("ro")
    with pytest.raises(SinkError, match=r"Read-only file system; make '.*' writable or choose another output folder"):
        write_noise(disk / "a.mp4")
    with pytest.raises(SinkError, match="Read-only file system"):
        write_image(disk / "a.png", np.zeros((2, 2, 3), np.uint8))

"""Output files appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from iph_rt.errors import SinkError
from iph_rt.files import atomic_path, check_writable, make_folder, write_bytes


def write_half_and_raise(path: Path, error: BaseException) -> None:
    with atomic_path(path) as partial:
        partial.write_bytes(b"half")
        raise error


def test_success_renames_and_leaves_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    with atomic_path(target) as partial:
        assert partial.parent == tmp_path
        assert partial.suffix == ".mp4"  # encoders choose the format by it
        partial.write_bytes(b"whole")
        assert not target.exists()
    assert target.read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, SystemExit])
def test_failure_keeps_the_old_file_and_removes_the_half(tmp_path: Path, failure: type[BaseException]) -> None:
    target = tmp_path / "out.png"
    target.write_bytes(b"old")
    with pytest.raises(failure):
        write_half_and_raise(target, failure())
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_full_disk_is_a_sink_error(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match=r"No space left on device.*free space"):
        write_half_and_raise(tmp_path / "a.bin", OSError(28, "No space left on device"))
    assert list(tmp_path.iterdir()) == []


def test_unusable_targets_say_why(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    with pytest.raises(SinkError, match="is a file, not a folder"):
        check_writable(file / "out.png")
    with pytest.raises(SinkError, match="does not exist"):
        check_writable(tmp_path / "nowhere" / "out.png")
    with pytest.raises(SinkError, match="it is a folder"):
        check_writable(tmp_path)
    with pytest.raises(SinkError, match="cannot create the folder"):
        make_folder(file / "folder")


def test_check_writable_leaves_no_trace_and_keeps_what_is_there(tmp_path: Path) -> None:
    target = tmp_path / "out.png"
    write_bytes(target, b"old")
    check_writable(target)
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_device_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    with pytest.raises(SinkError, match="a device or pipe"):
        write_bytes(pipe, b"picture")
    assert pipe.is_fifo()

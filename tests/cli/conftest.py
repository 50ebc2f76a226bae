"""Runs the command as a user does, in its own process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from iph_rt.stream.sources import SyntheticSource
from iph_rt.stream.video_file import VideoFileSink

REPOSITORY = Path(__file__).resolve().parents[2]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True)
class Shell:
    """What a test needs to start the command by itself."""

    command: Callable[..., list[str]]
    environment: dict[str, str]


@pytest.fixture(scope="session")
def shell() -> Shell:
    """Command line and environment of ``iph-rt``."""
    return Shell(command, environment())


def command(*args: object) -> list[str]:
    """The command line of ``iph-rt`` with these arguments."""
    return [sys.executable, "-m", "iph_rt", *map(str, args)]


def environment(**changes: str) -> dict[str, str]:
    """This process's environment without a display, with changes."""
    kept = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    return {**kept, "PYTHONPATH": str(REPOSITORY), **changes}


@pytest.fixture(scope="session")
def iph_rt() -> Run:
    """Runs ``iph-rt ARGS`` to its end: returns code, stdout and stderr."""

    def run(*args: object, env: dict[str, str] | None = None, cwd: Path = REPOSITORY) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*args), capture_output=True, text=True, env=environment(**(env or {})), cwd=cwd, timeout=240, check=False
        )

    return run


@pytest.fixture(scope="session")
def refuses(iph_rt: Run) -> Callable[..., str]:
    """Runs ``iph-rt ARGS``, requires exit code 2 and exactly one line on stderr, no traceback; returns the line."""

    def run(*args: object, **options: object) -> str:
        result = iph_rt(*args, **options)
        assert result.returncode == 2, result.stderr + result.stdout
        assert "Traceback" not in result.stderr
        lines = result.stderr.splitlines()
        assert len(lines) == 1, result.stderr
        assert lines[0].startswith("iph-rt"), result.stderr
        return lines[0]

    return run


@pytest.fixture(scope="session")
def short_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight frames of the synthetic person, 320x180."""
    path = tmp_path_factory.mktemp("clip") / "short.mp4"
    with VideoFileSink(path, 30) as sink:
        for frame in SyntheticSource((320, 180), count=8):
            sink(frame)
    return path

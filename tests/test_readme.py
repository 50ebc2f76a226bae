"""Every code block and command of the README works as written, in a folder with the files that it names."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

README = Path(__file__).resolve().parent.parent / "README.md"
BLOCKS = re.findall(r"```(python|sh)\n(.*?)```", README.read_text(encoding="utf-8"), re.S)
PYTHON = [code for language, code in BLOCKS if language == "python"]
COMMANDS = [line for language, code in BLOCKS if language == "sh" for line in code.splitlines() if line.strip()]
TRAINING = [line for line in COMMANDS if " train " in line or " evaluate " in line]
OTHERS = [line for line in COMMANDS if line not in TRAINING]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, assets):
    """party.jpg, me.mp4 and me.jpg from the demo's media; photos/ with a few pictures drawn here."""
    place = tmp_path_factory.mktemp("readme")
    (place / "party.jpg").write_bytes(assets["group_photo"].read_bytes())
    (place / "me.mp4").write_bytes(assets["webcam_clip"].read_bytes())
    ok, frame = cv2.VideoCapture(str(place / "me.mp4")).read()
    assert ok
    cv2.imwrite(str(place / "me.jpg"), frame)
    (place / "photos").mkdir()
    rng = np.random.default_rng(0)
    for index in range(6):
        blocks = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)
        cv2.imwrite(str(place / "photos" / f"{index}.png"), cv2.resize(blocks, (280, 200), interpolation=cv2.INTER_CUBIC))
    return place


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=280, env=os.environ.copy(), check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done


@pytest.mark.parametrize("number", range(len(PYTHON)))
def test_python_block(number, folder):
    run([sys.executable, "-c", PYTHON[number]], folder)
    made = ["party.json", "party.cube"] if number == 0 else ["still.png"]
    assert all((folder / name).stat().st_size > 500 for name in made)


@pytest.mark.parametrize("line", OTHERS)
def test_command(line, folder):
    words = shlex.split(line)
    assert words[0] == "iph-rt"
    run([sys.executable, "-m", "iph_rt", *words[1:]], folder)
    if "-o" in words:
        assert (folder / words[words.index("-o") + 1]).stat().st_size > 1000


def test_training_commands(folder):
    """In their order: each builds on the one before."""
    for line in TRAINING:
        run([sys.executable, "-m", "iph_rt", *shlex.split(line)[1:]], folder)
    assert (folder / "runs" / "mine" / "onnx" / "harmonizer.onnx").stat().st_size > 100_000


def test_the_two_commands_are_make_targets():
    text, makefile = README.read_text(encoding="utf-8"), (README.parent / "Makefile").read_text(encoding="utf-8")
    assert re.findall(r"^    (make \w+)", text, re.M) == ["make demo", "make test"]
    assert "\ndemo:" in makefile
    assert "\ntest:" in makefile


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#:]+)\)", README.read_text(encoding="utf-8")):
        assert (README.parent / target).exists(), target

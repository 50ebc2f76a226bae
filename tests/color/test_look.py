"""Look files: they come back to the bit, refuse what was tampered with, and their .cube is what other programs apply."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pytest

from iph_rt.color.look import Look
from iph_rt.color.polynomial import apply
from iph_rt.errors import ConfigError, LookFileError, SinkError

PROVENANCE = {"reference": "party.jpg, person at (310, 200)", "model": "iph-edge", "amounts": [1.0, 0.5], "date": None}


def test_round_trip(tmp_path, polynomial):
    path = tmp_path / "party.json"
    Look(polynomial, PROVENANCE).save(path)
    loaded = Look.load(path)
    assert loaded.polynomial == polynomial
    assert loaded.provenance == PROVENANCE
    assert loaded == Look(polynomial, PROVENANCE)
    loaded.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


def written(tmp_path, polynomial):
    path = tmp_path / "look.json"
    Look(polynomial, PROVENANCE).save(path)
    return path, json.loads(path.read_text())


def test_tampering_is_seen(tmp_path, polynomial):
    for change in (
        lambda c: c["coefficients"][0].__setitem__(0, 1.5),
        lambda c: c["guard"]["center"].__setitem__(1, 0.1),
        lambda c: c["provenance"].__setitem__("model", "other"),
        lambda c: c.pop("sha256"),
        lambda c: c.__setitem__("sha256", "0" * 64),
    ):
        path, content = written(tmp_path, polynomial)
        change(content)
        path.write_text(json.dumps(content))
        with pytest.raises(LookFileError, match="changed after it was written"):
            Look.load(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[1]", "another kind"),
        ("{}", "another kind"),
        ("\x00", "not JSON"),
        ('{"format": "iph_rt look", "version": 2}', "version 2"),
        ('{"format": "iph_rt look"}', "version None"),
    ],
)
def test_wrong_files(tmp_path, text, message):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(LookFileError, match=message):
        Look.load(path)


def test_missing_and_binary_files(tmp_path):
    with pytest.raises(LookFileError, match="check the path"):
        Look.load(tmp_path / "none.json")
    (tmp_path / "binary.json").write_bytes(bytes(range(256)))
    with pytest.raises(LookFileError, match="not JSON"):
        Look.load(tmp_path / "binary.json")


@pytest.mark.parametrize("provenance", [{"x": float("nan")}, {"x": b"bytes"}, {"x": {1, 2}}, {"x": np.float32(1)}])
def test_refuses_provenance_that_json_cannot_hold(tmp_path, polynomial, provenance):
    with pytest.raises(ConfigError, match="provenance"):
        Look(polynomial, provenance).save(tmp_path / "x.json")
    assert not list(tmp_path.iterdir())


def test_folder_that_does_not_exist(tmp_path, polynomial):
    with pytest.raises(SinkError):
        Look(polynomial).save(tmp_path / "none" / "x.json")
    with pytest.raises(SinkError):
        Look(polynomial).to_cube(tmp_path / "none" / "x.cube")


def read_cube(path):
    lines = path.read_text().splitlines()
    size = next(int(line.split()[1]) for line in lines if line.startswith("LUT_3D_SIZE"))
    rows = [line for line in lines if line and line[0].isdigit()]
    return np.array([[float(v) for v in row.split()] for row in rows]).reshape(size, size, size, 3)  # blue, green, red


@pytest.mark.parametrize("size", [2, 18, 52])
def test_cube_holds_what_apply_does(tmp_path, polynomial, size):
    """18 and 52 points lie 15 and 5 levels of uint8 apart, so the table and the pixels can be compared exactly."""
    path = tmp_path / "look.cube"
    Look(polynomial).to_cube(path, size)
    table = read_cube(path)
    levels = np.linspace(0, 255, size).round().astype(np.uint8)
    blue, green, red = np.meshgrid(levels, levels, levels, indexing="ij")
    pixels = np.stack([red, green, blue], axis=-1).reshape(size, -1, 3)
    assert np.abs(apply(pixels, polynomial, color="rgb") - 255 * table.reshape(size, -1, 3)).max() <= 0.51


@pytest.mark.parametrize("size", [1, 0, 130, 33.0, True])
def test_refuses_cube_sizes(tmp_path, polynomial, size):
    with pytest.raises(ConfigError, match="got size"):
        Look(polynomial).to_cube(tmp_path / "x.cube", size)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_ffmpeg_applies_the_cube(tmp_path, polynomial):
    path = tmp_path / "look.cube"
    Look(polynomial).to_cube(path, 33)
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24"]
    command = ["ffmpeg", "-v", "error", *raw, "-s", "64x64", "-i", "-", "-vf", f"lut3d={path}:interp=tetrahedral", *raw, "-"]
    done = subprocess.run(command, input=image.tobytes(), capture_output=True, check=True)
    got = np.frombuffer(done.stdout, np.uint8).reshape(64, 64, 3).astype(int)
    assert np.abs(got - apply(image, polynomial, color="rgb")).max() <= 4
    assert np.abs(got - image).max() > 20

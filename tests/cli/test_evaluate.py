"""``iph-rt evaluate`` from end to end, on tiny networks and a corpus of drawn photographs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from iph_rt.cli.main import main
from iph_rt.train import corpus, pairs


@pytest.fixture
def photographs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A corpus folder of three held-out names with smooth coloured pictures in them."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    held_out = [photo for photo in corpus.listed_photos() if photo.held_out][:3]
    rows, columns = np.mgrid[:400, :500] / 60
    for index, photo in enumerate(held_out):
        waves = [127 + 100 * np.sin(rows * (1 + c / 3) + index) * np.cos(columns + 2 * c) for c in range(3)]
        (folder / photo.name).write_bytes(cv2.imencode(".jpg", np.stack(waves, -1).astype(np.uint8))[1].tobytes())
    monkeypatch.setenv("IPH_RT_CORPUS", str(folder))
    pairs._held_out_store.cache_clear()
    yield folder
    pairs._held_out_store.cache_clear()


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """The ONNX contract with the least inside: the code is the reference's mean, the output the foreground to 0.9."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    port = helper.make_tensor_value_info
    image, mask, code = ["N", 3, 256, 256], ["N", 1, 256, 256], ["N", 3]
    style = helper.make_graph(
        [
            helper.make_node("Mul", ["reference", "guide_mask"], ["seen"]),
            helper.make_node("ReduceMean", ["seen"], ["style_code"], axes=[2, 3], keepdims=0),
        ],
        "style",
        [port("reference", TensorProto.FLOAT, image), port("guide_mask", TensorProto.FLOAT, mask)],
        [port("style_code", TensorProto.FLOAT, code)],
    )
    harmonizer = helper.make_graph(
        [
            helper.make_node("ReduceMax", ["style_code"], ["most"], keepdims=0),
            helper.make_node("Mul", ["most", "zero"], ["nothing"]),
            helper.make_node("Pow", ["foreground", "power"], ["curved"]),
            helper.make_node("Mul", ["curved", "mask"], ["masked"]),
            helper.make_node("Add", ["masked", "nothing"], ["harmonized"]),
        ],
        "harmonizer",
        [
            port("foreground", TensorProto.FLOAT, image),
            port("mask", TensorProto.FLOAT, mask),
            port("style_code", TensorProto.FLOAT, code),
        ],
        [port("harmonized", TensorProto.FLOAT, image)],
        [
            helper.make_tensor("power", TensorProto.FLOAT, [], [0.9]),
            helper.make_tensor("zero", TensorProto.FLOAT, [], [0]),
        ],
    )
    for name, graph in (("style_encoder", style), ("harmonizer", harmonizer)):
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 8
        onnx.checker.check_model(model)
        onnx.save(model, folder / f"{name}.onnx")
    return folder


def test_json_holds_both_kinds_and_two_runs_are_equal(
    photographs: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["evaluate", "--weights", str(weights), "--pairs", "2", "--json"]
    assert main([*command, "--sheet", str(tmp_path / "sheet.png")]) == 0
    first = capsys.readouterr().out
    result = json.loads(first)
    assert [kind["kind"] for kind in result["kinds"]] == ["same-scene", "shared-light"]
    for kind in result["kinds"]:
        assert kind["pairs"] == 2
        assert kind["methods"]["direct"]["over_direct"] == 1
        assert kind["methods"]["iph polynomial"]["fmse"] != kind["methods"]["direct"]["fmse"]
        assert kind["polynomial_against_raw"]["fpsnr"] > 30
    assert cv2.imread(str(tmp_path / "sheet.png")).shape[1] > 1000
    assert main(command) == 0
    assert capsys.readouterr().out == first


def test_table_names_every_method(photographs: Path, weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--weights", str(weights), "--pairs", "1", "--kind", "shared-light"]) == 0
    out = capsys.readouterr().out
    for word in (
        "shared-light: 1 held-out",
        "direct",
        "MKL",
        "Reinhard (Lab)",
        "histogram",
        "iph raw",
        "iph polynomial",
    ):
        assert word in out
    assert "same-scene" not in out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--pairs", "0"], "got 0"),
        (["--seed", "-1"], "got -1"),
        (["--weights", "no/such/folder"], "style_encoder.onnx is missing"),
        (["--sheet", "no/such/folder/sheet.png"], "does not exist"),
    ],
)
def test_a_users_mistake_is_one_line_and_exit_code_2(
    options: list[str], words: str, photographs: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [] if "--weights" in options else ["--weights", str(weights)]
    assert main(["evaluate", *given, *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert words in captured.err
    assert "Traceback" not in captured.err


def test_no_photographs_names_the_command_that_fetches_them(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IPH_RT_CORPUS", str(tmp_path / "empty"))
    pairs._held_out_store.cache_clear()
    assert main(["evaluate", "--weights", str(weights), "--pairs", "1"]) == 2
    assert "iph-rt train --fetch-corpus" in capsys.readouterr().err

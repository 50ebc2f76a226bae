"""The loop on drawn photographs: it learns, resumes to the same state, names broken pictures, exports what it trained."""

from __future__ import annotations

import csv

import cv2
import numpy as np
import onnxruntime
import pytest
import torch

from iph_rt.engine.export import export_run
from iph_rt.errors import ConfigError, ModelFileError, TrainingDataError
from iph_rt.model.losses import LossWeights, luminance_matching_loss, luminance_points
from iph_rt.model.presets import build_model
from iph_rt.model.weights import average_of_run
from iph_rt.train.loop import Trainer, mixed_batch
from iph_rt.train.photos import PhotoStore
from iph_rt.train.recipe import Recipe, Stage, parse_stages


@pytest.fixture(scope="module")
def photo_folder(tmp_path_factory):
    """Twenty drawn pictures with edges, gradients and colours of their own."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(5)
    for index in range(20):
        base = rng.integers(30, 220, 3)
        ramp = np.linspace(-40, 40, 200)[None, :, None] * rng.uniform(-1, 1, 3)
        picture = np.clip(base + ramp + rng.normal(0, 6, (160, 200, 3)), 0, 255).astype(np.uint8)
        for _ in range(8):
            centre, radius = (int(rng.integers(200)), int(rng.integers(160))), int(rng.integers(8, 45))
            cv2.circle(picture, centre, radius, rng.integers(0, 256, 3).tolist(), -1)
        cv2.imwrite(str(folder / f"{index:02}.png"), picture)
    return folder


@pytest.fixture(scope="module")
def store(photo_folder):
    return PhotoStore.load([(path.name, path) for path in sorted(photo_folder.iterdir())])[0]


RECIPE = Recipe(batch=8, stages=(Stage(32, 64), Stage(64, 16)), seed=3)


def test_steps_learn_a_batch_by_heart(store, tmp_path):
    recipe = Recipe(batch=8, stages=(Stage(32, 8 * 2000),), rate=4e-3)
    trainer = Trainer(recipe, store, None, tmp_path / "run", workers=0)
    batch = mixed_batch(store, 32, 8, (1,))
    values = []
    for _ in range(120):
        values.append(trainer.step(batch))
        trainer.seen += recipe.batch
    assert values[-1] < 0.5 * values[0]


def test_curves_are_written_as_table_and_picture(store, tmp_path):
    recipe = Recipe(batch=8, stages=(Stage(32, 32),))
    Trainer(recipe, store, store, tmp_path, workers=0).run(curve_every=16, progress=False)
    with (tmp_path / "curves.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["samples"]) for row in rows] == [16, 32]
    assert float(rows[0]["ratio same-scene"]) == pytest.approx(1, abs=0.1)  # starts as the identity
    assert cv2.imread(str(tmp_path / "curves.png")).shape[1] > 600


def test_killed_run_resumes_to_the_same_weights(store, tmp_path):
    whole = Trainer(RECIPE, store, None, tmp_path / "whole", workers=0)
    whole.run(progress=False)

    class Killed(Exception):
        pass

    part = Trainer(RECIPE, store, None, tmp_path / "part", workers=0)
    step, done = part.step, []

    def step_until_killed(batch):
        if len(done) == 5:
            raise Killed
        done.append(1)
        return step(batch)

    part.step = step_until_killed
    with pytest.raises(Killed):
        part.run(checkpoint_seconds=0, progress=False)
    again = Trainer(RECIPE, store, None, tmp_path / "part", workers=0)
    assert again.seen == 5 * RECIPE.batch
    again.run(progress=False)
    for name, value in whole.model.state_dict().items():
        torch.testing.assert_close(again.model.state_dict()[name], value, rtol=0, atol=0)


def test_workers_make_the_same_batches(store, tmp_path):
    results = []
    for workers in (0, 1):
        trainer = Trainer(Recipe(batch=4, stages=(Stage(32, 12),)), store, None, tmp_path / str(workers), workers=workers)
        trainer.run(progress=False)
        results.append(trainer.model.state_dict())
    for name, value in results[0].items():
        torch.testing.assert_close(results[1][name], value, rtol=0, atol=0)


def test_checkpoint_of_another_model_is_refused(store, tmp_path):
    trainer = Trainer(RECIPE, store, None, tmp_path, workers=0)
    trainer.save()
    with pytest.raises(ConfigError, match="another --out"):
        Trainer(Recipe(batch=16, stages=RECIPE.stages), store, None, tmp_path, workers=0)
    (tmp_path / "checkpoint.safetensors").write_bytes(b"not a checkpoint")
    with pytest.raises(ModelFileError, match="checkpoint"):
        Trainer(RECIPE, store, None, tmp_path, workers=0)


def test_broken_photographs_are_named_and_left_out(photo_folder, tmp_path):
    good = [(path.name, path) for path in sorted(photo_folder.iterdir())[:3]]
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 not a picture")
    store, problems = PhotoStore.load([*good, ("broken.jpg", tmp_path / "broken.jpg"), ("gone.jpg", tmp_path / "gone.jpg")])
    assert len(store) == 3
    assert len(problems) == 2
    assert "broken.jpg" in problems[0]
    assert "gone.jpg" in problems[1]
    with pytest.raises(TrainingDataError):
        PhotoStore.load([("broken.jpg", tmp_path / "broken.jpg")])


def test_exported_onnx_equals_torch_for_any_batch(store, tmp_path):
    trainer = Trainer(RECIPE, store, None, tmp_path / "run", workers=0)
    torch.nn.init.normal_(trainer.model.harmonizer.out.weight, std=0.3)
    trainer.average = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    trainer.save()
    export_run(tmp_path / "run", tmp_path / "onnx")
    model = average_of_run(tmp_path / "run")
    style = onnxruntime.InferenceSession(str(tmp_path / "onnx" / "style_encoder.onnx"))
    harmonizer = onnxruntime.InferenceSession(str(tmp_path / "onnx" / "harmonizer.onnx"))
    for n in (1, 3):
        picture, mask = torch.rand(n, 3, 256, 256), (torch.rand(n, 1, 256, 256) > 0.5).float()
        with torch.no_grad():
            code = model.style_encoder(picture, mask)
            expected = model.harmonizer(picture * mask, mask, code)
        (got_code,) = style.run(["style_code"], {"reference": picture.numpy(), "guide_mask": mask.numpy()})
        (got,) = harmonizer.run(
            ["harmonized"], {"foreground": (picture * mask).numpy(), "mask": mask.numpy(), "style_code": got_code}
        )
        np.testing.assert_allclose(got_code, code.numpy(), atol=1e-4)
        np.testing.assert_allclose(got, expected.numpy(), atol=1e-4)


def test_paper_losses_pull_the_way_they_say(store, tmp_path):
    """With luminance matching turned up, the output's luminance points come nearer to the reference's, not so without."""
    batch = mixed_batch(store, 32, 8, (99,))
    reference = luminance_points(batch.reference, batch.guide_mask)

    def distance_after_training(weights: LossWeights) -> float:
        recipe = Recipe(batch=8, stages=(Stage(32, 8 * 1000),), rate=4e-3, losses=weights)
        trainer = Trainer(recipe, store, None, tmp_path / str(weights.luminance), workers=0)
        for _ in range(50):
            trainer.step(batch)
            trainer.seen += recipe.batch
        with torch.no_grad():
            output = trainer.model(batch.foreground, batch.foreground_mask, batch.reference, batch.guide_mask)
            return float(luminance_matching_loss(luminance_points(output, batch.foreground_mask), reference))

    with_it = distance_after_training(LossWeights(luminance=10.0, consistency=0.001, triplet=0.001))
    assert with_it < 0.9 * distance_after_training(LossWeights())


def test_recipe_refuses_what_cannot_work():
    assert parse_stages("64:100,128:50") == (Stage(64, 100), Stage(128, 50))
    for text in ("", "64", "64:x", "a:b,c"):
        with pytest.raises(ConfigError, match="SIZE:SAMPLES"):
            parse_stages(text)
    with pytest.raises(ConfigError):
        Recipe(stages=(Stage(70, 10),))
    assert [RECIPE.size_at(seen) for seen in (0, 63, 64, 79, 500)] == [32, 32, 64, 64, 64]
    assert build_model("iph-edge") is not None

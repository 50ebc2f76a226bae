"""Harmonizer through its public face, against the closed form of the tiny networks in float64.

The tiny networks multiply each channel by (mean of the reference region + 0.5), which the colour polynomial can express, so
the result must be the plain composite of the multiplied frame to rounding.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import iph_rt
from iph_rt import Harmonizer
from iph_rt.errors import (
    ClosedError,
    ConfigError,
    FrameFormatError,
    MaskError,
    ModelFileError,
    ReferenceNotSetError,
    RegionError,
)

from .scenes import HEIGHT, REFERENCE_BGR, WIDTH, composite, everything, gains, person, picture, reference_of

SECOND = 1_000_000_000


@pytest.fixture
def make(tiny_model):
    """Makes Harmonizers on the tiny networks and closes them at the end."""
    made = []

    def build(**settings_):
        harmonizer = Harmonizer(**{"model": tiny_model, "backend": "onnxruntime", "cadence": 1, **settings_})
        made.append(harmonizer)
        return harmonizer

    yield build
    for harmonizer in made:
        harmonizer.close()


@pytest.fixture
def ready(make):
    """One with background and reference set."""

    def build(background: np.ndarray | None = None, **settings_):
        harmonizer = make(**settings_)
        harmonizer.set_background(background)
        reference = reference_of(REFERENCE_BGR)
        harmonizer.set_reference(reference, mask=everything(reference))
        return harmonizer

    return build


@pytest.mark.parametrize("cadence", [1, "auto"])
@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_first_output_is_the_composite_of_the_harmonized_frame(backend, cadence, ready):
    if backend == "openvino":
        pytest.importorskip("openvino")
    frame, background, alpha = picture(1), picture(2), person()
    out = ready(background, backend=backend, cadence=cadence).process(frame, alpha)
    assert (out.dtype, out.shape) == (np.uint8, background.shape)
    expected = composite(frame, alpha, background, gains())
    assert np.abs(out - expected).max() <= 2
    np.testing.assert_array_equal(out[alpha == 0], background[alpha == 0])
    assert np.abs(out.astype(int) - frame)[alpha == 255].mean() > 10, "it must have changed something"


def test_own_room_and_soft_matte(ready):
    frame = picture(3)
    alpha = np.linspace(0, 255, WIDTH).astype(np.uint8)[None].repeat(HEIGHT, 0)
    out = ready(None).process(frame, alpha)
    assert np.abs(out - composite(frame, alpha, frame, gains())).max() <= 2


def test_rgb_is_the_same_with_swapped_channels(ready, make):
    frame, background, alpha = picture(1), picture(2), person()
    bgr = ready(background).process(frame, alpha)
    rgb = make(color="rgb")
    rgb.set_background(background[..., ::-1])
    reference = reference_of(REFERENCE_BGR[::-1])
    rgb.set_reference(reference, mask=everything(reference))
    swapped = rgb.process(frame[..., ::-1], alpha)
    assert np.abs(swapped[..., ::-1].astype(int) - bgr).max() <= 1


@pytest.mark.parametrize("kind", ["bool", "unit", "bytes", "float", "plane"])
def test_mattes_of_every_kind_mean_the_same(kind, ready):
    frame, background, alpha = picture(1), picture(2), person()
    given_ = {
        "bool": alpha > 0,
        "unit": (alpha > 0).astype(np.uint8),
        "bytes": alpha,
        "float": alpha / 255.0,
        "plane": alpha[..., None],
    }[kind]
    out = ready(background).process(frame, given_)
    assert np.abs(out - composite(frame, alpha, background, gains())).max() <= 2


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    frame_size=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    size=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    placement=st.sampled_from(["bottom", "fit", "cover"]),
    layout=st.sampled_from(["packed", "mirrored", "strided", "fortran"]),
)
def test_any_size_any_layout(frame_size, size, placement, layout, ready):
    frame = picture(4, *frame_size)
    if layout == "mirrored":
        frame = frame[:, ::-1]
    elif layout == "strided":
        frame = np.repeat(frame, 2, axis=1)[:, ::2]
    elif layout == "fortran":
        frame = np.asfortranarray(frame)
    background = picture(5, *size)
    out = ready(background, placement=placement).process(frame, np.ones(frame_size, bool))
    assert out.shape == background.shape
    assert out.dtype == np.uint8
    if frame_size == size:
        assert np.abs(out - np.clip(frame * gains(), 0, 255)).max() <= 2


def test_person_at_a_size_and_place_of_a_larger_background(ready):
    background = picture(6, 200, 300)
    frame = np.full((80, 100, 3), (90, 100, 110), np.uint8)
    out = ready(background, placement=(100, 150, 0.5)).process(frame, np.ones((80, 100), bool))
    expected = background.astype(np.float64)
    expected[110:150, 75:125] = np.array((90, 100, 110)) * gains()
    assert np.abs(out - expected).max() <= 2


def test_placement_may_change_while_running(ready):
    background = picture(6, 200, 300)
    harmonizer = ready(background)
    frame = picture(7, 80, 100)
    first = harmonizer.process(frame, np.ones((80, 100), bool))
    harmonizer.placement = (50, 100, 0.5)
    second = harmonizer.process(frame, np.ones((80, 100), bool))
    changed = (second != background).any(axis=2)
    assert changed[60:100, 25:75].mean() > 0.9
    changed[60:100, 25:75] = False
    assert not changed.any()
    assert (first != second).any()
    with pytest.raises(ConfigError, match="placement"):
        harmonizer.placement = "left"


def test_strength_luminance_and_chroma_while_running(ready):
    frame, background, alpha = picture(1), picture(2), person()
    harmonizer = ready(background)
    inside = alpha == 255
    harmonizer.process(frame, alpha)
    harmonizer.strength = 0
    out = harmonizer.process(frame, alpha)
    assert np.abs(out[inside].astype(int) - frame[inside]).max() <= 1
    harmonizer.strength = 0.5
    out = harmonizer.process(frame, alpha)
    assert np.abs(out - composite(frame, alpha, background, 1 + 0.5 * (gains() - 1))).max() <= 2
    harmonizer.strength, harmonizer.chroma = 1, 0
    out = harmonizer.process(frame, alpha).astype(int)[inside]
    change = out - frame[inside]
    assert (change.max(axis=1) - change.min(axis=1)).max() <= 3, "without chroma all channels move alike"
    for wrong in (-0.1, 2.5, float("nan"), "1", None):
        with pytest.raises(ConfigError, match="strength"):
            harmonizer.strength = wrong
    assert harmonizer.strength == 1


def test_light_settles_in_the_time_constant_whatever_the_frame_rate(ready):
    """After a step the share that has come through is 1 - exp(-t / tau); it must not depend on the number of frames."""
    alpha = person()
    before, after = picture(1), picture(9)
    flats = {}
    for rate in (10, 50):
        harmonizer = ready(None, smoothing=0.2)
        harmonizer.process(before, alpha, 0)
        for frame in range(1, 2 * rate // 5 + 1):
            harmonizer.process(after, alpha, frame * SECOND // rate)
        flats[rate] = harmonizer.look.polynomial.coefficients
    np.testing.assert_allclose(flats[10], flats[50], atol=2e-3)


def test_time_that_goes_backwards_is_a_new_clip(ready):
    alpha = person()
    fresh = ready(None, smoothing=5.0)
    fresh.process(picture(9), alpha, 0)
    used = ready(None, smoothing=5.0)
    used.process(picture(1), alpha, 5 * SECOND)
    used.process(picture(9), alpha, 0)
    assert used.look.polynomial == fresh.look.polynomial


def test_empty_matte_shows_the_background_and_holds_the_colours(ready):
    frame, background, alpha = picture(1), picture(2), person()
    harmonizer = ready(background)
    nobody = np.zeros((HEIGHT, WIDTH), np.uint8)
    np.testing.assert_array_equal(harmonizer.process(frame, nobody), background)
    out = harmonizer.process(frame, alpha)
    assert np.abs(out - composite(frame, alpha, background, gains())).max() <= 2
    held = harmonizer.look.polynomial.coefficients
    np.testing.assert_array_equal(harmonizer.process(frame, nobody), background)
    np.testing.assert_allclose(harmonizer.look.polynomial.coefficients, held, atol=1e-5)


@pytest.mark.parametrize("cadence", [1, "auto"])
def test_new_reference_takes_effect_at_once(cadence, ready):
    frame, background, alpha = picture(1), picture(2), person()
    harmonizer = ready(background, cadence=cadence, smoothing=10.0)
    for _ in range(3):
        harmonizer.process(frame, alpha)
    other = reference_of((204, 102, 51))
    harmonizer.set_reference(other, mask=everything(other))
    out = harmonizer.process(frame, alpha)
    assert np.abs(out - composite(frame, alpha, background, gains((204, 102, 51)))).max() <= 2


def test_only_the_selected_region_of_the_reference_counts(make):
    frame, alpha = picture(1), person()
    reference = reference_of((10, 20, 30))
    reference[10:30, 20:45] = REFERENCE_BGR
    mask = np.zeros(reference.shape[:2], bool)
    mask[12:28, 22:43] = True
    harmonizer = make()
    selection = harmonizer.set_reference(reference, mask=mask)
    np.testing.assert_array_equal(selection.mask, mask)
    assert harmonizer.reference is selection
    assert np.abs(harmonizer.process(frame, alpha) - composite(frame, alpha, frame, gains())).max() <= 2


@pytest.mark.parametrize("cadence", [1, 3])
def test_two_runs_give_the_same_bytes(cadence, ready):
    def run() -> list[bytes]:
        harmonizer = ready(picture(2), cadence=cadence)
        return [harmonizer.process(picture(number), person()).tobytes() for number in range(8)]

    assert run() == run()


def test_network_runs_at_every_kth_frame(ready, monkeypatch):
    harmonizer = ready(None, cadence=3)
    runs = []
    real = harmonizer.backend.harmonize
    monkeypatch.setattr(harmonizer.backend, "harmonize", lambda *a: (runs.append(frame), real(*a))[1])
    for frame in range(8):
        harmonizer.process(picture(frame), person())
    assert runs == [0, 3, 6]


def test_no_frame_waits_for_a_network_that_hangs(ready, monkeypatch):
    harmonizer = ready(None, cadence="auto", network_rate=200.0)
    harmonizer.process(picture(1), person())
    entered, release = threading.Event(), threading.Event()
    real = harmonizer.backend.harmonize

    def hang(*tensors):
        entered.set()
        release.wait(60)
        return real(*tensors)

    monkeypatch.setattr(harmonizer.backend, "harmonize", hang)
    while not entered.is_set():
        harmonizer.process(picture(2), person())
    for _ in range(20):
        assert harmonizer.process(picture(2), person()).shape == (HEIGHT, WIDTH, 3)
    release.set()


@pytest.mark.parametrize("cadence", [1, "auto"])
def test_failure_of_the_network_is_raised_and_the_next_frame_may_work(cadence, ready, monkeypatch):
    harmonizer = ready(None, cadence=cadence, network_rate=240.0)
    harmonizer.process(picture(1), person())
    real = harmonizer.backend.harmonize

    def fail(*_tensors):
        raise RuntimeError("out of light")

    monkeypatch.setattr(harmonizer.backend, "harmonize", fail)

    def until_it_fails():
        for _ in range(2000):
            harmonizer.process(picture(1), person())

    with pytest.raises(RuntimeError, match="out of light"):
        until_it_fails()
    monkeypatch.setattr(harmonizer.backend, "harmonize", real)
    reference = reference_of(REFERENCE_BGR)
    harmonizer.set_reference(reference, mask=everything(reference))
    out = harmonizer.process(picture(1), person())
    assert np.abs(out - composite(picture(1), person(), picture(1), gains())).max() <= 2


def test_output_is_the_callers_while_held_and_reused_after(ready):
    harmonizer = ready(picture(2))
    held = [harmonizer.process(picture(number), person()) for number in range(12)]
    copies = [image.copy() for image in held]
    for number in range(12):
        harmonizer.process(picture(50 + number), person())
    for image, copy in zip(held, copies, strict=True):
        np.testing.assert_array_equal(image, copy)
    del held, image
    gc.collect()
    addresses = set()
    for number in range(30):
        out = harmonizer.process(picture(number), person())
        addresses.add(out.ctypes.data)
    assert len(addresses) <= 3


def test_output_into_the_callers_buffer(ready):
    background = picture(2, 150, 210)
    harmonizer = ready(background)
    out = np.full(background.shape, 7, np.uint8)
    assert harmonizer.process(picture(1), person(), out=out) is out
    np.testing.assert_array_equal(out, ready(background).process(picture(1), person()))
    with pytest.raises(FrameFormatError, match="out: got"):
        harmonizer.process(picture(1), person(), out=out[1:])


def test_callers_pictures_are_neither_kept_nor_changed(ready):
    background, frame, alpha = picture(2), picture(1), person()
    harmonizer = ready(background)
    first = harmonizer.process(frame, alpha).copy()
    background[:] = 0
    np.testing.assert_array_equal(harmonizer.process(frame, alpha), first)
    np.testing.assert_array_equal(frame, picture(1))
    np.testing.assert_array_equal(alpha, person())


def test_direct_composite_and_last_alpha(ready):
    frame, background, alpha = picture(1, 80, 100), picture(2, 160, 200), person(80, 100)
    harmonizer = ready(background)
    with pytest.raises(FrameFormatError, match="process"):
        harmonizer.direct_composite()
    small = ready(picture(2, 80, 100))
    small.process(frame, alpha)
    np.testing.assert_array_equal(small.last_alpha(), alpha)
    direct = small.direct_composite()
    assert np.abs(direct - composite(frame, alpha, picture(2, 80, 100), np.ones(3))).max() <= 1
    harmonizer.process(frame, alpha)
    assert harmonizer.last_alpha().shape == (160, 200)
    assert harmonizer.last_alpha().mean() == pytest.approx(alpha.mean(), rel=0.05)


def test_look_says_how_it_came_about(ready, tmp_path):
    harmonizer = ready(None)
    harmonizer.strength = 0.5
    harmonizer.process(picture(1), person())
    look = harmonizer.look
    assert look.provenance["backend"] == "onnxruntime"
    assert look.provenance["strength"] == 0.5
    look.save(tmp_path / "party.json")
    assert iph_rt.Look.load(tmp_path / "party.json").polynomial == look.polynomial


def test_still_of_another_size_without_memory(ready):
    harmonizer = ready(picture(2), smoothing=10.0)
    live = harmonizer.process(picture(1), person()).copy()
    image, background, alpha = picture(8, 333, 417), picture(9, 333, 417), person(333, 417)
    out = harmonizer.harmonize_image(image, background, mask=alpha)
    assert np.abs(out - composite(image, alpha, background, gains())).max() <= 2
    np.testing.assert_array_equal(harmonizer.process(picture(1), person()), live)


def test_still_takes_the_reference_that_it_is_given(make):
    harmonizer = make()
    image, alpha = picture(8), person()
    reference = reference_of((204, 102, 51))
    out = harmonizer.harmonize_image(image, mask=alpha, reference=reference, reference_mask=everything(reference))
    assert np.abs(out - composite(image, alpha, image, gains((204, 102, 51)))).max() <= 2
    background = np.full((HEIGHT, WIDTH, 3), REFERENCE_BGR, np.uint8)
    out = harmonizer.harmonize_image(image, background, mask=alpha, reference_mask=everything(background))
    assert np.abs(out - composite(image, alpha, background, gains())).max() <= 2
    with pytest.raises(ReferenceNotSetError):
        harmonizer.harmonize_image(image, mask=alpha)
    with pytest.raises(ConfigError, match="reference= or background="):
        harmonizer.harmonize_image(image, mask=alpha, reference_mask=alpha)
    with pytest.raises(MaskError, match="no person"):
        harmonizer.harmonize_image(image, background, mask=alpha * 0, reference_mask=everything(background))


def test_bad_calls_say_what_is_wrong(make, ready, tmp_path):
    frame, alpha = picture(1), person()
    empty = make()
    with pytest.raises(ReferenceNotSetError, match="set_reference"):
        empty.process(frame, alpha)
    with pytest.raises(ReferenceNotSetError):
        _ = empty.look
    with pytest.raises(FrameFormatError, match="background"):
        empty.set_background(frame[..., 0])
    with pytest.raises(FrameFormatError, match="reference"):
        empty.set_reference(frame.astype(np.float32))
    for wrong in (np.zeros((9, 9), bool), np.full(frame.shape[:2], np.nan)):
        with pytest.raises((RegionError, MaskError)):
            empty.set_reference(frame, mask=wrong)
    with pytest.raises((RegionError, MaskError)):
        empty.set_reference(frame, mask=np.zeros(frame.shape[:2], bool))
    harmonizer = ready(picture(2))
    for wrong, error in (
        (None, FrameFormatError), (frame[..., 0], FrameFormatError), (frame.astype(float), FrameFormatError),
        (np.zeros((5, 5, 4), np.uint8), FrameFormatError), (np.zeros((0, 5, 3), np.uint8), FrameFormatError),
    ):  # fmt: skip
        with pytest.raises(error):
            harmonizer.process(wrong, alpha)
    for wrong in (alpha[1:], np.full(alpha.shape, np.nan), alpha.astype(np.int64), alpha / 100.0, "mask"):
        with pytest.raises(MaskError):
            harmonizer.process(frame, wrong)
    with pytest.raises(ConfigError, match="timestamp"):
        harmonizer.process(frame, alpha, 0.5)
    assert harmonizer.process(frame, alpha).shape == frame.shape, "a refused call must leave it usable"
    with pytest.raises(ModelFileError, match="missing"):
        make(model=tmp_path)
    with pytest.raises(ConfigError):
        make(cadence=0)


@pytest.mark.parametrize("cadence", [1, "auto"])
def test_close_ends_the_worker_and_is_harmless_when_repeated(cadence, ready):
    before = set(threading.enumerate())
    harmonizer = ready(None, cadence=cadence)
    harmonizer.process(picture(1), person())
    harmonizer.close()
    harmonizer.close()
    assert set(threading.enumerate()) == before
    for call in (
        lambda: harmonizer.process(picture(1), person()),
        lambda: harmonizer.set_background(None),
        lambda: harmonizer.set_reference(picture(1), mask=person() > 0),
        lambda: harmonizer.harmonize_image(picture(1), mask=person()),
    ):
        with pytest.raises(ClosedError):
            call()


def test_stage_times_name_the_steps_in_order(ready):
    harmonizer = ready(None)
    for number in range(15):
        harmonizer.process(picture(number), person())
    names = list(harmonizer.stats.summary())
    assert [name for name in names if name != "network"] == [
        "place", "matte", "harmonize", "smooth", "fit", "apply", "total",
    ]  # fmt: skip
    assert "network" in names


def test_live_path_never_loads_torch(tiny_model):
    program = f"""
import sys, numpy as np
from pathlib import Path
from iph_rt import Harmonizer
with Harmonizer(model=Path({str(tiny_model)!r}), backend="onnxruntime") as h:
    image = np.full((40, 50, 3), 90, np.uint8)
    h.set_reference(image, mask=np.ones((40, 50), bool))
    h.process(image, np.ones((40, 50), bool))
heavy = {{"torch", "tensorrt", "mediapipe", "aiortc", "openvino", "onnx"}} & set(sys.modules)
assert not heavy, heavy
"""
    root = Path(iph_rt.__file__).parents[1]
    subprocess.run([sys.executable, "-c", program], check=True, cwd=root)

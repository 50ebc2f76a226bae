"""The fused pass against float64 NumPy: every instruction set, size, layout, alpha and order of channels."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iph_rt import _native
from iph_rt.color.polynomial import Polynomial, apply, apply_composite
from iph_rt.errors import ConfigError, FrameFormatError, MaskError

from .conftest import fitted
from .oracle import composited, harmonized

# Float arithmetic moves a value by less than this before rounding; nothing may be further from the exact value than
# rounding takes it.
TOLERANCE = 0.5 + 2e-3


def random_image(rng, height, width):
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def random_alpha(rng, height, width, kind):
    """All transparent, all opaque, all mixed, hard, or long runs of each as in a real matte."""
    if kind == "runs":
        steps = np.cumsum(rng.random((height, width)) < 0.02, axis=1)
        soft = rng.integers(0, 256, (height, width), dtype=np.uint8)
        return np.choose(steps % 3, [np.zeros_like(soft), soft, np.full_like(soft, 255)])
    values = {"none": [0], "all": [255], "hard": [0, 255], "mixed": np.arange(256)}[kind]
    return rng.choice(np.asarray(values, np.uint8), (height, width))


ALPHAS = st.sampled_from(["none", "all", "hard", "mixed", "runs"])
WIDTHS = st.one_of(st.integers(1, 70), st.sampled_from([63, 64, 65, 127, 128, 129, 191, 193, 255, 257, 321]))


@settings(max_examples=60)
@given(height=st.integers(1, 5), width=WIDTHS, kind=ALPHAS, color=st.sampled_from(["bgr", "rgb"]), seed=st.integers(0, 2**16))
def test_composite_is_the_formula(height, width, kind, color, seed):
    rng = np.random.default_rng(seed)
    front, back, alpha = (
        random_image(rng, height, width),
        random_image(rng, height, width),
        random_alpha(rng, height, width, kind),
    )
    polynomial = fitted(seed % 5)
    expected = composited(front, alpha, back, polynomial, color)
    before = _native.cpu_path()
    try:
        for path in _native.cpu_paths():
            _native.set_cpu_path(path)
            out = apply_composite(front, alpha, back, polynomial, color=color)
            assert np.abs(out - expected).max() <= TOLERANCE, path
    finally:
        _native.set_cpu_path(before)


def test_every_alpha_and_value(cpu_path, polynomial):
    """256 alphas by 256 levels of grey, and the same in colour."""
    front = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 256, axis=0).repeat(3, axis=2)
    front[..., 0] = front[::-1, ::-1, 0]
    alpha = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 256, axis=1)
    back = 255 - front
    out = apply_composite(front, alpha, back, polynomial)
    assert np.abs(out - composited(front, alpha, back, polynomial, "bgr")).max() <= TOLERANCE
    assert np.array_equal(out[0], back[0])
    assert np.array_equal(out[255], apply(front, polynomial)[255])


@pytest.mark.parametrize("size", [(1, 1), (1, 4099), (4099, 1), (719, 1279), (2160, 3840)])
def test_large_and_thin_sizes(size, polynomial):
    rng = np.random.default_rng(0)
    front, back, alpha = random_image(rng, *size), random_image(rng, *size), random_alpha(rng, *size, "runs")
    out = apply_composite(front, alpha, back, polynomial)
    rows = slice(None, None, max(1, size[0] // 50))
    expected = composited(front[rows], alpha[rows], back[rows], polynomial, "bgr")
    assert np.abs(out[rows] - expected).max() <= TOLERANCE


@settings(max_examples=25)
@given(width=WIDTHS, color=st.sampled_from(["bgr", "rgb"]), seed=st.integers(0, 2**16))
def test_apply_is_the_formula(width, color, seed):
    image = random_image(np.random.default_rng(seed), 3, width)
    polynomial = fitted(seed % 5)
    assert np.abs(apply(image, polynomial, color=color) - harmonized(image, polynomial, color)).max() <= TOLERANCE


def test_identity_changes_nothing(cpu_path):
    rng = np.random.default_rng(3)
    image = random_image(rng, 40, 101)
    assert np.array_equal(apply(image, Polynomial.identity()), image)


def test_same_bits_for_any_number_of_threads(cpu_path, polynomial):
    rng = np.random.default_rng(4)
    front, back, alpha = random_image(rng, 301, 517), random_image(rng, 301, 517), random_alpha(rng, 301, 517, "runs")
    one = apply_composite(front, alpha, back, polynomial, threads=1)
    for threads in (0, 2, 3, 8, 1000):
        assert np.array_equal(one, apply_composite(front, alpha, back, polynomial, threads=threads))


def test_calls_from_many_threads_at_once(polynomial):
    """The pool serves one call at a time; the others run on their own thread, with the same result."""
    rng = np.random.default_rng(5)
    front, back, alpha = random_image(rng, 400, 400), random_image(rng, 400, 400), random_alpha(rng, 400, 400, "mixed")
    expected = apply_composite(front, alpha, back, polynomial, threads=1)
    wrong = []

    def work():
        outs = (apply_composite(front, alpha, back, polynomial, threads=4) for _ in range(20))
        wrong.extend(1 for out in outs if not np.array_equal(out, expected))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert not wrong
    assert not any(worker.is_alive() for worker in workers)


class TestLayouts:
    """Views are taken as they are; whatever cannot be is copied; the result is that of a plain copy."""

    VIEWS = (
        lambda a: a[3:40, 5:90],
        lambda a: a[::2, 5:90],
        lambda a: a[::-1],
        lambda a: a[:, ::-1],
        lambda a: a[:, ::3],
        lambda a: a.swapaxes(0, 1),
        lambda a: np.asfortranarray(a),
        lambda a: a[7:8],
        lambda a: a[:, 7:8],
    )

    @pytest.mark.parametrize("view", VIEWS)
    def test_views(self, view, polynomial):
        rng = np.random.default_rng(6)
        front, back = view(random_image(rng, 60, 100)), view(random_image(rng, 60, 100))
        alpha = view(random_alpha(rng, 60, 100, "mixed"))
        expected = apply_composite(front.copy(), alpha.copy(), back.copy(), polynomial)
        assert np.array_equal(apply_composite(front, alpha, back, polynomial), expected)

    def test_channel_reversed_view(self, polynomial):
        image = random_image(np.random.default_rng(7), 20, 33)
        assert np.array_equal(apply(image[..., ::-1], polynomial, color="rgb"), apply(image, polynomial)[..., ::-1])

    def test_out_within_a_canvas_leaves_the_rest_alone(self, cpu_path, polynomial):
        rng = np.random.default_rng(8)
        front, back, alpha = random_image(rng, 30, 77), random_image(rng, 30, 77), random_alpha(rng, 30, 77, "mixed")
        canvas = np.full((50, 120, 3), 9, np.uint8)
        out = apply_composite(front, alpha, back, polynomial, out=canvas[10:40, 20:97])
        assert out.base is canvas
        assert np.array_equal(out, apply_composite(front, alpha, back, polynomial))
        canvas[10:40, 20:97] = 9
        assert (canvas == 9).all()

    def test_out_may_be_the_background(self, cpu_path, polynomial):
        rng = np.random.default_rng(9)
        front, back, alpha = random_image(rng, 30, 333), random_image(rng, 30, 333), random_alpha(rng, 30, 333, "runs")
        expected = apply_composite(front, alpha, back, polynomial)
        assert apply_composite(front, alpha, back, polynomial, out=back) is back
        assert np.array_equal(back, expected)

    def test_apply_in_place(self, cpu_path, polynomial):
        image = random_image(np.random.default_rng(10), 30, 77)
        expected = apply(image, polynomial)
        assert apply(image, polynomial, out=image) is image
        assert np.array_equal(image, expected)

    def test_halves_of_one_canvas_do_not_overlap(self, polynomial):
        canvas = random_image(np.random.default_rng(11), 30, 80)
        expected = apply(canvas[:, :40].copy(), polynomial)
        apply(canvas[:, :40], polynomial, out=canvas[:, 40:])
        assert np.array_equal(canvas[:, 40:], expected)

    def test_inputs_stay_as_they_were(self, polynomial):
        rng = np.random.default_rng(12)
        inputs = [random_image(rng, 30, 77), random_alpha(rng, 30, 77, "mixed"), random_image(rng, 30, 77)]
        for array in inputs:
            array.flags.writeable = False
        copies = [array.copy() for array in inputs]
        apply_composite(*inputs, polynomial)
        assert all(np.array_equal(a, b) for a, b in zip(inputs, copies, strict=True))


class TestRefusals:
    IMAGE = np.zeros((4, 6, 3), np.uint8)
    ALPHA = np.zeros((4, 6), np.uint8)

    @pytest.mark.parametrize(
        "image",
        [
            None,
            [[1]],
            np.zeros((4, 6), np.uint8),
            np.zeros((4, 6, 4), np.uint8),
            np.zeros((0, 6, 3), np.uint8),
            np.zeros((4, 6, 3), np.float32),
            np.zeros((1, 4, 6, 3), np.uint8),
        ],
    )
    def test_wrong_frames(self, image):
        with pytest.raises(FrameFormatError, match=r"got .*expected"):
            apply(image, Polynomial.identity())
        with pytest.raises(FrameFormatError, match=r"got foreground.*expected"):
            apply_composite(image, self.ALPHA, self.IMAGE, Polynomial.identity())
        with pytest.raises(FrameFormatError, match=r"got background.*expected"):
            apply_composite(self.IMAGE, self.ALPHA, image, Polynomial.identity())

    @pytest.mark.parametrize(
        "alpha",
        [None, np.zeros((4, 5), np.uint8), np.zeros((4, 6), np.float32), np.zeros((4, 6), bool), np.zeros((4, 6, 1), np.uint8)],
    )
    def test_wrong_alphas(self, alpha):
        with pytest.raises(MaskError, match=r"got alpha.*expected"):
            apply_composite(self.IMAGE, alpha, self.IMAGE, Polynomial.identity())

    def test_background_of_another_size(self):
        with pytest.raises(FrameFormatError, match="resize"):
            apply_composite(self.IMAGE, self.ALPHA, np.zeros((4, 7, 3), np.uint8), Polynomial.identity())

    @pytest.mark.parametrize(
        "out",
        [
            "text",
            np.zeros((4, 7, 3), np.uint8),
            np.zeros((4, 6, 3), np.int8),
            np.zeros((4, 12, 3), np.uint8)[:, ::2],
            np.frombuffer(bytes(72), np.uint8).reshape(4, 6, 3),
        ],
    )
    def test_wrong_outputs(self, out):
        with pytest.raises(FrameFormatError, match=r"got out.*expected"):
            apply(self.IMAGE, Polynomial.identity(), out=out)

    def test_overlaps(self):
        canvas = np.zeros((10, 10, 3), np.uint8)
        with pytest.raises(FrameFormatError, match="overlaps image"):
            apply(canvas[:8], Polynomial.identity(), out=canvas[1:9])
        with pytest.raises(FrameFormatError, match="overlaps foreground"):
            apply_composite(canvas[:8], np.zeros((8, 10), np.uint8), canvas[:8].copy(), Polynomial.identity(), out=canvas[:8])
        with pytest.raises(FrameFormatError, match="overlaps background"):
            apply_composite(canvas[:8].copy(), np.zeros((8, 10), np.uint8), canvas[:8], Polynomial.identity(), out=canvas[1:9])

    @pytest.mark.parametrize(
        "arguments", [{"color": "BGR"}, {"color": "gray"}, {"threads": -1}, {"threads": 1.5}, {"threads": True}]
    )
    def test_wrong_settings(self, arguments):
        with pytest.raises(ConfigError, match=r"got .*expected"):
            apply(self.IMAGE, Polynomial.identity(), **arguments)

    def test_unknown_cpu_path(self):
        with pytest.raises(ValueError, match="expected one of"):
            _native.set_cpu_path("mmx")

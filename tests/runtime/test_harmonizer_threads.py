"""One Harmonizer from several threads, and what is left of one that nobody closes."""

from __future__ import annotations

import gc
import threading
import tracemalloc
import weakref

import numpy as np
import pytest

from iph_rt import Harmonizer
from iph_rt.config import ONE_THREAD_PIXELS, processor_count, stage_threads
from iph_rt.errors import ClosedError

from .scenes import HEIGHT, WIDTH, composite, everything, gains, person, picture, reference_of

BLUE, RED = (204, 102, 51), (51, 102, 204)
WAIT = 30  # seconds; reached only by a failing test


class Gate:
    """Stands in for a function: the first call waits until it is let through."""

    def __init__(self, real):
        self._real, self.entered, self.release, self.calls = real, threading.Event(), threading.Event(), 0

    def __call__(self, *arguments):
        self.calls += 1
        if self.calls == 1:
            self.entered.set()
            assert self.release.wait(WAIT)
        return self._real(*arguments)


@pytest.fixture
def harmonizer(tiny_model):
    with Harmonizer(model=tiny_model, backend="onnxruntime", cadence=1) as made:
        yield made


@pytest.fixture
def behind(harmonizer, monkeypatch):
    """Runs a call on another thread up to the style encoder, and holds it there until the gate is released."""
    threads = []

    def run(call):
        gate = Gate(harmonizer.backend.encode_style)
        monkeypatch.setattr(harmonizer.backend, "encode_style", gate)
        threads.append(threading.Thread(target=call, daemon=True))
        threads[-1].start()
        assert gate.entered.wait(WAIT)
        return gate

    yield run
    for thread in threads:
        thread.join(WAIT)


def set_color(harmonizer, color):
    reference = reference_of(color)
    return harmonizer.set_reference(reference, mask=everything(reference))


def test_the_last_call_of_set_reference_counts_not_the_last_that_is_ready(harmonizer, behind):
    blue = set_color(harmonizer, BLUE)
    slow = threading.Thread(target=set_color, args=(harmonizer, RED), daemon=True)
    gate = behind(lambda: (slow.start(), slow.join(WAIT)))
    assert set_color(harmonizer, BLUE) is blue  # cached, so ready at once
    gate.release.set()
    slow.join(WAIT)
    assert harmonizer.reference is blue
    out = harmonizer.process(picture(1), person())
    assert np.abs(out - composite(picture(1), person(), picture(1), gains(BLUE))).max() <= 2


def test_a_still_does_not_hold_up_the_stream(harmonizer, behind):
    set_color(harmonizer, BLUE)
    reference, stills = reference_of(RED), []
    call = {"mask": person(), "reference": reference, "reference_mask": everything(reference)}
    gate = behind(lambda: stills.append(harmonizer.harmonize_image(picture(8), **call)))
    frames = []
    live = threading.Thread(target=lambda: frames.append(harmonizer.process(picture(1), person())), daemon=True)
    live.start()
    live.join(WAIT / 2)
    waited = live.is_alive()
    gate.release.set()
    assert not waited
    assert np.abs(frames[0] - composite(picture(1), person(), picture(1), gains(BLUE))).max() <= 2


def test_close_waits_for_a_still_and_refuses_the_next(harmonizer, monkeypatch):
    set_color(harmonizer, BLUE)
    gate = Gate(harmonizer.backend.harmonize)
    monkeypatch.setattr(harmonizer.backend, "harmonize", gate)
    stills = []
    still = threading.Thread(target=lambda: stills.append(harmonizer.harmonize_image(picture(8), mask=person())))
    still.start()
    assert gate.entered.wait(WAIT)
    closing = threading.Thread(target=harmonizer.close)
    closing.start()
    gate.release.set()
    closing.join(WAIT)
    still.join(WAIT)
    assert not closing.is_alive()
    assert np.abs(stills[0] - composite(picture(8), person(), picture(8), gains(BLUE))).max() <= 2
    with pytest.raises(ClosedError):
        harmonizer.harmonize_image(picture(8), mask=person())


def test_one_that_is_never_closed_leaves_no_thread(tiny_model):
    before = set(threading.enumerate())
    harmonizer = Harmonizer(model=tiny_model, backend="onnxruntime", cadence="auto")
    set_color(harmonizer, BLUE)
    harmonizer.process(picture(1), person())
    alive = weakref.ref(harmonizer)
    assert set(threading.enumerate()) != before
    del harmonizer
    gc.collect()
    assert alive() is None
    assert set(threading.enumerate()) == before


def test_another_background_keeps_the_colours_and_waits_for_no_network(harmonizer, monkeypatch, tiny_model):
    with Harmonizer(model=tiny_model, backend="onnxruntime", cadence=100) as slow:
        set_color(slow, BLUE)
        slow.process(picture(1), person())
        monkeypatch.setattr(slow.backend, "harmonize", None)  # a call would fail
        background = picture(2)
        slow.set_background(background)
        out = slow.process(picture(1), person())
    assert np.abs(out - composite(picture(1), person(), background, gains(BLUE))).max() <= 2


def test_a_clip_that_starts_again_is_like_a_first_one_at_any_cadence(tiny_model):
    with Harmonizer(model=tiny_model, backend="onnxruntime", cadence=3) as used:
        set_color(used, BLUE)
        used.process(picture(1), person(), 5_000_000_000)
        used.process(picture(9), person(), 0)
        again = used.look.polynomial
    with Harmonizer(model=tiny_model, backend="onnxruntime", cadence=3) as fresh:
        set_color(fresh, BLUE)
        fresh.process(picture(9), person(), 0)
        assert again == fresh.look.polynomial


def test_a_look_tells_the_reference_and_amounts_of_its_own_frame(harmonizer, tiny_model):
    set_color(harmonizer, BLUE)
    harmonizer.process(picture(1), person())
    before = harmonizer.look
    set_color(harmonizer, RED)
    harmonizer.strength = 0.25
    after = harmonizer.look
    assert (after.polynomial, after.provenance) == (before.polynomial, before.provenance)
    harmonizer.process(picture(1), person())
    assert harmonizer.look.provenance["strength"] == 0.25
    assert harmonizer.look.provenance["reference_sha256"] != before.provenance["reference_sha256"]
    assert before.provenance["model"] == tiny_model.name, "no folder of the user's machine is told"


def test_a_mirrored_frame_is_packed_into_a_kept_buffer(tiny_model):
    with Harmonizer(model=tiny_model, backend="onnxruntime", cadence=100) as harmonizer:
        set_color(harmonizer, BLUE)
        frame, alpha = picture(1, 480, 640)[:, ::-1], person(480, 640)
        out = np.empty((480, 640, 3), np.uint8)
        for _ in range(2):
            harmonizer.process(frame, alpha, out=out)
        tracemalloc.start()
        harmonizer.process(frame, alpha, out=out)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < frame.size / 4
    assert np.abs(out - composite(frame, alpha, frame, gains(BLUE))).max() <= 2


def test_one_thread_up_to_1080p_unless_told_otherwise():
    assert stage_threads(0, HEIGHT * WIDTH) == stage_threads(0, ONE_THREAD_PIXELS) == 1
    assert stage_threads(0, 3840 * 2160) == min(4, processor_count())
    assert stage_threads(3, HEIGHT * WIDTH) == 3

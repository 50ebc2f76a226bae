"""Who waits comes next; a loop without a pause locks nobody out."""

from __future__ import annotations

import threading
import time

from iph_rt.runtime.turn import Turn


def test_whoever_waits_comes_before_the_one_who_just_had_it():
    turn, order = Turn(), []

    def other():
        with turn:
            order.append("other")

    thread = threading.Thread(target=other)
    with turn:
        assert not turn.awaited
        thread.start()
        while not turn.awaited:
            time.sleep(0.001)
    with turn:
        order.append("again")
    thread.join(10)
    assert order == ["other", "again"]


def test_an_error_inside_gives_it_back():
    turn = Turn()
    try:
        with turn:
            raise ValueError
    except ValueError:
        pass
    with turn:
        assert not turn.awaited

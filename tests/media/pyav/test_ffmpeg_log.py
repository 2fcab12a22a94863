"""What FFmpeg logs, collected by threads that know nothing of each other."""

from __future__ import annotations

from contextlib import suppress
from threading import Barrier, Thread

import av
import av.error
import av.logging
import pytest

from frame_booster.media.pyav.ffmpeg_log import errors_logged, logged


def test_each_thread_collects_its_own_at_its_level() -> None:
    begun, ended = Barrier(2), Barrier(2)
    information: list[str] = []

    def finer() -> None:
        def action() -> None:
            begun.wait()
            av.logging.log(av.logging.INFO, "here", "a fact")
            ended.wait()

        information.append(logged(action))

    thread = Thread(target=finer)
    with errors_logged() as said:
        thread.start()
        begun.wait()
        av.logging.log(av.logging.INFO, "there", "of no interest")
        av.logging.log(av.logging.ERROR, "there", "a  fault")
        ended.wait()
        thread.join()
        assert av.logging.get_level() == av.logging.ERROR, "the first still collects"
    assert (said, information) == (["a fault"], ["a fact"])
    assert av.logging.get_level() is None


@pytest.mark.parametrize("level", [None, av.logging.WARNING])
def test_the_level_is_as_before_after_an_error(level: int | None) -> None:
    before = av.logging.get_level()
    av.logging.set_level(level)
    try:
        with suppress(av.error.FFmpegError), errors_logged() as said:
            av.logging.log(av.logging.ERROR, "here", "why")
            raise av.error.EOFError(-1, "the end")
        assert (said, av.logging.get_level()) == (["why"], level)
    finally:
        av.logging.set_level(before)

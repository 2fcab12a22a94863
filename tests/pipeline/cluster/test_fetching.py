"""Segments on their way from a worker: what is lost on it can be made again, what cannot be written cannot."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from frame_booster.errors import OutputError
from frame_booster.media.input.source import Resume
from frame_booster.pipeline.cluster.fetching import LostOnTheWay, fetch
from frame_booster.pipeline.cluster.messages import Made
from frame_booster.pipeline.pairing import Counts

DATA = bytes(range(256)) * 8


class Ray:
    """Ray in one process: a call is made when it is waited for."""

    class exceptions:
        class RayError(Exception):
            """Of a worker or the cluster."""

        class TaskError(RayError, FileNotFoundError):
            """As Ray makes one of what a worker met: of that kind, too."""

    @staticmethod
    def get(call: Any) -> Any:
        return call()


class Actor:
    """A worker that gives out one file."""

    def __init__(self, data: bytes | None) -> None:
        self.data = data

    @property
    def read(self) -> Any:
        return self

    @property
    def forget(self) -> Any:
        return self

    def remote(self, path: str, offset: int = 0, size: int = 0) -> Any:
        def call() -> bytes:
            if self.data is None:
                raise Ray.exceptions.TaskError(path)
            return self.data[offset : offset + size]

        return call


def made(path: Path) -> Made:
    return Made(
        key=1,
        number=0,
        exact=True,
        first=Resume(0, 0),
        end=None,
        frames=1,
        counts=Counts(),
        warnings=(),
        truncated=None,
        decode_errors=0,
        path=str(path),
        size=len(DATA),
        digest=hashlib.sha256(DATA).hexdigest(),
        plans=(),
        seconds=1.0,
    )


def test_a_segment_comes_whole(tmp_path: Path) -> None:
    fetch(Ray, Actor(DATA), made(tmp_path / "there"), tmp_path / "here.packets", shared=False)
    assert (tmp_path / "here.packets").read_bytes() == DATA
    (tmp_path / "there").write_bytes(DATA)
    fetch(Ray, None, made(tmp_path / "there"), tmp_path / "moved.packets", shared=True)
    assert not (tmp_path / "there").exists()


@pytest.mark.parametrize("data", [DATA[:-1], b"x" + DATA[1:]], ids=["shorter", "changed"])
def test_what_is_not_what_was_made_can_be_made_again(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(LostOnTheWay):
        fetch(Ray, Actor(data), made(tmp_path / "there"), tmp_path / "here.packets", shared=False)
    assert list(tmp_path.iterdir()) == []


def test_a_worker_that_cannot_read_it_is_the_cluster_s_failure(tmp_path: Path) -> None:
    with pytest.raises(Ray.exceptions.RayError):
        fetch(Ray, Actor(None), made(tmp_path / "there"), tmp_path / "here.packets", shared=False)
    with pytest.raises(LostOnTheWay, match="disappeared from the shared folder"):
        fetch(Ray, None, made(tmp_path / "there"), tmp_path / "here.packets", shared=True)


def test_a_folder_that_takes_nothing_is_the_output_s_failure(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(DATA)
    for shared in (False, True):
        with pytest.raises(OutputError, match="a segment cannot be written"):
            fetch(Ray, Actor(DATA), made(tmp_path / "there"), tmp_path / "absent" / "here.packets", shared=shared)
    short = replace(made(tmp_path / "there"), size=1)
    with pytest.raises(LostOnTheWay):
        fetch(Ray, None, short, tmp_path / "here.packets", shared=True)

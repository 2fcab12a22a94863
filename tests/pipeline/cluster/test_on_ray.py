"""Runs on a Ray cluster of two nodes on this machine, with a stand-in for the network.

What takes minutes (kills at random moments, the trained network, overhead, memory) is `python -m tests.cluster`.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from frame_booster.errors import InputError, ModelError
from frame_booster.pipeline.cluster import run as cluster_run
from frame_booster.pipeline.cluster.news import ClusterNow, News, Warned
from frame_booster.pipeline.cluster.options import ClusterOptions
from frame_booster.pipeline.folder import FolderOptions, FolderRun
from frame_booster.pipeline.keywords import options_of
from tests.conftest import boosted, make_video
from tests.reference import validate
from tests.stand_in_worker import FRAME_S, FailingWorker, StandInWorker

pytest.importorskip("ray", reason="the extra `ray` is not installed")
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(os.name == "nt", reason="Ray makes clusters of several nodes on Linux and macOS alone"),
]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Of a cluster whose machines have one core each, for workers whose frames take 10 ms."""
    from tests.cluster import cluster_of

    kept = {name: os.environ.get(name) for name in ("PYTHONPATH", FRAME_S)}
    with cluster_of(2, frame_s=0.01) as cluster:
        yield str(cluster.address)
    for name, value in kept.items():
        os.environ.pop(name, None) if value is None else os.environ.update({name: value})


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_run, "Worker", StandInWorker)


def alone(source: Path, output: Path, **options: Any) -> bytes:
    """What one machine makes with the flags that the report gives."""
    boosted(source, output, resume=True, threads=1, **options)
    return output.read_bytes()


def test_a_file_is_what_one_machine_makes_though_a_worker_dies(address: str, tmp_path: Path) -> None:
    source, killed = make_video(tmp_path / "in.mp4", pts=range(80), tones=1, cut_at=33), []
    told: list[News] = []

    def news(item: News) -> None:
        told.append(item)
        busy = [w for w in item.workers if w.segment is not None] if isinstance(item, ClusterNow) else []
        if busy and not killed and item.frames:
            from ray._private.state import actors

            pids = [actor["Pid"] for actor in actors().values() if actor["State"] == "ALIVE"]
            killed.append(pids[0])
            os.kill(pids[0], signal.SIGKILL)

    options = options_of({"segment": "0.4"})
    cluster = ClusterOptions(address, cpus=1)
    result = cluster_run.boost_on_cluster(str(source), str(tmp_path / "out.mp4"), options, cluster, news)
    assert killed
    assert (tmp_path / "out.mp4").read_bytes() == alone(source, tmp_path / "alone.mp4", segment="0.4")
    assert result.cluster is not None
    assert (
        result.cluster["same_as"]
        == "--resume --segment 2/5 --batch-size 8 --precision float32 --engine tensorflow --threads 1"
    )
    assert result.cluster["made_again"] >= 1
    assert any("a worker was lost" in text for text in result.warnings)
    assert any(isinstance(item, Warned) for item in told)
    last = [item for item in told if isinstance(item, ClusterNow)][-1]
    for item in told:
        validate(json.loads(json.dumps(item.as_json())), "news")
    validate({**json.loads(json.dumps(result.as_json())), "profile": None}, "result")
    assert last.total == 160
    assert sorted(p.name for p in tmp_path.iterdir()) == ["alone.mp4", "in.mp4", "out.mp4"]


def test_a_folder_goes_on_where_a_file_fails(address: str, tmp_path: Path) -> None:
    clips, scratch = tmp_path / "clips", tmp_path / "scratch"
    clips.mkdir()
    scratch.mkdir()
    for name, frames in (("short", 6), ("long", 40)):
        make_video(clips / f"{name}.mp4", pts=range(frames))
    (clips / "broken.mp4").write_bytes(b"no video at all")
    folder = FolderRun(clips, tmp_path / "out", options_of({"segment": "0.4"}), FolderOptions())
    outcomes = cluster_run.boost_folder_on_cluster(folder, ClusterOptions(address, cpus=1, scratch=scratch))
    found = {Path(outcome.input).name: outcome for outcome in outcomes}
    assert {name: outcome.outcome for name, outcome in found.items()} == {
        "long.mp4": "done",
        "short.mp4": "done",
        "broken.mp4": "failed",
    }
    assert found["broken.mp4"].exit_code == InputError.exit_code
    for name in ("short", "long"):
        whole = alone(clips / f"{name}.mp4", tmp_path / f"{name}.mp4", segment="0.4")
        assert (tmp_path / "out" / f"{name}.mp4").read_bytes() == whole
    assert list(scratch.iterdir()) == []


def test_workers_that_cannot_start_are_told(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_run, "Worker", FailingWorker)
    source, options = make_video(tmp_path / "in.mp4", pts=range(6)), options_of({})
    told: list[News] = []
    with pytest.raises(ModelError, match="a device that is not there"):
        cluster_run.boost_on_cluster(
            str(source), str(tmp_path / "out.mp4"), options, ClusterOptions(address, cpus=1), told.append
        )
    assert [item.text for item in told if isinstance(item, Warned)] == [
        "a worker is not used: a device that is not there"
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_a_cluster_that_is_not_there_is_told(tmp_path: Path) -> None:
    source, options = make_video(tmp_path / "in.mp4", pts=range(6)), options_of({})
    with pytest.raises(InputError, match=r"127\.0\.0\.1:1: the cluster cannot be reached"):
        cluster_run.boost_on_cluster(
            str(source), str(tmp_path / "out.mp4"), options, ClusterOptions("127.0.0.1:1", cpus=1)
        )

"""Machines of a cluster are compared before the work, and what is missing here is told."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from frame_booster.errors import InputError, ModelError
from frame_booster.pipeline.cluster.machines import Machine, check_alike, this_machine
from frame_booster.pipeline.cluster.options import ClusterOptions
from frame_booster.pipeline.cluster.run import _bytes, _kinds, _room, _threads, boost_on_cluster
from frame_booster.pipeline.keywords import options_of
from tests.conftest import make_video
from tests.stand_in import ROOT

HERE = Machine("a", "1.0", "2.15.1", "1.20.0", "missing", "17.1.0", "f" * 64, "EPYC", 8)


def node(host: str, **resources: float) -> dict[str, Any]:
    return {"NodeManagerHostname": host, "Resources": resources}


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"version": "1.1"}, r"differ in Frame Booster: 1\.0 on a; 1\.1 on b, 1\.0 here"),
        ({"weights": ""}, r"differ in weights: none on b; f{12} on a, f{12} here"),
        ({"pyav": "18.0.0"}, r"differ in PyAV: 17\.1\.0 on a; 18\.0\.0 on b"),
        ({"tensorflow": "2.20.0"}, r"differ in TensorFlow: 2\.15\.1 on a; 2\.20\.0 on b \(install the same"),
    ],
)
def test_what_would_change_frames_is_refused(other: dict[str, str], message: str) -> None:
    check_alike([HERE, replace(HERE, host="b", processor="Xeon")], HERE)
    with pytest.raises(ModelError, match=message):
        check_alike([HERE, replace(HERE, host="b", **other)], HERE)


def test_kinds_are_told_and_refused_where_it_is_strict() -> None:
    machines = [HERE, replace(HERE, host="b", processor="Xeon")]
    assert _kinds([], machines[:1], gpus=False, strict=True) == []
    [text] = _kinds([], machines, gpus=False, strict=False)
    assert "the machines have different hardware (EPYC, Xeon)" in text
    with pytest.raises(ModelError, match="different hardware"):
        _kinds([], machines, gpus=False, strict=True)
    nodes = [node("a", **{"GPU": 1, "accelerator_type:H100": 1}), node("b", **{"GPU": 1, "accelerator_type:A100": 1})]
    assert "A100, H100" in _kinds(nodes, machines, gpus=True, strict=False)[0]


def test_room_and_threads_follow_from_the_nodes() -> None:
    nodes = [node("a", CPU=8, GPU=2), node("b", CPU=3), node("a", CPU=2)]
    assert _room(nodes, 2, gpus=False) == {"a": 5, "b": 1}
    assert _room(nodes, 1, gpus=True) == {"a": 2, "b": 0}
    assert _threads(nodes, [HERE], 2, gpus=False) == 2
    assert _threads(nodes, [HERE], 8, gpus=False) is None, "a worker has the machine for itself"
    assert _threads(nodes, [HERE, replace(HERE, cores=4)], 8, gpus=False) == 8
    assert _threads(nodes, [HERE], 1, gpus=True) == 4
    assert _threads(nodes[1:], [HERE], 1, gpus=True) is None


def test_this_machine_knows_itself() -> None:
    machine = this_machine("fbnet-r", None)
    assert machine.tensorflow[0] == "2"
    assert len(machine.weights) == 64
    assert machine.cores >= 1
    assert this_machine("fbnet-r", "none.safetensors").weights == ""


def test_without_ray_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(4))
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"needs Ray, which is not installed \(pip install \"frame-booster\[ray\]\""):
        boost_on_cluster(str(source), str(tmp_path / "out.mp4"), options_of({}), ClusterOptions("local"))
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_nothing_of_it_is_imported_unless_it_is_asked_for(tmp_path: Path) -> None:
    code = (
        "import sys; from frame_booster.cli.main import main; from frame_booster.pipeline.boost import run; "
        "assert not [name for name in sys.modules if name.split('.')[0] in ('ray', 'fsspec') or '.cluster' in name]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=100, cwd=ROOT)


def test_flags_of_a_cluster_need_one(tmp_path: Path) -> None:
    from frame_booster.cli.flags import cluster_options

    names = ("cluster", "cluster_cpus", "cluster_workers", "cluster_scratch")
    values = dict.fromkeys(names)
    assert cluster_options(values) is None
    with pytest.raises(InputError, match="--cluster-cpus needs --cluster"):
        cluster_options({**values, "cluster_cpus": 2})
    with pytest.raises(InputError, match="--cluster-cpus 0 is not positive"):
        cluster_options({**values, "cluster": "auto", "cluster_cpus": 0})


def test_an_input_that_is_gone_is_left_for_its_own_run_to_tell(tmp_path: Path) -> None:
    (tmp_path / "a.mkv").write_bytes(b"12345")
    assert [_bytes(tmp_path / name) for name in ("a.mkv", "gone.mkv", "%05d.png")] == [5, 0, 0]

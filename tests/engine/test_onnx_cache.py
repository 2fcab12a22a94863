"""Graphs on disk: built once, found again, never of other weights, and never half."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from frame_booster.engine import files_on_disk
from frame_booster.engine.files_on_disk import cache_folder
from frame_booster.engine.onnx import cache
from frame_booster.engine.onnx.cache import GraphCache


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "weights"
    path.write_bytes(b"weights")
    return path


def test_a_graph_is_built_once(weights: Path, tmp_path: Path) -> None:
    built: list[str] = []

    def build() -> bytes:
        built.append("")
        return b"graph"

    for _ in range(2):
        graphs = GraphCache(weights, tmp_path / "cache")
        path = graphs.graph(build, "encode", 64)
        assert path.read_bytes() == b"graph"
    assert len(built) == 1
    graphs.graph(build, "encode", 65)
    assert len(built) == 2, "other facts, another graph"
    weights.write_bytes(b"other weights")
    GraphCache(weights, tmp_path / "cache").graph(build, "encode", 64)
    assert len(built) == 3, "other weights, another graph"
    assert not [p for p in graphs.folder.iterdir() if p.suffix not in (".onnx", ".sha256")], "nothing half is left"


@pytest.mark.parametrize("damage", ["cut", "changed", "no digest", "damaged digest"])
def test_a_file_that_is_not_what_was_written_is_built_again(weights: Path, tmp_path: Path, damage: str) -> None:
    graphs = GraphCache(weights, tmp_path)
    path = graphs.graph(lambda: b"graph", 1)
    if damage == "no digest":
        path.with_suffix(".sha256").unlink()
    elif damage == "damaged digest":
        path.with_suffix(".sha256").write_bytes(b"\xff" * 64)
    else:
        path.write_bytes(b"gra" if damage == "cut" else b"grapf")
    assert graphs.graph(lambda: b"again", 1).read_bytes() == b"again"


def test_only_the_graphs_used_last_are_kept(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "KEPT", 3)
    graphs = GraphCache(weights, tmp_path)
    for k in range(5):
        graphs.graph(lambda: b"graph", k)
    assert len(list(graphs.folder.iterdir())) == 2 * 3
    assert graphs.path(4).is_file()


def test_a_graph_that_is_used_again_outlives_later_ones(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "KEPT", 2)
    graphs = GraphCache(weights, tmp_path)
    for k in range(2):
        graphs.graph(lambda: b"graph", k)
        os.utime(graphs.path(k), (k + 1, k + 1))
    graphs.graph(lambda: b"graph", 0)
    graphs.graph(lambda: b"graph", 2)
    assert [graphs.path(k).is_file() for k in range(3)] == [True, False, True]


def test_a_cache_of_another_user_serves_as_well(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graphs = GraphCache(weights, tmp_path)
    path = graphs.graph(lambda: b"graph", 1)

    def denied(*given: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(cache.os, "utime", denied)
    assert graphs.graph(lambda: b"again", 1) == path
    assert path.read_bytes() == b"graph"


def test_a_folder_that_cannot_be_written_is_done_without(weights: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    assert GraphCache(weights, blocked).graph(lambda: b"graph", 1) == b"graph"


def test_the_folder_is_the_systems_or_the_one_that_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FRAME_BOOSTER_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("FRAME_BOOSTER_CACHE")
    for platform, variable in (("linux", "XDG_CACHE_HOME"), ("win32", "LOCALAPPDATA")):
        monkeypatch.setattr(files_on_disk.sys, "platform", platform)
        monkeypatch.setenv(variable, str(tmp_path / platform))
        assert cache_folder() == tmp_path / platform / "frame-booster"
    monkeypatch.setattr(files_on_disk.sys, "platform", "darwin")
    assert cache_folder().parts[-3:] == ("Library", "Caches", "frame-booster")

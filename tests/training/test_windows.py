"""Windows: drawn by motion, the same for seed and step, cut alike on the host and on a device, with their flows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from frame_booster.errors import InputError
from frame_booster.network.warp import gather_warp
from frame_booster.training.config import Phase, RunConfig, Windows
from frame_booster.training.data.manifest import Clip
from frame_booster.training.data.resident import ResidentFrames, area_weights
from frame_booster.training.data.stored_flows import StoredFlows, flows_path, write_flows
from frame_booster.training.data.stores import open_stores, place_of
from frame_booster.training.data.windows import WindowSampler

MOTION = (1.5, -2.0)
"""Px a frame, down and right, of what the clips of `Moving` show."""


class Moving:
    """Clips of one smooth picture that moves evenly, one of them large."""

    def __init__(self, root: Path) -> None:
        self.root = root
        sizes = {"still": (64, 80, 0.0), "small": (64, 80, 2.5), "large": (128, 96, 2.5)}
        self.clips = [Clip(name, w, h, 9, (motion,) * 8) for name, (h, w, motion) in sizes.items()]

    def frame(self, clip: Clip, index: int) -> np.ndarray:
        y, x = np.meshgrid(np.arange(clip.height), np.arange(clip.width), indexing="ij")
        y, x = y - MOTION[0] * index, x - MOTION[1] * index
        waves = [np.sin(0.13 * x + 0.02 * c * y + c) * np.cos(0.11 * y - 0.04 * x) for c in range(3)]
        return np.rint(127.5 + 100 * np.stack(waves, -1)).astype(np.uint8)


def config(**windows: float) -> RunConfig:
    phase = Phase(steps=9, height=32, width=32, batch=24, learning_rate=(1e-3, 1e-3))
    made = replace(Windows(usual_side=64, large=0.5), **windows)  # type: ignore[arg-type]
    loss = {"laplacian": 1.0}
    return RunConfig("fbnet-2", loss, (phase,), optimizer="stacked-muon", sampler="windows", windows=made)


def test_windows_depend_on_seed_and_step_alone_and_show_what_moves(tmp_path: Path) -> None:
    one, other = (WindowSampler(Moving(tmp_path), config(other_t=0.4)) for _ in range(2))
    other.draw(1)
    windows, place = one.draw(3)
    assert (windows, place.tolist()) == (other.draw(3)[0], other.draw(3)[1].tolist())
    assert windows != one.draw(4)[0]
    drawn = [window for step in range(20) for window in one.draw(step)[0]]
    assert {one.store.clips[window.clip].path for window in drawn} == {"small", "large"}
    for window in drawn:
        clip = one.store.clips[window.clip]
        assert 0 <= window.top <= clip.height - window.side
        assert 0 <= window.left <= clip.width - window.side
        first, wanted, last = window.order
        assert window.t == pytest.approx((wanted - first) / (last - first))
    assert max(window.side for window in drawn) > 64 >= min(window.side for window in drawn) >= 32
    shares = {
        "backwards": np.mean([window.order[0] > window.order[2] for window in drawn]),
        "colours": np.mean([window.colours != (0, 1, 2) for window in drawn]) * 6 / 5,
        "turned": np.mean([window.turn for window in drawn]),
    }
    assert shares == pytest.approx({"backwards": 0.5, "colours": 0.5, "turned": 0.5}, abs=0.1)
    assert np.mean([window.t != 0.5 for window in drawn]) == pytest.approx(0.4 * 3 / 4, abs=0.15)


def test_triplets_are_drawn_by_their_motion_at_a_common_size(tmp_path: Path) -> None:
    sampler = WindowSampler(Moving(tmp_path), config(max_motion=4.0, usual_side=48))
    places, odds = sampler.triplets(2, 2)
    steps = np.diff(odds, prepend=0.0)
    of = {name: steps[places[:, 0] == k] for k, name in enumerate(("still", "small", "large"))}
    assert len(of["still"]) == 0
    # 5 px a step, less at a short side of 48 than of 64, and less again than of 96.
    assert of["small"][0] / of["large"][0] == pytest.approx((3.75 / 2.5) ** 0.8)


def test_clips_that_are_too_small_or_do_not_move_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no triplet of the clips moves enough"):
        WindowSampler(Moving(tmp_path), config(min_motion=30.0))
    large = replace(config(), phases=(replace(config().phases[0], height=256, width=256),))
    with pytest.raises(InputError, match="as large as the crops of 256"):
        WindowSampler(Moving(tmp_path), large)
    with pytest.raises(InputError, match="no triplet of the clips moves enough"):
        WindowSampler(Moving(tmp_path), config(strides=(5,), other_t=0.0))


def test_windows_are_no_larger_than_clips_that_move(tmp_path: Path) -> None:
    store = Moving(tmp_path)
    store.clips = [store.clips[1], replace(store.clips[0], width=512, height=512)]
    sampler = WindowSampler(store, config(large=1.0), alike=True)
    assert {window.side for step in range(20) for window in sampler.draw(step)[0]} <= set(range(32, 65))
    large = replace(config(), phases=(replace(config().phases[0], height=128, width=128),))
    with pytest.raises(InputError, match="no clip with motion is as large as the crops of 128"):
        WindowSampler(store, large)


def test_a_device_cuts_the_windows_that_the_host_cuts(tmp_path: Path) -> None:
    store = Moving(tmp_path)
    frames = ResidentFrames(store, "/CPU:0")
    tf.config.run_functions_eagerly(True)
    try:
        sides = set()
        for step in range(8):
            sampler = WindowSampler(store, config(), alike=True, multiple=16)
            windows, _ = sampler.draw(step)
            side = windows[0].side
            assert side % 16 == 0
            assert {(w.side, w.turn, w.colours) for w in windows} == {(side, windows[0].turn, windows[0].colours)}
            cut = frames.cutter(side, 32)(frames.places(windows))
            host = np.stack([sampler.cut(window, 32) for window in windows])
            assert np.abs(cut.numpy() - host).max() < (0.51 if side > 32 else 1e-3)
            sides.add(side)
    finally:
        tf.config.run_functions_eagerly(False)
    assert len(sides) > 2
    np.testing.assert_allclose(area_weights(48, 32).sum(1), 1.0, rtol=1e-6)


def test_stored_flows_go_with_their_frames_whatever_is_done_to_both(tmp_path: Path) -> None:
    store = Moving(tmp_path)
    for clip in store.clips[1:]:
        triplets = np.asarray(
            [(k, k + b, k + s) for s in (2, 3, 4) for b in range(1, s) for k in range(9 - s)], np.int32
        )
        motion = np.zeros((len(triplets), clip.height // 4, clip.width // 4, 5), np.float16)
        for line, (first, wanted, last) in zip(motion, triplets, strict=True):
            # What stands at x in the wanted frame stood at x - motion * (wanted - first) in the first.
            line[..., 0:2] = np.multiply(MOTION, wanted - first)
            line[..., 2:4] = np.multiply(MOTION, wanted - last)
            line[..., 4] = (wanted - first) / (last - first)
        write_flows(flows_path(tmp_path, clip.path), triplets, motion, "a teacher")
    # Windows of the large clip alone: what is enlarged is never seen more sharply.
    sampler = WindowSampler(store, config(strides=(1, 2), other_t=0.5), StoredFlows())
    batch = sampler.batch(0)
    windows, _ = sampler.draw(0)
    assert batch.known.min() == 1.0
    kinds = {(w.flip_y, w.flip_x, w.turn, w.order[0] > w.order[2]) for w in windows}
    assert len(kinds) > 8
    first, wanted, last = (batch.frames[:, k].astype(np.float32) for k in range(3))
    flows = batch.motion.astype(np.float32)
    for frame, flow in ((first, flows[..., :2]), (last, flows[..., 2:4])):
        inner = np.s_[:, 10:-10, 10:-10]
        errors = np.abs(gather_warp(tf.constant(frame), tf.constant(flow)).numpy() - wanted)[inner].mean((1, 2, 3))
        without = np.abs(frame - wanted)[inner].mean((1, 2, 3))
        assert errors.max() < 2.5
        assert (errors < 0.4 * without).all()
    np.testing.assert_allclose(flows[..., 4].mean((1, 2)), batch.t, atol=1e-3)


def test_a_triplet_without_flow_is_not_taught_and_a_damaged_file_is_an_error(tmp_path: Path) -> None:
    path = flows_path(tmp_path, "small")
    assert StoredFlows().motion(path, (0, 1, 2)) is None
    write_flows(path, np.asarray([(0, 1, 2)], np.int32), np.zeros((1, 4, 4, 5), np.float16), "a teacher")
    assert StoredFlows().motion(path, (0, 1, 2)) is not None
    assert StoredFlows().motion(path, (0, 2, 4)) is None
    path.write_bytes(b"no flows")
    with pytest.raises(InputError, match="stored flows"):
        StoredFlows().motion(path, (0, 1, 2))


def test_several_folders_are_one_store(material: Path, tmp_path: Path) -> None:
    store = open_stores([material, material], tmp_path)
    assert [clip.path for clip in store.clips] == ["0/a.mp4", "1/a.mp4"]
    assert np.array_equal(store.frame(store.clips[0], 3), store.frame(store.clips[1], 3))
    assert place_of(store, store.clips[1]) == (material, "a.mp4")

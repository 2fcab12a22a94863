"""Batches: the same for the same seed and step, lit alike, handed on in order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from frame_booster.errors import InputError, OutputError
from frame_booster.training.data import clips, sampling
from frame_booster.training.data.clips import ClipStore
from frame_booster.training.data.manifest import Clip
from frame_booster.training.data.prefetch import prefetched_batches
from frame_booster.training.data.sampling import Sampler, with_changed_light
from tests.training.runs import config


def test_samples_depend_on_seed_and_step_alone(material: Path, tmp_path: Path) -> None:
    store = ClipStore(material, tmp_path)
    assert [clip.path for clip in store.clips] == ["a.mp4"], "only permissively licensed clips"
    one, other = Sampler(store, config()), Sampler(store, config())
    other.batch(1)
    for name in ("frames", "t", "flows"):
        assert np.array_equal(getattr(one.batch(3), name), getattr(other.batch(3), name))
    assert not np.array_equal(one.batch(3).frames, one.batch(4).frames)
    batch = one.batch(0)
    assert batch.frames.shape == (2, 3, 32, 32, 3)
    assert ((batch.t > 0) & (batch.t < 1)).all()


def test_frames_that_a_disk_has_no_room_for_are_refused_before_they_are_decoded(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clips, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(OutputError, match=r"take .* GB, and 0\.0 GB are free .*--cache"):
        ClipStore(material, tmp_path)
    assert not any(tmp_path.iterdir())


def test_light_changes_all_frames_of_a_sample_alike(material: Path, tmp_path: Path) -> None:
    store = ClipStore(material, tmp_path)
    plain = Sampler(store, config()).batch(2).frames.astype(int)
    changed = Sampler(store, config(brightness=0.3, gamma=0.5)).batch(2).frames.astype(int)
    assert changed.shape == plain.shape
    changes = []
    for seed in range(20):
        same = np.broadcast_to(np.arange(256, dtype=np.uint8)[None, :, None, None], (3, 256, 1, 3))
        lit = with_changed_light(np.random.default_rng(seed), same, brightness=0.3, gamma=0.5)
        assert np.array_equal(lit[0], lit[2])
        assert (np.diff(lit[0, :, 0, 0].astype(int)) >= 0).all()
        changes.append(int(lit[0, 128, 0, 0]) - 128)
    assert max(changes) > 15
    assert min(changes) < -15


def test_prefetching_hands_on_the_batches_of_the_steps_and_the_errors_of_the_sampler(
    material: Path, tmp_path: Path
) -> None:
    sampler = Sampler(ClipStore(material, tmp_path), config())
    fed = list(prefetched_batches(sampler, 1, 4))
    assert len(fed) == 3
    for step, batch in zip((1, 2, 3), fed, strict=True):
        for name in ("frames", "t", "flows"):
            assert np.array_equal(getattr(batch, name), getattr(sampler.batch(step), name))

    def fail(step: int) -> Any:
        raise InputError("frame 3 of x is damaged", path=tmp_path)

    sampler.batch = fail  # type: ignore[method-assign]
    with pytest.raises(InputError, match="frame 3 of x is damaged"):
        next(prefetched_batches(sampler, 0, 2))


class Store:
    """Clips of one size each; the frames of one that moves are noise."""

    root = Path("clips")

    def __init__(self, *clips: tuple[int, int, float, int]) -> None:
        self.clips = [Clip(f"{k}", w, h, n, (motion,) * (n - 1)) for k, (w, h, motion, n) in enumerate(clips)]

    def frame(self, clip: Clip, index: int) -> np.ndarray:
        noise = np.random.default_rng(index).integers(0, 255, (clip.height, clip.width, 3))
        return (noise if max(clip.pair_motion) > 1 else np.zeros_like(noise)).astype(np.uint8)


@pytest.mark.parametrize(
    ("store", "changes", "message"),
    [
        (Store((24, 64, 2.0, 9)), {}, "no clip is as large as the crops of 32x32 px"),
        (Store((24, 64, 2.0, 9)), {"synthetic": 1.0}, "no clip is as large"),
        (Store((64, 64, 0.0, 9)), {}, "moves enough .*smaller min_motion"),
        (Store((64, 64, 0.0, 9), (24, 64, 2.0, 9)), {}, "as large as 32x32 px moves enough"),
        (Store((64, 64, 2.0, 9)), {"strides": (5,)}, "other strides"),
    ],
)
def test_a_phase_for_which_there_is_nothing_to_draw_is_refused_at_once(
    store: Store, changes: dict[str, Any], message: str
) -> None:
    phase = replace(config().phases[0], **{"any_timestep": 0.0, "synthetic": 0.0, **changes})
    with pytest.raises(InputError, match=message):
        Sampler(store, config(phases=(config().phases[0], phase), min_motion=0.5))


def test_strides_that_no_clip_is_long_enough_for_are_passed_over() -> None:
    phase = replace(config().phases[0], strides=(1, 5), any_timestep=0.0, synthetic=0.0, batch=8, flow_weight=(0, 0))
    batch = Sampler(Store((64, 64, 2.0, 9)), config(phases=(phase,))).batch(0)
    assert len(batch.frames) == 8


def test_crops_in_which_nothing_changes_are_not_drawn_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "ATTEMPTS", 50)
    phase = replace(config().phases[0], synthetic=0.0)
    with pytest.raises(InputError, match="none of 50 crops"):
        Sampler(Store((64, 64, 0.9, 9)), config(phases=(phase,))).batch(0)

"""Motion that the search loses is found again by descriptors, exactly and whichever frame is the first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from frame_booster.engine.model import shipped_weights
from frame_booster.errors import InputError
from frame_booster.network.fbnet_r import correlation
from frame_booster.network.fbnet_r.correlation import OUTSIDE, REACH, SHARPNESS, SIDE, correlate, strongest
from frame_booster.network.fbnet_r.recall import Recall
from frame_booster.network.prediction import Proposal
from frame_booster.network.presets import create_network
from frame_booster.network.weights import load_weights
from frame_booster.training.config import Phase, RunConfig, load_config
from frame_booster.training.data.shot_splitting import read_picture
from frame_booster.training.loop.step import TrainStep, make_optimizer, strategy_of
from frame_booster.training.losses.matching import matching_error

T = tf.constant([[[[0.5]]]])


def unit(shape: tuple[int, ...], seed: int = 1) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def moving(motion: tuple[int, int], t: float, height: int = 16, width: int = 24) -> tuple[tf.Tensor, tf.Tensor]:
    """Descriptors of both frames, if what is seen at t moves by `motion` px between them."""
    scene = unit((height + 80, width + 80, 64))

    def at(time: float) -> tf.Tensor:
        y, x = (40 - round(time * step) for step in motion)
        return tf.constant(scene[None, y : y + height, x : x + width])

    return at(-t), at(1.0 - t)


@pytest.mark.parametrize(("motion", "t"), [((0, 0), 0.5), ((4, -12), 0.5), ((-6, 14), 0.5), ((8, -4), 0.25)])
def test_a_motion_in_reach_is_found_wherever_both_frames_show_it(motion: tuple[int, int], t: float) -> None:
    first, second = moving(motion, t)
    scores = correlate(first, second, tf.constant([[[[t]]]]))
    found = strongest(scores).numpy()[0]
    best = scores.numpy()[0].max(-1)
    shown = best > 0.9 * SHARPNESS
    height, width = 16 - abs(motion[0]), 24 - abs(motion[1])
    assert shown.sum() >= height * width
    assert np.abs(found[shown] - np.float32(motion)).max() < 0.05


def test_what_a_frame_does_not_show_is_not_alike() -> None:
    first, second = moving((0, 0), 0.5)
    scores = correlate(first, second, T).numpy()[0].reshape(16, 24, SIDE, SIDE)
    assert scores[0, 0, REACH + 1, REACH] == OUTSIDE
    assert scores[0, 0, REACH, REACH] == pytest.approx(SHARPNESS, rel=1e-5)


@pytest.mark.parametrize("t", [0.5, 0.25, 0.3])
def test_exchanged_frames_have_the_same_scores_for_the_opposite_motion(t: float) -> None:
    first, second = tf.constant(unit((2, 12, 16, 8), 2)), tf.constant(unit((2, 12, 16, 8), 3))
    forward = correlate(first, second, tf.constant([t, 0.5])[:, None, None, None])
    backward = correlate(second, first, tf.constant([1.0 - t, 0.5])[:, None, None, None])
    np.testing.assert_allclose(forward.numpy(), backward.numpy()[..., ::-1], atol=1e-5)


def test_scores_do_not_depend_on_how_many_are_looked_at_together(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tf.constant(unit((1, 12, 16, 8), 2)), tf.constant(unit((1, 12, 16, 8), 3))
    whole = correlate(first, second, T).numpy()
    monkeypatch.setattr(correlation, "BYTES_AT_ONCE", 4 * 12 * 16 * (16 + 16) * 3)
    np.testing.assert_array_equal(correlate(first, second, T).numpy(), whole)


def test_recall_takes_the_strongest_motion_only_where_it_is_clearly_more_alike() -> None:
    first, second = moving((4, -12), 0.5)
    looks = tf.zeros([1, 16, 24, 4])
    lost = tf.zeros([1, 16, 24, 2])
    right = tf.constant(np.broadcast_to(np.float32([4, -12]), (1, 16, 24, 2)))
    recall = Recall()
    inner = (0, slice(4, -4), slice(8, -8))
    taken = recall(lost, (looks, looks), (first, second), T)
    np.testing.assert_allclose(taken.motion().numpy()[inner], right.numpy()[inner], atol=0.1)
    kept = recall(right, (looks, looks), (first, second), T)
    assert (kept.logit.numpy()[inner] < 0).all()
    np.testing.assert_array_equal(kept.motion().numpy()[inner], right.numpy()[inner])


def proposal(described: tuple[tf.Tensor, tf.Tensor], searched: float, found: float, logit: float) -> Proposal:
    maps = [tf.fill([1, 8, 8, 2], value) for value in (searched, found)]
    return Proposal(described, *maps, tf.fill([1, 8, 8, 1], logit))


def error(given: Proposal, label: float = 0.0) -> float:
    frames = tf.zeros([1, 64, 64, 3])
    labels = tf.concat([tf.fill([1, 64, 64, 2], 4.0 * label), tf.fill([1, 64, 64, 2], -4.0 * label)], -1)
    return float(matching_error(given, labels, frames, frames, frames, tf.constant([0.5])))


def test_matching_error_wants_equal_places_alike_and_the_nearer_motion() -> None:
    one, other = tf.constant(unit((1, 8, 8, 64), 4)), tf.constant(unit((1, 8, 8, 64), 5))
    right = error(proposal((one, one), 0.0, 3.0, -4.0))
    assert right < error(proposal((one, other), 0.0, 3.0, -4.0)) - 1.0
    assert right < error(proposal((one, one), 0.0, 3.0, 4.0)) - 1.0
    assert error(proposal((one, one), 0.0, 3.0, 4.0), label=3.0) < error(
        proposal((one, one), 0.0, 3.0, -4.0), label=3.0
    )


def test_labels_that_explain_nothing_teach_nothing() -> None:
    one, other = tf.constant(unit((1, 8, 8, 64), 4)), tf.constant(unit((1, 8, 8, 64), 5))
    black, white, labels = tf.zeros([1, 64, 64, 3]), tf.ones([1, 64, 64, 3]), tf.zeros([1, 64, 64, 4])
    taught = matching_error(proposal((one, other), 0.0, 3.0, 4.0), labels, black, black, white, tf.constant([0.5]))
    assert float(taught) < 1e-5


def run_config(**changed: object) -> RunConfig:
    phase = Phase(steps=2, height=32, width=32, batch=2, learning_rate=(1e-3, 1e-3), matching_weight=(1.0, 1.0))
    return RunConfig(**{"network": "fbnet-r", "loss": {}, "phases": (phase,), "optimizer": "muon"} | changed)  # type: ignore[arg-type]


def test_without_a_loss_descriptors_alone_are_taught() -> None:
    from frame_booster.network.layers import named_weights
    from frame_booster.training.data.sampling import Batch

    network, config = create_network("fbnet-r"), run_config()
    named = [(name, v) for name, v in named_weights(network) if name.startswith(("descriptor", "recall"))]
    variables = [variable for _, variable in named]
    before = [variable.numpy() for variable in variables]
    optimizer = make_optimizer(config)
    optimizer.build(variables)
    step = TrainStep(network, variables, optimizer, config, strategy_of("auto"))
    frames = np.random.default_rng(1).integers(0, 256, (2, 3, 32, 32, 3)).astype(np.uint8)
    frames[:, 1:] = frames[:, :1]
    batch = Batch(frames, np.full(2, 0.5, np.float32), np.zeros((2, 32, 32, 4), np.float32))
    first, *_, later = [step(min(k, 1), batch) for k in range(5)]
    assert later[3] < first[3]
    assert first[0] == 0.0
    moved = [name for (name, v), old in zip(named, before, strict=True) if not np.array_equal(v.numpy(), old)]
    assert all(name in moved for name, _ in named if name.startswith("descriptor") and name.endswith("kernel"))


def test_a_run_needs_something_to_learn_by(tmp_path: Path) -> None:
    phase = Phase(steps=2, height=32, width=32, batch=2, learning_rate=(1e-3, 1e-3))
    config = run_config(phases=(phase,))
    with pytest.raises(InputError, match="has no loss"):
        TrainStep(create_network("fbnet-r"), [], None, config, strategy_of("auto"))
    path = tmp_path / "run.toml"
    path.write_text(
        'network = "fbnet-r"\nloss = {}\n[[phases]]\nsteps = 1\nheight = 32\nwidth = 32\nbatch = 1\n'
        "learning_rate = [1e-3, 1e-3]\nmatching_weight = [1.0, 0.5]\n",
        encoding="utf-8",
    )
    assert load_config(path).loss_text == "matching"


def test_exchanged_frames_are_given_the_same_motion_where_it_is_hard_to_tell(triplets: Path) -> None:
    """The car is found by recall alone: its choice in bfloat16 left the pictures 36 dB apart on some machines."""
    network = create_network("fbnet-r", "bfloat16")
    load_weights(shipped_weights("fbnet-r"), network)
    paths = [triplets / "drift-straight_1" / name for name in ("im1.png", "im3.png")]
    first, second = (tf.constant(read_picture(path)[None] / np.float32(255.0)) for path in paths)
    made, turned = (tf.function(network.call)(*pair).frame for pair in ((first, second), (second, first)))
    assert -10.0 * np.log10(np.mean(np.square(made - turned)) + 1e-12) > 45.0

"""Losses, samples, and a run that is stopped and goes on as if it had not been."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

cv2 = pytest.importorskip("cv2", reason="the extra `train` is not installed")

from frame_booster.engine.interpolator import load_model  # noqa: E402
from frame_booster.errors import InputError  # noqa: E402
from frame_booster.network.prediction import Choice  # noqa: E402
from frame_booster.network.weights import read_metadata  # noqa: E402
from frame_booster.training import evaluate as evaluation  # noqa: E402
from frame_booster.training import metrics  # noqa: E402
from frame_booster.training.clips import ClipStore  # noqa: E402
from frame_booster.training.config import Phase, RunConfig, load_config  # noqa: E402
from frame_booster.training.dataset import DatasetOptions, build  # noqa: E402
from frame_booster.training.feed import feed  # noqa: E402
from frame_booster.training.flow_labels import flow_labels  # noqa: E402
from frame_booster.training.layouts import in_validation  # noqa: E402
from frame_booster.training.losses import LOSSES, choice_error, flow_supervision, published  # noqa: E402
from frame_booster.training.motion import draw_motion  # noqa: E402
from frame_booster.training.muon import Muon, orthogonalised  # noqa: E402
from frame_booster.training.publish import publish  # noqa: E402
from frame_booster.training.run import TrainingRun  # noqa: E402
from frame_booster.training.sampling import Sampler  # noqa: E402
from frame_booster.training.step import learning_rate  # noqa: E402
from frame_booster.training.synthetic import layered_triplet  # noqa: E402
from frame_booster.training.triplets import Triplet, read_triplets  # noqa: E402
from tests.conftest import make_video, picture  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips with their manifest, and one validation triplet."""
    folder = tmp_path_factory.mktemp("material")
    rows = ["path,width,height,frames,permissive,pair_motion"]
    for name, permissive in (("a.mp4", "yes"), ("b.mp4", "no")):
        make_video(folder / name, pts=range(10), size=(96, 80))
        rows.append(f"{name},96,80,10,{permissive},{' '.join(['1.6'] * 9)}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
    validation = folder / "val"
    validation.mkdir()
    for k in range(3):
        frame = (picture(2 * k, 256, 144) * 255).astype(np.uint8)
        cv2.imwrite(str(validation / f"im{k + 1}.png"), frame[..., ::-1])
    (validation / "manifest.csv").write_text(
        "id,frame0,middle,frame1,mean_motion_px\nscene_123,im1.png,im2.png,im3.png,3.2\n"
    )
    return folder


def config(**changes: Any) -> RunConfig:
    phase = Phase(
        steps=6,
        height=32,
        width=32,
        batch=2,
        learning_rate=(1e-3, 1e-4),
        flow_weight=(0.5, 0.1),
        choice_weight=(2.0, 1.0),
        strides=(1, 2),
        scale=(0.5, 1.0),
        any_timestep=0.3,
        synthetic=0.3,
    )
    values: dict[str, Any] = {
        "network": "fbnet-r",
        "loss": {"charbonnier": 1.0, "census": 0.1},
        "phases": (phase,),
        "precision": "float32",
    }
    return RunConfig(**{**values, "optimizer": "adamw", "warmup": 2, **changes})


def test_published_loss_is_the_published_formula() -> None:
    rng = np.random.default_rng(1)
    a, b = (tf.constant(rng.random((2, 16, 16, 3), np.float32)) for _ in range(2))
    d = (a - b).numpy()
    expected = (
        (1 - tf.image.ssim(a, b, 1.0).numpy())
        + (1 - tf.image.psnr(a, b, 1.0).numpy() / 40)
        + 5 * np.abs(d).mean((1, 2, 3))
        + 10 * (d**2).mean((1, 2, 3))
    )
    np.testing.assert_allclose(published(a, b), expected, rtol=1e-4)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_least_at_the_truth_and_finite_there(name: str) -> None:
    truth = tf.constant(picture(0, 32, 32)[None], tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(truth)
        at_truth = LOSSES[name](truth, tf.stop_gradient(truth))
    assert np.isfinite(tape.gradient(at_truth, truth).numpy()).all()
    assert float(at_truth[0]) < float(LOSSES[name](truth + 0.05, truth)[0])
    assert float(LOSSES[name](truth + 0.05 * tf.sign(truth - 0.5), truth)[0]) > float(at_truth[0])


def test_flow_supervision_rewards_the_true_flow() -> None:
    frames = np.stack([picture(k, 64, 48) for k in (0, 2, 4)]).astype(np.float32)
    labels = np.empty((1, 48, 64, 4), np.float32)
    labels[..., :2], labels[..., 2:] = (1.0, 3.0), (-1.0, -3.0)
    first, truth, second = (tf.constant(frame[None]) for frame in frames)

    def distance(scale: float) -> float:
        flow = tf.constant(labels * scale)
        return float(flow_supervision([(flow[..., :2], flow[..., 2:])], tf.constant(labels), first, second, truth)[0])

    assert distance(0.0) > 1.0
    assert distance(0.0) > distance(0.5) > distance(1.0) - 1e-6


def test_choice_error_rewards_the_candidate_that_shows_the_truth() -> None:
    frames = [tf.constant(picture(k, 32, 32)[None], tf.float32) for k in (0, 1, 4)]
    halved = [tf.nn.avg_pool2d(frame, 2, 2, "VALID") for frame in frames]
    seen = tf.stack(halved, -2)

    def error(*odds: float) -> float:
        weights = tf.broadcast_to(tf.constant(odds), [1, 16, 16, 3])
        return float(choice_error((Choice(weights, seen),), frames[1])[0])

    assert error(0.0, 1.0, 0.0) == pytest.approx(0.0, abs=1e-7)
    assert error(0.0, 0.5, 0.5) == pytest.approx(0.5 * error(0.0, 0.0, 1.0))
    assert error(0.0, 0.0, 1.0) > error(1.0, 0.0, 0.0) > 0.01


def test_flow_labels_have_the_sign_of_our_warp() -> None:
    frames = np.stack([(picture(k, 96, 64) * 255).astype(np.uint8) for k in (0, 1, 2)])
    inner = flow_labels(frames)[16:-16, 16:-16].mean((0, 1))
    np.testing.assert_allclose(inner, [0.5, 1.5, -0.5, -1.5], atol=0.3)


@pytest.mark.parametrize("seed", range(12))
def test_motion_is_undone_exactly_and_no_farther_than_asked(seed: int) -> None:
    motion = draw_motion(np.random.default_rng(seed), (96, 160), 40.0)
    y, x = motion.grid()
    for moment in (-0.7, 0.3, 0.5):
        back = motion.backward(*motion.forward(y, x, moment), moment)
        assert max(np.abs(back[0] - y).max(), np.abs(back[1] - x).max()) < 1e-3
    (y0, x0), (y1, x1) = (motion.forward(y, x, moment) for moment in (-0.5, 0.5))
    assert np.hypot(y1 - y0, x1 - x0).max() <= 40.5


def test_motions_are_of_all_kinds() -> None:
    drawn = [draw_motion(np.random.default_rng(seed), (96, 160), 100.0) for seed in range(300)]
    assert any(motion.wave is not None for motion in drawn)
    assert any(motion.generator[2, :2].any() for motion in drawn), "perspective"
    assert any(not motion.generator[:2, :2].any() for motion in drawn), "shifts alone"
    shear = [abs(m.generator[0, 1] + m.generator[1, 0]) + abs(m.generator[0, 0] - m.generator[1, 1]) for m in drawn]
    assert max(shear) > 0.02
    lengths = [float(np.linalg.norm(motion.flow(1.0), axis=-1).mean()) for motion in drawn]
    assert max(lengths) > 80
    assert min(lengths) < 5


def test_synthetic_motion_and_its_labels_agree() -> None:
    rng = np.random.default_rng(4)
    pictures = [(picture(k, 96, 96) * 255).astype(np.uint8) for k in (0, 40)]
    frames, flows = layered_triplet(rng, pictures, 0.5, 12.0)
    from frame_booster.network.warp import gather_warp

    for side in (0, 1):
        warped = gather_warp(frames[2 * side][None].astype(np.float32), flows[None, ..., 2 * side : 2 * side + 2])
        error = np.abs(warped.numpy()[0] - frames[1])[12:-12, 12:-12]
        still = np.abs(frames[2 * side].astype(float) - frames[1])[12:-12, 12:-12]
        assert np.median(error) < 4
        assert error.mean() < still.mean() / 2


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


def test_light_changes_all_frames_of_a_sample_alike(material: Path, tmp_path: Path) -> None:
    store = ClipStore(material, tmp_path)
    plain = Sampler(store, config()).batch(2).frames.astype(int)
    changed = Sampler(store, config(brightness=0.3, gamma=0.5)).batch(2).frames.astype(int)
    assert changed.shape == plain.shape
    changes = []
    for seed in range(20):
        sampler = Sampler(store, config(brightness=0.3, gamma=0.5))
        same = np.broadcast_to(np.arange(256, dtype=np.uint8)[None, :, None, None], (3, 256, 1, 3))
        lit = sampler._light(np.random.default_rng(seed), same)
        assert np.array_equal(lit[0], lit[2])
        assert (np.diff(lit[0, :, 0, 0].astype(int)) >= 0).all()
        changes.append(int(lit[0, 128, 0, 0]) - 128)
    assert max(changes) > 15
    assert min(changes) < -15


def test_the_feed_hands_on_the_batches_of_the_steps_and_the_errors_of_the_sampler(
    material: Path, tmp_path: Path
) -> None:
    sampler = Sampler(ClipStore(material, tmp_path), config())
    fed = list(feed(sampler, 1, 4))
    assert len(fed) == 3
    for step, batch in zip((1, 2, 3), fed, strict=True):
        for name in ("frames", "t", "flows"):
            assert np.array_equal(getattr(batch, name), getattr(sampler.batch(step), name))

    def fail(step: int) -> Any:
        raise InputError("frame 3 of x is damaged", path=tmp_path)

    sampler.batch = fail  # type: ignore[method-assign]
    with pytest.raises(InputError, match="frame 3 of x is damaged"):
        next(feed(sampler, 0, 2))


def curve(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "curve.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def left_alone(material: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, float]]:
    """The curve of six steps that nothing disturbed."""
    folder = tmp_path_factory.mktemp("left_alone")
    run = TrainingRun(config(), folder / "run", material, material / "val", folder / "cache")
    run.train(log_every=1, validate_every=6)
    return curve(folder / "run")


def test_a_stopped_run_goes_on_exactly(
    material: Path, tmp_path: Path, left_alone: list[dict[str, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asleep, clock = [0.0], time.monotonic
    monkeypatch.setattr("frame_booster.training.run.time.monotonic", lambda: clock() + asleep[0])

    def run(name: str, stop_after: int | None = None) -> TrainingRun:
        training = TrainingRun(config(), tmp_path / name, material, material / "val", tmp_path / "cache")
        if stop_after is not None:
            train_on = training._train_on

            def counted(batch: Any) -> Any:
                training.stopping = training.step + 1 >= stop_after
                asleep[0] += 3600.0
                return train_on(batch)

            training._train_on = counted  # type: ignore[method-assign]
        training.train(log_every=1, validate_every=6)
        return training

    assert run("stopped", stop_after=3).step == 3
    again = run("stopped")
    assert again.step == 6
    assert again.hours < 1.0, "three hours in which nothing was done do not count"
    whole, stopped = left_alone, curve(tmp_path / "stopped")
    assert [record["step"] for record in stopped] == [1, 2, 3, 4, 5, 6]
    for key in ("loss", "flow", "rate"):
        np.testing.assert_allclose([r[key] for r in stopped], [r[key] for r in whole], rtol=2e-3, atol=2e-4)
    facts = publish(
        tmp_path / "stopped" / "best.safetensors",
        tmp_path / "out.safetensors",
        material / "val",
        {"training_data": "a test", "licence": "MIT"},
    )
    assert facts == read_metadata(tmp_path / "out.safetensors")
    assert (facts["steps"], facts["samples"], facts["training_data"]) == ("6", "12", "a test")


def test_a_run_on_records_tells_tensorboard_what_it_does(tmp_path: Path) -> None:
    videos = tmp_path / "videos"
    videos.mkdir()
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        make_video(videos / name, pts=range(12), size=(96, 80))
    share = next(s / 100 for s in range(1, 100) if in_validation("a.mp4", s / 100) or in_validation("b.mp4", s / 100))
    build(videos, tmp_path / "data", DatasetOptions(short_side=64, validation=share), quiet=True)
    data = tmp_path / "data"
    run = TrainingRun(config(), tmp_path / "run", data / "train", data / "val", tmp_path / "cache")
    run.train(log_every=4, validate_every=4, board=True)
    told = [(record["step"], "val_psnr" in record) for record in curve(tmp_path / "run")]
    assert told == [(4, True), (6, True)], "the last step is measured wherever it falls"
    tags: set[str] = set()
    for file in (tmp_path / "run" / "tensorboard").glob("events*"):
        for record in tf.data.TFRecordDataset(str(file)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            tags |= {value.tag for value in event.summary.value}
    assert {"loss", "choice", "rate", "samples_per_s", "validation/psnr", "validation/ssim"} <= tags
    assert sum("/flow " in tag for tag in tags) >= 2
    assert next(run.folder.glob("best.safetensors")).exists()


SHARED_BATCH = """
import json
import numpy as np, tensorflow as tf
[cpu] = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration() for _ in range(2)])
from frame_booster.errors import InputError
from frame_booster.network.layers import Convolution, Stage, named_weights
from frame_booster.network.prediction import Prediction
from frame_booster.training.sampling import Batch
from frame_booster.training.step import TrainStep, make_optimizer, strategy_of
from tests.test_training import config

class Small(Stage):
    def __init__(self):
        super().__init__("small")
        self.one, self.two = Convolution(6, 8, name="one"), Convolution(8, 3, slope=None, name="two")
    def parts(self):
        return [self.one, self.two]
    def call(self, first, second, t):
        made = 0.5 * (first + second) + self.two(self.one(tf.concat([first, second], -1)))
        return Prediction(frame=made, unclipped=made, flows=[(made[..., :2], made[..., 1:])])

curves = {}
for optimizer in ("muon", "adamw", "nadam"):
    for devices in ("cpu", "cpu:0,cpu:1"):
        tf.keras.utils.set_random_seed(1)
        strategy, rng, settings = strategy_of(devices), np.random.default_rng(1), config(optimizer=optimizer)
        settings.phases[0].__dict__["choice_weight"] = (0.0, 0.0)
        with strategy.scope():
            network = Small()
            variables = [variable for _, variable in named_weights(network)]
            made = make_optimizer(settings)
            made.build(variables)
        try:
            step = TrainStep(network, variables, made, settings, strategy)
        except InputError as error:
            curves[optimizer + devices] = str(error)
            continue
        frames = rng.integers(0, 255, (6, 4, 3, 32, 32, 3)).astype(np.uint8)
        flows = rng.normal(size=(4, 32, 32, 4)).astype(np.float32)
        batches = [Batch(frames[k], np.full(4, 0.5, np.float32), flows) for k in range(6)]
        curves[optimizer + devices] = [step(k, batch).tolist() for k, batch in enumerate(batches)]
print(json.dumps(curves))
"""


def test_two_devices_share_a_batch_and_learn_what_one_does() -> None:
    command = [sys.executable, "-c", SHARED_BATCH]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=300)
    curves = json.loads(done.stdout.splitlines()[-1])
    for optimizer in ("muon", "adamw"):
        one, two = (np.array(curves[optimizer + devices]) for devices in ("cpu", "cpu:0,cpu:1"))
        assert one[-1, 0] < one[0, 0], "it learns"
        np.testing.assert_allclose(two, one, rtol=1e-3)
    assert "one device only" in curves["nadamcpu:0,cpu:1"]


KILLED = """
import sys
from pathlib import Path
from frame_booster.training.run import TrainingRun
from tests.test_training import config
material, folder, cache = map(Path, sys.argv[1:])
TrainingRun(config(), folder, material, material / "val", cache).train(log_every=1, validate_every=6, save_every_s=0.0)
"""


def test_a_killed_run_goes_on_as_one_left_alone(
    material: Path, tmp_path: Path, left_alone: list[dict[str, float]]
) -> None:
    def command(name: str) -> list[str]:
        return [sys.executable, "-c", KILLED, str(material), str(tmp_path / name), str(tmp_path / "cache")]

    with subprocess.Popen(command("killed"), stderr=subprocess.PIPE, text=True, cwd=ROOT) as victim:
        assert victim.stderr is not None
        for line in victim.stderr:
            if line.startswith("step 3"):
                victim.kill()
                break
    assert victim.returncode == -signal.SIGKILL
    assert len(curve(tmp_path / "killed")) < 6
    subprocess.run(command("killed"), cwd=ROOT, check=True, capture_output=True, timeout=300)
    whole = {record["step"]: record for record in left_alone}
    # What was done after the last checkpoint is done again, and stands in the curve twice.
    killed = {record["step"]: record for record in curve(tmp_path / "killed")}
    assert sorted(killed) == sorted(whole) == [1, 2, 3, 4, 5, 6]
    for key in ("loss", "flow", "rate"):
        np.testing.assert_allclose(
            [killed[k][key] for k in whole], [whole[k][key] for k in whole], rtol=2e-3, atol=2e-4
        )


@pytest.mark.parametrize("shape", [(27, 16), (16, 40), (9, 1)])
def test_muon_moves_all_directions_alike(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    # Directions that differ in strength by a factor of 1000.
    matrix = rng.normal(size=shape) * np.geomspace(1.0, 1e-3, shape[1])
    made = orthogonalised(tf.constant(matrix, tf.float32)).numpy()
    values = np.linalg.svd(made, compute_uv=False)
    assert values.max() < 1.3
    assert np.median(values) > 0.6
    assert np.sum(made * matrix) > 0


def test_muon_finds_the_weights_of_a_convolution() -> None:
    rng = np.random.default_rng(2)
    x = tf.constant(rng.normal(size=(4, 12, 12, 3)), tf.float32)
    truth = tf.constant(rng.normal(size=(3, 3, 3, 5)) * 0.3, tf.float32)
    kernel, bias = tf.Variable(tf.zeros([3, 3, 3, 5])), tf.Variable(tf.zeros([5]))
    optimizer = Muon(weight_decay=0.0, clipnorm=10.0)
    optimizer.build([kernel, bias])
    losses = []
    for step in range(150):
        optimizer.learning_rate.assign(0.05 * (1 - step / 150))
        with tf.GradientTape() as tape:
            made = tf.nn.conv2d(x, kernel, 1, "SAME") + bias
            loss = tf.reduce_mean(tf.square(made - tf.nn.conv2d(x, truth, 1, "SAME") - 0.5))
        optimizer.apply_gradients(zip(tape.gradient(loss, [kernel, bias]), [kernel, bias], strict=True))
        losses.append(float(loss))
    assert losses[-1] < losses[0] / 100


def test_learning_rate_warms_up_and_falls() -> None:
    rates = [learning_rate(config(), step) for step in range(6)]
    assert rates[0] < rates[1]
    assert rates[1:] == sorted(rates[1:], reverse=True)
    assert rates[-1] == pytest.approx(1e-4)


@pytest.mark.parametrize("path", sorted((ROOT / "examples" / "training").glob("*.toml")), ids=lambda p: p.stem)
def test_committed_configurations_are_read(path: Path) -> None:
    assert load_config(path).steps > 0


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "at least one"), ("x = 1", "unknown key: x"), ("= 1", "not a TOML"), ("[[phases]]\nsteps = 1", "incomplete")],
)
def test_configurations_that_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "run.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        load_config(path)


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_frozen_weights_stay_as_they_are_and_a_stopped_run_goes_on(
    material: Path, tmp_path: Path, optimizer: str
) -> None:
    settings = config(optimizer=optimizer, frozen=("encoder", "judgement", "selection.conv"))
    for steps in (2, 3):
        run = TrainingRun(settings, tmp_path / "run", material, material / "val", tmp_path / "cache")
        before = [variable.numpy() for variable in run.variables]
        while run.step < steps:
            run._train_on(run.sampler.batch(run.step))
        changed = {
            name
            for name, old, new in zip(run.names, before, run.variables, strict=True)
            if not np.array_equal(old, new.numpy())
        }
        assert {name.split(".")[0] for name in changed} == {"selection", "fusion"}
        assert not any(name.startswith("selection.conv") for name in changed)
        run.save_checkpoint()


def test_a_run_towards_even_motion_is_judged_by_it(material: Path, tmp_path: Path) -> None:
    runs = [
        TrainingRun(config(even=even), tmp_path / str(even), material, material / "val", tmp_path / "cache")
        for even in (False, True)
    ]
    losses = []
    for run in runs:
        figures = run._train_on(run.sampler.batch(0))
        losses.append(figures[0])
    assert losses[0] != losses[1], "the same batch, another truth"
    usual, even = (run.validate() for run in runs)
    assert set(even) == {*usual, "val_even_psnr"}
    assert (runs[0].best, runs[1].best) == (usual["val_psnr"], even["val_even_psnr"])


def test_motion_of_a_step_is_looked_for_at_the_scale_that_is_drawn_for_it(material: Path, tmp_path: Path) -> None:
    phases = [
        replace(config().phases[0], steps=40, height=64, width=64, flow_downscale=h) for h in ((0,), (1,), (0, 1))
    ]
    runs = [
        TrainingRun(config(phases=(phase,)), tmp_path / str(k), material, material / "val", tmp_path / "cache")
        for k, phase in enumerate(phases)
    ]
    drawn = [runs[2].config.flow_downscale_at(step) for step in range(40)]
    assert {*drawn} == {0, 1}
    batch = runs[0].sampler.batch(0)
    full, halved, mixed = (run._train_on(batch)[0] for run in runs)
    assert full != halved
    np.testing.assert_allclose(mixed, halved if drawn[0] else full, rtol=1e-5)


@pytest.mark.parametrize(("frozen", "message"), [(("decoder",), "decoder"), (("",), "nothing to train")])
def test_what_cannot_be_frozen_is_refused(
    material: Path, tmp_path: Path, frozen: tuple[str, ...], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        TrainingRun(config(frozen=frozen), tmp_path / "run", material, material / "val", tmp_path / "cache")


def test_metrics_are_those_of_tensorflow() -> None:
    rng = np.random.default_rng(2)
    a, b = (rng.integers(0, 256, (24, 24, 3)).astype(np.uint8) for _ in range(2))
    mse = np.mean((a.astype(float) - b) ** 2)
    assert metrics.psnr(a, b) == pytest.approx(10 * np.log10(255**2 / mse), abs=1e-3)
    assert metrics.ssim(a, a) == pytest.approx(1.0)


def test_evaluation_sorts_by_motion() -> None:
    def triplet(motion: float, step: float) -> Triplet:
        frames = [(picture(k * step, 64, 48) * 255).astype(np.uint8) for k in range(3)]
        return Triplet("x", motion, frames[0], frames[1], frames[2])

    methods = {"repetition": evaluation.repetition, "blending": evaluation.blending, "flow": evaluation.optical_flow}
    scores = evaluation.evaluate([triplet(1.0, 0.6), triplet(7.0, 3.0)], methods)
    found = {(score.method, score.bucket): score for score in scores}
    assert {bucket for _, bucket in found} == {"all", "0-2 px", "5-10 px"}
    assert found["repetition", "0-2 px"].psnr > found["repetition", "5-10 px"].psnr
    assert found["flow", "all"].psnr > found["blending", "all"].psnr > found["repetition", "all"].psnr
    assert "blending" in evaluation.table(scores)
    assert len(json.loads(evaluation.as_json(scores))) == len(scores)
    with pytest.raises(InputError, match="no triplets"):
        evaluation.evaluate([], methods)


def test_blending_has_its_known_figures(triplets: Path) -> None:
    """21.11 dB / .504 at 448x256, measured by others with other code."""
    scores = evaluation.evaluate(read_triplets(triplets), {"blending": evaluation.blending})
    assert scores[0].triplets == 40
    assert scores[0].psnr == pytest.approx(21.11, abs=0.02)
    assert scores[0].ssim == pytest.approx(0.504, abs=0.002)


def test_shipped_networks_beat_blending(triplets: Path) -> None:
    from frame_booster.engine.model import shipped_weights

    some = list(read_triplets(triplets, size=(256, 144)))[::5]
    methods = {name: evaluation.network_method(shipped_weights(name)) for name in ("fbnet", "fbnet-r")}
    methods["blending"] = evaluation.blending
    scores = {score.method: score.psnr for score in evaluation.evaluate(some, methods) if score.bucket == "all"}
    assert scores["fbnet"] > scores["blending"] + 0.5
    assert scores["fbnet-r"] > scores["fbnet"]


def test_an_evaluation_is_written_as_pictures_page_and_csv(tmp_path: Path, material: Path) -> None:
    from frame_booster.training import panels

    methods = {"repetition": evaluation.repetition, "blending": evaluation.blending}
    pictures = {}

    def seen(triplet: Triplet, made: dict[str, np.ndarray]) -> None:
        pictures[triplet.name] = panels.side_by_side(triplet, made)
        assert panels.six_panels(triplet, made["blending"]).shape == (2 * (144 + 18), 3 * 256, 3)

    cases = evaluation.measure(read_triplets(material / "val"), methods, seen)
    scores = evaluation.summarise(cases)
    assert scores == evaluation.evaluate(read_triplets(material / "val"), methods)
    [blending] = [case for case in cases if case.method == "blending"]
    assert blending.psnr == pytest.approx(20 * np.log10(255 / blending.ie), abs=1e-3)
    assert evaluation.as_csv(cases).splitlines()[0] == "method,triplet,motion,psnr,ssim,ie"
    text = panels.page(scores, cases, pictures, "blending")
    assert text.count("<img") == 2, "the one case is worst and best"
    assert "http" not in text
    panels.write_png(tmp_path / "deep" / "a.png", pictures["scene_123"])
    assert cv2.imread(str(tmp_path / "deep" / "a.png")).shape == pictures["scene_123"].shape


def test_flows_are_drawn_as_colours() -> None:
    from frame_booster.training.flow_picture import colour_wheel, flow_picture

    flow = np.zeros((4, 4, 2), np.float32)
    flow[0, :, 1], flow[1, :, 1], flow[2, :, 0] = 10.0, -10.0, 10.0
    drawn = flow_picture(flow, longest=10.0)
    assert (drawn[3] == 255).all(), "white where nothing moves"
    assert len({tuple(drawn[row, 0]) for row in range(4)}) == 4
    half = flow_picture(flow / 2, longest=10.0)
    assert half[0, 0].min() > drawn[0, 0].min(), "paler where it moves less"
    wheel = colour_wheel(33)
    assert wheel.shape == (33, 33, 3)
    assert np.abs(wheel[16, 32].astype(int) - drawn[0, 0]).max() < 24, "to the right, as a flow to the right"


def test_flow_panels_show_every_level(material: Path) -> None:
    from frame_booster.training.panels import flow_panels

    [triplet] = read_triplets(material / "val", size=(250, 140))
    for name, levels in (("fbnet", 4), ("fbnet-r", 2)):
        drawn = flow_panels(load_model(name, precision="float32").model.network, triplet)
        assert drawn.shape == (levels * (140 + 18), 3 * 250, 3)


def test_how_far_a_network_sees_and_follows_is_measured() -> None:
    from frame_booster.training import reach

    class Still:
        """Sees nothing but the pixel itself."""

        def interpolate(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
            return (first // 2 + second // 2) if first.dtype == np.uint8 else (first + second) / 2

    class Around(Still):
        """Sees the mean of 21 px each way."""

        def interpolate(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
            return np.asarray(cv2.blur(super().interpolate(first, second), (43, 43)))

    assert reach.receptive_radius(Still(), 256) <= 8  # type: ignore[arg-type]
    assert 20 <= reach.receptive_radius(Around(), 256) <= 26  # type: ignore[arg-type]
    assert reach.largest_motion(Still(), 96, 128) == 0  # type: ignore[arg-type]
    assert reach.largest_motion(load_model("fbnet-r"), 128, 192) >= 16
    assert (reach.peak_memory() or 1 << 30) > 100 << 20


def test_edges_that_shift_are_drawn_where_the_truth_has_them() -> None:
    from frame_booster.training.panels import edge_shift

    truth, predicted = np.zeros((32, 32, 3), np.uint8), np.zeros((32, 32, 3), np.uint8)
    truth[:, 16:], predicted[:, 20:] = 255, 255
    red = np.argwhere((edge_shift(predicted, truth) == (255, 0, 0)).all(-1))
    assert len(red) > 20
    assert set(red[:, 1]) <= {15, 16}


def test_curves_are_drawn_and_broken_lines_passed_over(tmp_path: Path) -> None:
    from frame_booster.training.plot import plot_curves, read_curve

    run = tmp_path / "run"
    run.mkdir()
    lines = [json.dumps({"step": 50 * k, "hours": k / 10, "loss": 1 / k, "psnr": 20 + k}) for k in range(1, 5)]
    lines[-1] = json.dumps({**json.loads(lines[-1]), "val_psnr": 25.0})
    (run / "curve.jsonl").write_text("\n".join([*lines, '{"step": 2']))
    assert len(read_curve(run)) == 4
    plot_curves([run], tmp_path / "curve.png", against="hours")
    assert cv2.imread(str(tmp_path / "curve.png")).shape == (400, 1500, 3)
    (run / "curve.jsonl").write_text("\n".join([*lines, '{"step": 250, "val_even_psnr": 26.0, "matching": 0.0}']))
    plot_curves([run], tmp_path / "curve.png")
    assert cv2.imread(str(tmp_path / "curve.png")).shape == (400, 2000, 3), "one more panel for the evened truth"
    with pytest.raises(InputError, match="cannot be read"):
        read_curve(tmp_path / "nothing")
    with pytest.raises(InputError, match="cannot be written"):
        plot_curves([run], tmp_path / "curve.nonsense")


@pytest.mark.parametrize("name", ["fbnet", "fbnet-r"])
def test_an_exported_network_makes_the_same_frames_at_any_size(tmp_path: Path, name: str) -> None:
    from frame_booster.engine.model import shipped_weights
    from frame_booster.errors import OutputError
    from frame_booster.training.export import export

    export(shipped_weights(name), tmp_path / "model")
    run = tf.saved_model.load(str(tmp_path / "model")).signatures["serving_default"]
    mine = load_model(name, precision="float32")
    first, second = (picture(k, 70, 50).astype(np.float32) for k in (0, 2))
    made = run(frame0=first[None], frame1=second[None], t=tf.constant([0.5]))["frame"].numpy()[0]
    np.testing.assert_allclose(made, mine.interpolate(first, second), atol=2e-4)
    with pytest.raises(OutputError, match="exists already"):
        export(shipped_weights(name), tmp_path / "model")


@pytest.mark.parametrize("name", ["fbnet", "fbnet-r"])
def test_an_onnx_file_makes_the_same_frames_at_any_size(tmp_path: Path, name: str) -> None:
    if name == "fbnet-r" and not os.environ.get("FRAME_BOOSTER_SLOW"):
        pytest.skip("the conversion takes minutes: set FRAME_BOOSTER_SLOW=1")
    runtime = pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")
    pytest.importorskip("tf2onnx", reason="the extra `onnx` is not installed")
    from frame_booster.engine.model import shipped_weights
    from frame_booster.training.export import export_onnx

    path = tmp_path / "model.onnx"
    export_onnx(shipped_weights(name), path)
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    mine = load_model(name, precision="float32")
    for width, height in ((70, 50), (96, 64)):
        first, second = (picture(k, width, height).astype(np.float32) for k in (0, 2))
        inputs = {"frame0": first[None], "frame1": second[None], "t": np.array([0.5], np.float32)}
        [made] = session.run(["frame"], inputs)
        np.testing.assert_allclose(made[0], mine.interpolate(first, second), atol=2e-4)

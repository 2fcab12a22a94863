"""Losses, samples, and a run that is stopped and goes on as if it had not been."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
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
from frame_booster.training.losses import LOSSES, choice_error, flow_supervision, published  # noqa: E402
from frame_booster.training.muon import Muon, orthogonalised  # noqa: E402
from frame_booster.training.publish import publish  # noqa: E402
from frame_booster.training.run import TrainingRun, learning_rate  # noqa: E402
from frame_booster.training.sampling import Sampler, flow_labels  # noqa: E402
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
    values: dict[str, Any] = {"network": "fbnet-r", "loss": "charbonnier", "phases": (phase,), "precision": "float32"}
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


def curve(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "curve.jsonl").read_text().splitlines()]


def test_a_stopped_run_goes_on_exactly(material: Path, tmp_path: Path) -> None:
    def run(name: str, stop_after: int | None = None) -> TrainingRun:
        training = TrainingRun(config(), tmp_path / name, material, material / "val", tmp_path / "cache")
        if stop_after is not None:
            train_on = training._train_on

            def counted(batch: Any) -> Any:
                training.stopping = training.step + 1 >= stop_after
                return train_on(batch)

            training._train_on = counted  # type: ignore[method-assign]
        training.train(log_every=1, validate_every=6)
        return training

    run("whole")
    assert run("stopped", stop_after=3).step == 3
    again = run("stopped")
    assert again.step == 6
    whole, stopped = curve(tmp_path / "whole"), curve(tmp_path / "stopped")
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


KILLED = """
import sys
from pathlib import Path
from frame_booster.training.run import TrainingRun
from tests.test_training import config
material, folder, cache = map(Path, sys.argv[1:])
TrainingRun(config(), folder, material, material / "val", cache).train(log_every=1, validate_every=6, save_every_s=0.0)
"""


def test_a_killed_run_goes_on_as_one_left_alone(material: Path, tmp_path: Path) -> None:
    def command(name: str) -> list[str]:
        return [sys.executable, "-c", KILLED, str(material), str(tmp_path / name), str(tmp_path / "cache")]

    subprocess.run(command("whole"), cwd=ROOT, check=True, capture_output=True, timeout=300)
    with subprocess.Popen(command("killed"), stderr=subprocess.PIPE, text=True, cwd=ROOT) as victim:
        assert victim.stderr is not None
        for line in victim.stderr:
            if line.startswith("step 3"):
                victim.kill()
                break
    assert victim.returncode == -signal.SIGKILL
    assert len(curve(tmp_path / "killed")) < 6
    subprocess.run(command("killed"), cwd=ROOT, check=True, capture_output=True, timeout=300)
    whole = {record["step"]: record for record in curve(tmp_path / "whole")}
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
    assert cv2.imread(str(tmp_path / "curve.png")).shape[2] == 3
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

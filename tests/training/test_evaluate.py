"""Quality figures, and networks measured beside doing without one."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import save_file

from frame_booster.cli.fbnet import main as fbnet
from frame_booster.cli.fbnet.evaluate import _names
from frame_booster.engine.model import shipped_weights
from frame_booster.errors import InputError
from frame_booster.network.compiling import plain_operations
from frame_booster.network.presets import PRESETS
from frame_booster.training.data.triplets import Triplet, read_triplets
from frame_booster.training.evaluation import evaluate as evaluation
from frame_booster.training.evaluation import methods as ways
from frame_booster.training.evaluation import metrics, tables
from frame_booster.training.evaluation.inspect import stage_costs
from frame_booster.training.perceptual import weights as perceptual_weights
from frame_booster.training.perceptual.backbones import weight_shapes
from frame_booster.training.perceptual.st_lpips import StLpips
from tests.conftest import picture
from tests.training.st_lpips_formula import drawn_weights


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

    methods = {"repetition": ways.repetition, "blending": ways.blending, "flow": ways.optical_flow}
    scores = evaluation.evaluate([triplet(1.0, 0.6), triplet(7.0, 3.0)], methods)
    found = {(score.method, score.bucket): score for score in scores}
    assert {bucket for _, bucket in found} == {"all", "0-2 px", "5-10 px"}
    assert found["repetition", "0-2 px"].psnr > found["repetition", "5-10 px"].psnr
    assert found["flow", "all"].psnr > found["blending", "all"].psnr > found["repetition", "all"].psnr
    assert "blending" in tables.table(scores)
    assert len(json.loads(tables.as_json(scores))) == len(scores)
    with pytest.raises(InputError, match="no triplets"):
        evaluation.evaluate([], methods)


def test_blending_has_its_known_figures(triplets: Path) -> None:
    """21.11 dB / .504 at 448x256, measured by others with other code."""
    scores = evaluation.evaluate(read_triplets(triplets), {"blending": ways.blending})
    assert scores[0].triplets == 40
    assert scores[0].psnr == pytest.approx(21.11, abs=0.02)
    assert scores[0].ssim == pytest.approx(0.504, abs=0.002)


def test_shipped_networks_beat_blending(triplets: Path) -> None:
    some = list(read_triplets(triplets, size=(256, 144)))[::5]
    methods = {name: ways.network_method(shipped_weights(name)) for name in ("fbnet", "fbnet-r")}
    methods["blending"] = ways.blending
    scores = {score.method: score.psnr for score in evaluation.evaluate(some, methods) if score.bucket == "all"}
    assert scores["fbnet"] > scores["blending"] + 0.5
    assert scores["fbnet-r"] > scores["fbnet"]


def test_st_lpips_is_measured_beside_the_others() -> None:
    frames = [(picture(2.0 * k, 64, 48) * 255).astype(np.uint8) for k in range(3)]
    triplet = Triplet("x", 3.2, frames[0], frames[1], frames[2])
    metric = StLpips("alexnet", drawn_weights(weight_shapes("alexnet")))
    methods = {"truth": lambda first, second: frames[1], "blending": ways.blending}
    made = ways.blending(frames[0], frames[2])
    with plain_operations():
        truth, blending = evaluation.measure([triplet], methods, perceptual=metric)
        alone = metric(*(frame[None].astype(np.float32) / 255 for frame in (made, frames[1])))
    assert truth.st_lpips == 0.0
    assert blending.st_lpips == pytest.approx(1000 * float(alone[0]), rel=1e-4)
    score = evaluation.summarise([truth, blending])[0]
    assert (score.st_lpips, score.ssim) == (0.0, pytest.approx(1.0))


class Stub:
    """Stands for a network: shows the first frame a little darker."""

    @staticmethod
    def interpolate(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return np.asarray(first * 0.9, np.uint8)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., tuple[int, str, str]]:
    """Runs `fbnet evaluate` in this process, with stubs for networks and nothing in the cache."""
    monkeypatch.setenv("FRAME_BOOSTER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(ways, "interpolator_of", lambda weights, precision: Stub)
    monkeypatch.setattr(perceptual_weights, "_installed", lambda backbone: None)

    @contextmanager
    def plainly(**_: object) -> Iterator[None]:
        yield

    # Not to take over this process's standard streams and signals.
    monkeypatch.setattr(sys.modules["frame_booster.cli.fbnet.evaluate"], "reported", plainly)

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        done = CliRunner().invoke(fbnet, ["evaluate", *map(str, arguments)])
        raised = "" if isinstance(done.exception, SystemExit) else done.exception or ""
        return done.exit_code, done.stdout, f"{done.stderr}{raised}"

    return run


def test_the_command_measures_several_sets_beside_all_networks(
    command: Callable[..., tuple[int, str, str]], material: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.symlink_to(material / "val")
    sets = ("--triplets", material / "val", "--triplets", other)
    csv_file, html_file = tmp_path / "a.csv", tmp_path / "a.html"
    code, out, err = command("mine.safetensors", *sets, "--csv", csv_file, "--html", html_file, "--json")
    assert code == 0, err
    assert err.startswith("ST-LPIPS is left out")
    assert 'pip install "frame-booster[perceptual]"' in err
    scores = json.loads(out)
    methods = ["repetition", "blending", "DIS flow", *reversed(PRESETS), "mine.safetensors"]
    assert [s["method"] for s in scores if (s["set"], s["bucket"]) == ("val", "all")] == methods
    assert {s["set"] for s in scores} == {"val", "other"}
    assert {s["st_lpips"] for s in scores} == {None}
    lines = csv_file.read_text().splitlines()
    assert lines[0] == "set,method,triplet,motion,psnr,ssim,ie,st_lpips"
    assert len(lines) == 1 + 2 * len(methods)
    assert "worst triplets of mine.safetensors, by PSNR" in html_file.read_text()


def test_the_command_measures_as_it_is_asked_to(
    command: Callable[..., tuple[int, str, str]], material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, moved, loaded = [], [], []

    def reading(folder: Path, **options: Any) -> Iterator[Triplet]:
        read.append(options)
        return read_triplets(folder, **options)

    def interpolator_of(weights: Path, precision: str) -> SimpleNamespace:
        loaded.append((str(weights), precision))
        return SimpleNamespace(interpolate=Stub.interpolate, model=SimpleNamespace(network=None))

    def even(triplet: Triplet) -> Triplet:
        moved.append(triplet.name)
        return triplet

    monkeypatch.setattr("frame_booster.training.data.triplets.read_triplets", reading)
    monkeypatch.setattr("frame_booster.training.data.linear_motion.triplet_with_linear_motion", even)
    monkeypatch.setattr(ways, "interpolator_of", interpolator_of)
    monkeypatch.setattr(
        "frame_booster.training.evaluation.figures.flow_panels", lambda network, triplet: np.zeros((8, 8, 3), np.uint8)
    )
    known = ("mine.safetensors", "--only", "--triplets", material / "val", "--no-st-lpips")
    assert command(*known)[0] == 0
    assert (read, moved, loaded) == ([{"size": None, "every": False}], [], [("mine.safetensors", "auto")])
    more = ("--size", "32x24", "--every", "--even", "--precision", "float32", "--panels", tmp_path / "panels")
    code, _, err = command(*known, *more)
    assert (code, err) == (0, "")
    assert (read[1], loaded[1]) == ({"size": (32, 24), "every": True}, ("mine.safetensors", "float32"))
    assert len(moved) >= 1
    names = [path.name for path in (tmp_path / "panels").iterdir()]
    assert len(names) == 2 * len(moved)
    assert sum(name.endswith(".flow.png") for name in names) == len(moved)


def test_sets_of_one_name_are_told_apart() -> None:
    folders = (Path("a/val"), Path("b/val"), Path("c/other"))
    assert _names(folders) == {str(folders[0]): folders[0], str(folders[1]): folders[1], "other": folders[2]}


def test_the_command_shows_st_lpips_where_there_is_some(
    command: Callable[..., tuple[int, str, str]], material: Path
) -> None:
    code, _, err = command("mine.safetensors", "--only", "--triplets", material / "val", "--st-lpips")
    assert code != 0
    assert 'pip install "frame-booster[perceptual]"' in err, "asked for by name it must not be left out"
    kept = perceptual_weights.cached_file("alexnet")
    kept.parent.mkdir()
    save_file(drawn_weights(weight_shapes("alexnet")), kept)
    code, out, err = command("mine.safetensors", "--only", "--triplets", material / "val")
    assert (code, err) == (0, "")
    heading, _, name, buckets, *rows = out.splitlines()
    assert heading == "PSNR dB / SSIM / ST-LPIPS x1000"
    assert name == "val"
    assert buckets.split() == ["all", "(1)", "2-5", "px", "(1)"]
    assert [row.split()[0] for row in rows] == ["blending", "mine.safetensors"]
    assert all(re.fullmatch(r"\S+( +\d+\.\d\d / 0\.\d{4} / \d+\.\d){2}", row) for row in rows)
    code, out, err = command("mine.safetensors", "--only", "--triplets", material / "val", "--no-st-lpips")
    assert (code, err, out.splitlines()[0]) == (0, "", "PSNR dB / SSIM")
    code, _, err = command("--only", "--triplets", material / "val")
    assert (code, err) == (2, "fbnet: --only needs WEIGHTS to measure\n")


def test_costs_of_any_size_are_those_of_the_padded_frame() -> None:
    assert stage_costs("fbnet-2", 250, 500) == stage_costs("fbnet-2", 256, 512)

"""Pictures of an evaluation, of optical flow and of training curves."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from frame_booster.engine.interpolator import load_model
from frame_booster.errors import InputError
from frame_booster.training.data.triplets import read_triplets
from frame_booster.training.evaluation import figures
from frame_booster.training.evaluation.flow_picture import colour_wheel, flow_picture
from frame_booster.training.evaluation.methods import blending
from frame_booster.training.evaluation.plot import plot_curves, read_curve


def test_six_panels_are_written(tmp_path: Path, material: Path) -> None:
    [triplet] = read_triplets(material / "val")
    panels = figures.six_panels(triplet, blending(triplet.frame0, triplet.frame1))
    assert panels.shape == (2 * (144 + 18), 3 * 256, 3)
    figures.write_png(tmp_path / "deep" / "a.png", panels)
    assert cv2.imread(str(tmp_path / "deep" / "a.png")).shape == panels.shape


def test_flows_are_drawn_as_colours() -> None:
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
    [triplet] = read_triplets(material / "val", size=(250, 140))
    for name, levels in (("fbnet", 4), ("fbnet-r", 2)):
        drawn = figures.flow_panels(load_model(name, precision="float32", engine="tensorflow").model.network, triplet)
        assert drawn.shape == (levels * (140 + 18), 3 * 250, 3)


def test_edges_that_shift_are_drawn_where_the_truth_has_them() -> None:
    truth, predicted = np.zeros((32, 32, 3), np.uint8), np.zeros((32, 32, 3), np.uint8)
    truth[:, 16:], predicted[:, 20:] = 255, 255
    red = np.argwhere((figures.edge_shift(predicted, truth) == (255, 0, 0)).all(-1))
    assert len(red) > 20
    assert set(red[:, 1]) <= {15, 16}


def test_curves_are_drawn_and_broken_lines_passed_over(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    lines = [json.dumps({"step": 50 * k, "hours": k / 10, "loss": 1 / k, "psnr": 20 + k}) for k in range(1, 5)]
    lines[-1] = json.dumps({**json.loads(lines[-1]), "val_psnr": 25.0})
    (run / "curve.jsonl").write_bytes("\n".join([*lines, '"half"', "{}", '{"step": 2']).encode() + b"\xff")
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


def test_names_of_files_lead_to_no_other_folder() -> None:
    assert figures.file_name("val", "scene/0001") == "val_scene_0001"
    assert figures.file_name("", "a") == "a"
    for parts in (("/data/val", "../a"), ("C:\\data", "b"), ("../x", "c:d")):
        assert not set(figures.file_name(*parts)) & set("/\\:")


def test_steps_that_a_killed_run_repeated_stand_once_in_its_curve(tmp_path: Path) -> None:
    lines = [json.dumps({"step": step, "loss": loss}) for step, loss in ((1, 5), (2, 4), (3, 3), (2, 4.5), (4, 2))]
    (tmp_path / "curve.jsonl").write_text("\n".join(lines))
    assert [(r["step"], r["loss"]) for r in read_curve(tmp_path)] == [(1, 5), (2, 4.5), (4, 2)]

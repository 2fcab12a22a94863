"""Data and runs that training tests share; without the extra `train` none of them is collected."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.conftest import make_video, picture

if TYPE_CHECKING:
    from frame_booster.training.loop.run import TrainingRun

collect_ignore_glob = [] if find_spec("cv2") else ["test_*.py"]


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips with their manifest, and one validation triplet."""
    import cv2

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


@pytest.fixture
def small(material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., TrainingRun]:
    """Opens a run of `Small`, in a folder of a name."""
    from frame_booster.training.loop.run import TrainingRun
    from tests.training.runs import Small, simple_config

    monkeypatch.setattr(Small, "network_name", "small", raising=False)
    monkeypatch.setattr("frame_booster.training.loop.run_state.create_network", lambda name, precision: Small())

    def opened(name: str, **changes: Any) -> TrainingRun:
        return TrainingRun(simple_config(**changes), tmp_path / name, material, material / "val", tmp_path / "cache")

    return opened

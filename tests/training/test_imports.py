"""The folders of `training` import one another one way, with no circle."""

from __future__ import annotations

import pytest

from tests.cli.test_cli import imports
from tests.training.runs import ROOT

ALLOWED: dict[str, set[str]] = {
    "lineage": set(),
    "ranges": set(),
    "config": {"lineage", "ranges"},
    "perceptual": set(),
    "losses": {"perceptual"},
    "data": {"config"},
    "evaluation": {"data", "perceptual"},
    "loop": {"config", "data", "evaluation", "losses"},
    "publishing": {"data", "evaluation"},
}


def test_every_room_of_training_is_listed() -> None:
    folder = ROOT / "frame_booster" / "training"
    rooms = {path.stem for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert rooms - {"__init__"} == set(ALLOWED)


@pytest.mark.parametrize("room", ALLOWED)
def test_imports_go_one_way(room: str) -> None:
    folder = ROOT / "frame_booster" / "training"
    files = [folder / f"{room}.py"] if (folder / f"{room}.py").exists() else sorted((folder / room).rglob("*.py"))
    assert files
    for path in files:
        names = [name.split(".") for name in imports(path) if name.startswith("frame_booster.training")]
        assert {name[2] for name in names} - {room} <= ALLOWED[room], path

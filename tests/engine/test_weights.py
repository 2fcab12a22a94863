"""Where the weights that ship are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from frame_booster.engine import weights


def test_weights_of_an_installed_package_come_before_those_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site" / "frame_booster"
    monkeypatch.setattr(weights, "__file__", str(package / "engine" / "weights.py"))
    for folder in (tmp_path / "site" / "weights", package / "weights"):
        folder.mkdir(parents=True)
        (folder / "fbnet.safetensors").touch()
        assert weights.shipped_weights("fbnet") == folder.resolve() / "fbnet.safetensors"

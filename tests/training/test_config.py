"""Run configurations: what is read, what is refused, and that the full example is full."""

from __future__ import annotations

import sys
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from frame_booster.errors import InputError
from frame_booster.training.config import load_config
from frame_booster.training.lineage import Start
from tests.training.runs import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

EXAMPLES, RECIPES = ROOT / "examples" / "training", ROOT / "weights" / "recipes"


@pytest.mark.parametrize("path", sorted([*EXAMPLES.glob("*.toml"), *RECIPES.rglob("*.toml")]), ids=lambda p: p.stem)
def test_committed_configurations_are_read(path: Path) -> None:
    assert load_config(path).steps > 0


def test_the_full_example_has_every_key_with_its_default() -> None:
    path = EXAMPLES / "full.toml"
    data, config = tomllib.loads(path.read_text(encoding="utf-8")), load_config(path)
    assert len(config.phases) == 1
    for table, made in ((data, config), (data["phases"][0], config.phases[0])):
        assert list(table.keys() - {field.name for field in fields(made)}) == []
        for field in fields(made):
            assert field.name in table, "every key is shown"
            if field.default is not MISSING:
                assert getattr(made, field.name) == field.default, f"{field.name} stands there as it is without it"
    assert config.start == Start()


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "at least one"), ("x = 1", "unknown key: x"), ("= 1", "not a TOML"), ("[[phases]]\nsteps = 1", "incomplete")],
)
def test_configurations_that_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "run.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        load_config(path)


def test_the_old_name_of_a_key_is_read_with_a_warning(tmp_path: Path) -> None:
    text = (EXAMPLES / "full.toml").read_text(encoding="utf-8").replace("flow_downscale = [0]", "halvings = [0, 1]")
    (tmp_path / "run.toml").write_text(text, encoding="utf-8")
    with pytest.warns(FutureWarning, match="halvings is called flow_downscale now"):
        config = load_config(tmp_path / "run.toml")
    assert config.phases[0].flow_downscale == (0, 1)

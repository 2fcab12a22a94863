"""Run configurations: what is read, what is refused, and that the full example is full."""

from __future__ import annotations

import sys
from dataclasses import MISSING, fields
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from frame_booster.errors import InputError
from frame_booster.training.config import Phase, RunConfig, Windows, load_config
from frame_booster.training.lineage import Start
from frame_booster.training.ranges import RANGES, check_ranges
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
    for table, made in ((data, config), (data["phases"][0], config.phases[0]), (data["windows"], config.windows)):
        assert list(table.keys() - {field.name for field in fields(made)}) == []
        for field in fields(made):
            assert field.name in table, "every key is shown"
            if field.default is not MISSING:
                assert getattr(made, field.name) == field.default, f"{field.name} stands there as it is without it"
    assert config.start == Start()


_REQUIRED = 'network = "fbnet"\nloss = "census"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "missing key: network, loss$"),
        (_REQUIRED, "at least one"),
        ("x = 1", "unknown key: x"),
        ("= 1", "not a TOML"),
        (
            f"{_REQUIRED}[[phases]]\nsteps = 1\nbatch = 2",
            "missing key: phases.height, phases.width, phases.learning_rate$",
        ),
        (f"{_REQUIRED}[[phases]]\nstep = 1", "unknown key: phases.step$"),
    ],
)
def test_configurations_that_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "run.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        load_config(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("steps = 2000", 'steps = "ten"', "phases.steps = 'ten' is not a whole number"),
        ("steps = 2000", "steps = 1.5", "phases.steps = 1.5 is not a whole number"),
        ("batch = 8", "batch = true", "phases.batch = True is not a whole number"),
        ("learning_rate = [5e-4, 1e-5]", "learning_rate = 1e-4", "phases.learning_rate = 0.0001 is not a list"),
        ("learning_rate = [5e-4, 1e-5]", "learning_rate = [1e-4]", "phases.learning_rate has 1 values, not 2"),
        ("strides = [1, 2, 3]", 'strides = [1, "b"]', "phases.strides = 'b' is not a whole number"),
        ("clipnorm = 1.0", 'clipnorm = "1"', "clipnorm = '1' is not a number"),
        ("even = false", "even = 0", "even = 0 is not true or false"),
        ('optimizer = "nadam"', "optimizer = 3", "optimizer = 3 is not a text"),
        ("frozen = []", 'frozen = "coarse"', "frozen = 'coarse' is not a list"),
        ("census = 0.1 }", 'census = "0.1" }', "loss.census = '0.1' is not a number"),
        ("other_t = 0.2", "other_t = []", r"windows.other_t = \[\] is not a number"),
        ("other_t = 0.2", "other = 0.2", "unknown key: windows.other"),
        ('schedule = "cosine"', 'schedule = "sine"', "phases.schedule = 'sine' is not one of cosine, linear"),
        ('sampler = "crops"', 'sampler = "tiles"', "sampler = 'tiles' is not one of crops, windows"),
        ("[[phases]]", "[phases]", "phases is not a list of tables"),
        ("[start]\n", "[start]\nstep = 3\nrecipe = 5\n", "start.recipe = 5 is not a text"),
    ],
)
def test_a_value_of_another_type_names_file_and_key(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "run.toml"
    text = (EXAMPLES / "full.toml").read_text(encoding="utf-8")
    # At the beginning of a line, or within it where it is part of a table.
    place = f"\n{old}" if f"\n{old}" in text else old
    assert place in text
    path.write_text(text.replace(place, place.replace(old, new), 1), encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        load_config(path)
    assert "run.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('precision = "bfloat16"', 'precision = "fp8"'),
        ('optimizer = "nadam"', 'optimizer = "adam"'),
        ("ema = 0.998", "ema = 5.0"),
        ("beta_2 = 0.999", "beta_2 = nan"),
        ("teacher_part = 0.25", "teacher_part = -1.0"),
        ("census_part = 1.0", "census_part = 7.0"),
        ("steps_per_call = 1", "steps_per_call = 0"),
        ("seed = 1", "seed = -1"),
        ("seed = 1", "seed = 4294967296"),
        ("clipnorm = 1.0", "clipnorm = 0.0"),
        ("strides = [1, 2, 3]", "strides = []"),
        ("strides = [1, 2, 3]", "strides = [0]"),
        ("strides = [1, 1, 2, 2, 3, 4]", "strides = []"),
        ("other_t = 0.2", "other_t = 1.5"),
        ("any_timestep = 0.0", "any_timestep = 3.0"),
        ("synthetic = 0.0", "synthetic = 2.0"),
        ("flow_downscale = [0]", "flow_downscale = []"),
        ("flow_downscale = [0]", "flow_downscale = [-3]"),
        ("scale = [1.0, 1.0]", "scale = [0.0, 0.0]"),
        ("scale = [1.0, 1.0]", "scale = [1.0, 0.5]"),
        ("batch = 8", "batch = 0"),
        ("steps = 2000", "steps = 0"),
        ("height = 128", "height = -96"),
        ("learning_rate = [5e-4, 1e-5]", "learning_rate = [nan, inf]"),
        ("census = 0.1 }", "census = -0.1 }"),
    ],
)
def test_a_value_out_of_its_range_names_file_and_key(tmp_path: Path, old: str, new: str) -> None:
    text = (EXAMPLES / "full.toml").read_text(encoding="utf-8")
    place = f"\n{old}" if f"\n{old}" in text else old
    assert place in text
    (tmp_path / "run.toml").write_text(text.replace(place, place.replace(old, new), 1), encoding="utf-8")
    with pytest.raises(InputError, match=rf"run\.toml: .*{new.split(' ')[0]}"):
        load_config(tmp_path / "run.toml")


def test_every_number_of_a_recipe_has_a_range() -> None:
    for kind in (RunConfig, Phase, Windows):
        types = get_type_hints(kind)
        for field in fields(kind):
            inner = [*get_args(types[field.name]), types[field.name]]
            if {int, float} & set(inner) and bool not in inner:
                assert field.name in RANGES, f"{kind.__name__}.{field.name}"
                if field.default is not MISSING:
                    check_ranges({field.name: field.default}, "", Path("defaults"))


def test_whole_numbers_are_taken_where_a_number_is_meant(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    text = (EXAMPLES / "full.toml").read_text(encoding="utf-8").replace("clipnorm = 1.0", "clipnorm = 2")
    path.write_text(text, encoding="utf-8")
    assert load_config(path).clipnorm == 2.0


def test_the_old_name_of_a_key_is_read_with_a_warning(tmp_path: Path) -> None:
    text = (EXAMPLES / "full.toml").read_text(encoding="utf-8").replace("flow_downscale = [0]", "halvings = [0, 1]")
    (tmp_path / "run.toml").write_text(text, encoding="utf-8")
    with pytest.warns(FutureWarning, match="halvings is called flow_downscale now"):
        config = load_config(tmp_path / "run.toml")
    assert config.phases[0].flow_downscale == (0, 1)

"""Recipes of weights that ship: the chain of runs is what the weights file says of itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from frame_booster.engine.model import shipped_weights
from frame_booster.errors import InputError
from frame_booster.network.presets import PRESETS
from frame_booster.network.weights import read_metadata
from frame_booster.training.config import load_config
from frame_booster.training.lineage import Checkpoint, Start, read_start
from tests.training.runs import ROOT

RECIPES = ROOT / "weights" / "recipes" / "fbnet"


def trained(path: Path, step: int | None = None) -> tuple[list[Path], int, int]:
    """The chain of recipes that ends here, and the steps and samples that the weights have seen after `step`."""
    config = load_config(path)
    chain: list[Path] = []
    steps = samples = 0
    for checkpoint in config.start.checkpoints:
        earlier = trained(path.parent / checkpoint.recipe, checkpoint.step)
        chain = earlier[0] if earlier[1] >= steps else chain
        steps, samples = max(steps, earlier[1]), max(samples, earlier[2])
    left = config.steps if step is None else step
    assert 0 < left <= config.steps, f"{path.name} has no step {left}"
    steps, samples = steps + config.start.steps + left, samples + config.start.samples
    for phase in config.phases:
        samples += phase.batch * min(phase.steps, left)
        left -= min(phase.steps, left)
    return [*chain, path], steps, samples


def test_the_recipes_of_fbnet_are_the_runs_that_its_weights_name() -> None:
    metadata = read_metadata(shipped_weights("fbnet"))
    files = sorted(RECIPES.iterdir())
    # Where the weights are not those of the last step, it is said of which.
    run, _, step = metadata["run"].removesuffix(")").partition(" (step ")
    chain, steps, samples = trained(files[-1], int(step) if step else None)
    assert chain == files, "each starts from the one before"
    assert (str(steps), str(samples)) == (metadata["steps"], metadata["samples"])
    assert [ROOT / name for name in run.split(", ")] == files
    last = load_config(files[-1])
    assert (last.network, last.loss_text) == (metadata["network"], metadata["loss"])


@pytest.mark.parametrize("network", PRESETS)
def test_what_weights_name_as_their_run_is_there(network: str) -> None:
    run = read_metadata(shipped_weights(network))["run"]
    assert [name for name in re.findall(r"[\w/.-]+\.(?:toml|md)", run) if not (ROOT / name).is_file()] == []


def test_a_mean_has_the_steps_of_its_longest_line(tmp_path: Path) -> None:
    body = (RECIPES / "03-published.toml").read_text(encoding="utf-8").partition("[start]")
    phases = body[2][body[2].index("[[phases]]") :]
    (tmp_path / "a.toml").write_text(body[0] + phases)
    (tmp_path / "b.toml").write_text(f'{body[0]}[start]\nrecipe = "a.toml"\nstep = 200\n{phases}')
    mean = 'mean = [{ recipe = "b.toml", step = 100 }, { recipe = "a.toml", step = 250 }]'
    (tmp_path / "c.toml").write_text(f"{body[0]}[start]\n{mean}\n{phases}")
    chain, steps, samples = trained(tmp_path / "c.toml")
    assert [path.stem for path in chain] == ["a", "b", "c"]
    assert (steps, samples) == (200 + 100 + 300, 5 * 600)


def test_a_start_is_nothing_a_recipe_or_a_mean_of_several(tmp_path: Path) -> None:
    one, other = {"recipe": "a.toml", "step": 5}, {"recipe": "b.toml", "step": 7}
    assert read_start({}, tmp_path) == Start()
    assert read_start(one, tmp_path) == Start((Checkpoint("a.toml", 5),))
    assert read_start({"mean": [one, other], "steps": 3, "samples": 9}, tmp_path) == Start(
        (Checkpoint("a.toml", 5), Checkpoint("b.toml", 7)), 3, 9
    )


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("a.toml", "not a table"),
        ({"receipt": "a.toml"}, "unknown key in start: receipt"),
        ({"recipe": "a.toml"}, "needs recipe and step"),
        ({"mean": [{"step": 1}]}, "needs recipe and step"),
        ({"recipe": "a.toml", "step": 1, "mean": []}, "both a recipe and a mean"),
    ],
)
def test_starts_that_are_refused(tmp_path: Path, table: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_start(table, tmp_path / "run.toml")

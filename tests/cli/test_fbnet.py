"""The commands of `fbnet` hand on all that is typed: hours of work must not be of another kind than was asked for."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from frame_booster.cli.fbnet import main
from frame_booster.cli.fbnet.shared import check_writable, size_of
from frame_booster.errors import InputError, OutputError
from frame_booster.network.presets import PRESETS

Asked = list[tuple[tuple[Any, ...], dict[str, Any]]]
Stand = Callable[..., Asked]
COMMANDS = ("convert", "dataset", "evaluate", "export", "flicker", "inspect", "plot", "publish", "train")


@pytest.fixture
def stand(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stand:
    """Puts a function in the place of one of a module that is not imported; returns with what it is called."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("frame_booster.cli.errors.take_signals", lambda: None)
    monkeypatch.setattr("frame_booster.cli.errors._silence_libraries", lambda: None)
    for name in COMMANDS:
        module = sys.modules[f"frame_booster.cli.fbnet.{name}"]
        for check in ("need_training_packages", "import_tensorflow"):
            if hasattr(module, check):
                monkeypatch.setattr(module, check, lambda: None)

    def standing(module: str, name: str, result: Any = None, **others: Any) -> Asked:
        asked: Asked = []

        def call(*args: Any, **kwargs: Any) -> Any:
            asked.append((args, kwargs))
            return result

        monkeypatch.setitem(sys.modules, f"frame_booster.{module}", SimpleNamespace(**{name: call}, **others))
        package, _, last = f"frame_booster.{module}".rpartition(".")
        if package in sys.modules:
            monkeypatch.setattr(sys.modules[package], last, sys.modules[f"frame_booster.{module}"], raising=False)
        return asked

    return standing


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


OF_A_DATASET: list[tuple[list[str], dict[str, Any]]] = [
    ([], {}),
    (["--layout", "synthetic"], {"layout": "synthetic"}),
    (["--size", "64x48"], {"size": (64, 48)}),
    (["--short-side", "128"], {"short_side": 128}),
    (["--validation", "0.5"], {"validation": 0.5}),
    (["--licence", "CC0"], {"licence": "CC0"}),
    (["--not-permissive"], {"permissive": False}),
    (["--max-clips", "3"], {"max_clips": 3}),
    (["--coding", "png"], {"coding": "png"}),
    (["--count", "7"], {"count": 7}),
    (["--reach", "9"], {"reach": 9.0}),
    (["--seed", "5"], {"seed": 5}),
]
USUAL = {
    **{"layout": "auto", "size": None, "short_side": 256, "validation": 0.05, "licence": "own", "permissive": True},
    **{"max_clips": 100, "coding": "jpeg", "count": 1000, "reach": 100.0, "seed": 1},
}


@pytest.mark.parametrize(("flags", "options"), OF_A_DATASET)
def test_a_dataset_is_made_as_it_is_asked_for(stand: Stand, flags: list[str], options: dict[str, Any]) -> None:
    asked = stand("training.data.dataset", "build", {"clips": 2, "triplets": 0}, DatasetOptions=dict)
    done = run("dataset", "in", "-o", "out", *flags, "-j", "3")
    assert (done.exit_code, done.output) == (0, "2 clips, 0 triplets\n")
    assert asked == [((Path("in"), Path("out"), {**USUAL, **options}), {"jobs": 3})]


def test_a_dataset_of_nothing_is_an_error(stand: Stand) -> None:
    stand("training.data.dataset", "build", {"clips": 0, "triplets": 0}, DatasetOptions=dict)
    done = run("dataset", "in", "-o", "out")
    assert done.exit_code == InputError.exit_code
    assert "fbnet: in: contains nothing to make clips or triplets of" in done.stderr


@pytest.mark.parametrize(
    ("flags", "opened", "trained"),
    [
        ([], {}, {}),
        (["--clips", "more"], {"clips": (Path("clips"), Path("more"))}, {}),
        (["--cache", "decoded"], {"cache": Path("decoded")}, {}),
        (["--start-from", "a.safetensors"], {"start_from": Path("a.safetensors")}, {}),
        (["--device", "gpu:1"], {"device": "gpu:1"}, {}),
        (["--validate-every", "20"], {}, {"validate_every": 20}),
        (["--tensorboard"], {}, {"tensorboard": True}),
    ],
)
def test_training_is_as_it_is_asked_for(
    stand: Stand, flags: list[str], opened: dict[str, Any], trained: dict[str, Any]
) -> None:
    trains: Asked = []
    training = SimpleNamespace(train=lambda **kwargs: trains.append(((), kwargs)))
    asked = stand("training.loop.fused_run", "open_run", training)
    stand("training.config", "load_config", "the config")
    checked = stand("training.loop.tensorboard", "check_tensorboard")
    done = run("train", "a.toml", "--clips", "clips", "--validation", "val", "--run", "runs/one", *flags)
    assert (done.exit_code, done.output) == (0, "")
    usual = {"config": "the config", "folder": Path("runs/one"), "clips": (Path("clips"),), "validation": Path("val")}
    usual |= {"cache": Path("runs/cache"), "start_from": None, "device": "auto"}
    assert asked == [((*{**usual, **opened}.values(),), {})]
    assert trains == [((), {"validate_every": 500, "tensorboard": False, **trained})]
    assert len(checked) == ("--tensorboard" in flags)


def test_weights_are_exported_as_it_is_asked_for(stand: Stand) -> None:
    model = stand("training.publishing.export", "export")
    assert run("export", "a.safetensors", "-o", "saved", "--precision", "float16").exit_code == 0
    assert model == [((Path("a.safetensors"), Path("saved"), "float16"), {})]
    graph = stand("training.publishing.export", "export_onnx")
    assert run("export", "a.safetensors", "-o", "a.onnx").exit_code == 0
    assert graph == [((Path("a.safetensors"), Path("a.onnx")), {})]


def test_weights_are_published_with_all_facts(stand: Stand) -> None:
    asked = stand("training.publishing.publish", "publish", {"steps": "3200", "licence": "MIT"})
    about = ["--triplets", "val", "--training-data", "own clips", "--licence", "MIT", "--fact", "steps", "3200"]
    done = run("publish", "run.safetensors", "-o", "a.safetensors", *about)
    assert (done.exit_code, done.stdout) == (0, "licence: MIT\nsteps: 3200\n")
    facts = {"steps": "3200", "training_data": "own clips", "licence": "MIT"}
    assert asked == [((Path("run.safetensors"), Path("a.safetensors"), Path("val"), facts), {})]


@pytest.mark.parametrize(("flags", "against"), [([], "step"), (["--against", "hours"], "hours")])
def test_curves_are_drawn_over_what_is_asked_for(stand: Stand, flags: list[str], against: str) -> None:
    asked = stand("training.evaluation.plot", "plot_curves")
    assert run("plot", "one", "two", "-o", "a.png", *flags).exit_code == 0
    assert asked == [(([Path("one"), Path("two")], Path("a.png")), {"against": against})]


def test_costs_are_of_the_size_that_is_asked_for(stand: Stand) -> None:
    cost = SimpleNamespace(stage="flow", parameters=1234, macs_per_pixel=56.4)
    asked = stand("training.evaluation.inspect", "stage_costs", [cost, cost])
    for flags, size in (([], (720, 1280)), (["--size", "64x48"], (48, 64))):
        done = run("inspect", "fbnet-2", "--counts-only", *flags)
        assert done.exit_code == 0
        assert done.stdout.splitlines()[-1].split() == ["all", "2,468", "113"]
        assert asked.pop() == (("fbnet-2", *size), {})


@dataclass
class Flicker:
    """Stands for what is found of a clip."""

    method: str = "blending"


@pytest.mark.parametrize("as_json", [False, True])
def test_flicker_is_measured_as_it_is_asked_for(stand: Stand, as_json: bool) -> None:
    asked = stand(
        "training.evaluation.flicker", "flicker_of", [Flicker()], table=lambda found: f"a table of {len(found)}"
    )
    shipped = stand("engine.model", "shipped_weights", Path("shipped"))
    networks = stand(
        "training.evaluation.methods",
        *("interpolator_of", SimpleNamespace(interpolate=None)),
        **{"Method": None, "blending": None},
    )
    flags = ["--weights", "own", "--size", "64x48", "--frames", "20", "--precision", "float32"]
    done = run("flicker", "a.mp4", "b.mp4", *flags, *(["--json"] if as_json else []))
    assert done.exit_code == 0, done.output
    told = done.stdout
    assert json.loads(told) == [{"method": "blending"}] * 2 if as_json else told == "a table of 2\n"
    assert [(args[0], list(args[1]), *args[2:]) for args, _ in asked] == [
        (Path(clip), ["blending", *reversed(PRESETS), "own"], (64, 48), 20) for clip in ("a.mp4", "b.mp4")
    ]
    assert len(shipped) == len(PRESETS)
    assert networks[-1] == ((Path("own"),), {"precision": "float32"})


def test_a_size_is_two_whole_numbers() -> None:
    assert (size_of(None), size_of("64x48")) == (None, (64, 48))
    for text in ("64", "64x", "x48", "0x48", "64x0", "64x48x3", "-64x48", "6.4x48"):
        with pytest.raises(InputError, match="is not WIDTHxHEIGHT"):
            size_of(text)


def test_a_file_that_may_not_be_written_over_is_told_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "there.csv"
    there.write_text("")
    check_writable(None, there, tmp_path / "new.csv")
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != there)
    check_writable(tmp_path / "new.csv")
    with pytest.raises(OutputError, match=r"there\.csv: cannot be written: .*permission"):
        check_writable(None, there)
    with pytest.raises(OutputError, match=r"no.new\.csv: cannot be written: no such folder \(make it first\)"):
        check_writable(tmp_path / "no" / "new.csv")

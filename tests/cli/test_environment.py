"""Environment variables that set nothing: which are warned of, in what words, and where."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from frame_booster.cli.boost import boost
from frame_booster.cli.environment import OTHERS, strange_variables
from frame_booster.cli.main import main
from frame_booster.pipeline import boost as whole
from tests.conftest import MeanModel, make_video

ROOT = Path(__file__).resolve().parents[2]
CONTEXT = click.Context(boost, info_name="frame-booster", **boost.context_settings)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("CODECC", "similar: FRAME_BOOSTER_CODEC"),
        ("CRFS", "similar: FRAME_BOOSTER_CRF"),
        ("CACHES", "FRAME_BOOSTER_CACHE"),
        ("QWERTZUIOP", "frame-booster --help OPTION"),
        ("START", "--start has no environment variable; use it on the command line"),
        ("END", "--to has no environment variable"),
        ("JSON", "--json has no environment variable"),
        ("VERSION", "--version has no environment variable"),
        ("HELP", "--help has no environment variable"),
        ("MULTI", "the variable of --multi is FRAME_BOOSTER_FACTOR"),
        ("C_V", "the variable of -c:v is FRAME_BOOSTER_CODEC"),
    ],
)
def test_what_sets_nothing_is_told_with_what_would(name: str, said: str) -> None:
    [told] = strange_variables(CONTEXT, {f"FRAME_BOOSTER_{name}": "1"})
    assert told.startswith(f"the environment variable FRAME_BOOSTER_{name} has no effect (")
    assert said in told


def test_variables_that_set_something_and_those_of_others_are_no_mistakes() -> None:
    innocent = {"FRAME_BOOSTER_CRF": "18", "FRAME_BOOSTER_CODECC": "", "FRAME_BOOST": "1", "PATH": "/bin"}
    completing = {"_FRAME_BOOSTER_COMPLETE": "bash_source"}
    assert strange_variables(CONTEXT, {**innocent, **completing, **dict.fromkeys(OTHERS, "1")}) == []


def test_every_variable_that_is_read_anywhere_is_known() -> None:
    used = {
        name
        for folder in ("frame_booster", "tests", "benchmarks", "docker", "examples")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".Dockerfile", ".sh", ".yaml") and "cli" not in path.parts
        for name in re.findall(r"(?<!_)FRAME_BOOSTER_[A-Z_]+", path.read_text(encoding="utf-8"))
    }
    assert len(used) > 3
    assert strange_variables(CONTEXT, dict.fromkeys(used, "1")) == []


def test_a_run_warns_once_and_so_do_its_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAME_BOOSTER_CODECC", "libx265")
    # What click would take for `--version`, and end with.
    monkeypatch.setenv("FRAME_BOOSTER_VERSION", "1")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
    monkeypatch.setattr(whole, "load_network", lambda *_, **__: MeanModel())
    folder = tmp_path / "in"
    folder.mkdir()
    one = make_video(folder / "a.mp4", pts=range(2))
    make_video(folder / "b.mp4", pts=range(2))
    for source in (one, folder):
        report = tmp_path / "report.json"
        done = CliRunner().invoke(
            main, [str(source), "-o", f"{tmp_path / source.stem}.out/", "--report", str(report), "--json"]
        )
        assert done.exit_code == 0, done.output
        assert done.stderr.count("FRAME_BOOSTER_CODECC has no effect") == 1
        files = json.loads(report.read_text())["files"]
        assert files == [
            one
            for one in files
            if [text.split()[3] for text in one["warnings"][:2]] == ["FRAME_BOOSTER_CODECC", "FRAME_BOOSTER_VERSION"]
        ]
        assert "FRAME_BOOSTER_CODECC" in done.stdout
    assert len(files) == 2
    done = CliRunner().invoke(main, [str(one), "-o", str(tmp_path / "c.mp4"), "--progress", "json"])
    first = json.loads(done.stderr.splitlines()[0])
    assert (first["event"], set(first)) == ("warning", {"event", "message"})

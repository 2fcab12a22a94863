"""`frame-booster compare` hands on all that is typed, and tells of the page."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from frame_booster.cli.main import main
from frame_booster.pipeline.comparison.compare import CompareOptions, Page, Tell
from frame_booster.timecode import Timecode


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """What the comparison is asked for, which is not made."""
    found: dict[str, Any] = {}

    def compare(before: str, after: str, output: str | None, options: CompareOptions, tell: Tell) -> Page:
        found.update(before=before, after=after, output=output, options=options)
        tell(3, 10)
        return Page(Path("p.html"), 10, 5, 1_234_567, 2.0, ["slow motion"])

    monkeypatch.setattr("frame_booster.pipeline.comparison.compare.compare", compare)
    monkeypatch.setattr("frame_booster.cli.errors.take_signals", lambda: None)
    monkeypatch.setattr("frame_booster.cli.errors._silence_libraries", lambda: None)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.json").write_text("{}")
    return found


def run(*flags: str) -> Result:
    return CliRunner().invoke(main, ["compare", "a.mp4", "b.mp4", *flags])


@pytest.mark.parametrize(
    ("flags", "options"),
    [
        ([], {}),
        (["--start", "1:20"], {"start": Fraction(80)}),
        (["-to", "00:00:01:02"], {"end": Timecode(0, 0, 1, 2)}),
        (["-t", "2.5"], {"duration": Fraction(5, 2)}),
        (["--offset", "10"], {"offset": Fraction(10)}),
        (["--report", "r.json"], {"report": Path("r.json")}),
        (["-m", "pictures"], {"model": "pictures"}),
        (["--device", "cpu"], {"device": "cpu"}),
        (["-y"], {"overwrite": True}),
    ],
)
def test_every_flag_is_handed_on(flags: list[str], options: dict[str, Any], asked: dict[str, Any]) -> None:
    assert run(*flags).exit_code == 0
    assert asked == {"before": "a.mp4", "after": "b.mp4", "output": None, "options": CompareOptions(**options)}


def test_the_page_is_told_of(asked: dict[str, Any]) -> None:
    done = run("-o", "p.html")
    assert (asked["output"], done.stdout) == ("p.html", "")
    assert done.stderr.splitlines() == [
        "frame-booster: note: slow motion",
        "p.html: 10 frames, 5 of them interpolated, 1.2 MB, in 2.0 s; open it in a browser",
    ]
    assert run("--quiet").output == ""


@pytest.mark.parametrize("flags", [["--start", "soon"], ["--offset", "soon"], ["--report", "none.json"]])
def test_what_is_no_value_is_told(flags: list[str], asked: dict[str, Any]) -> None:
    done = run(*flags)
    assert (done.exit_code, done.stdout, asked) == (2, "", {})
    assert flags[1] in done.stderr

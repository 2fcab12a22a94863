"""The Python API: what the package exports, what `boost` refuses before it looks at a file, and its page."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

import click
import numpy as np
import pytest

import frame_booster
from frame_booster.cli.boost import boost as command
from frame_booster.options import BoostOptions, EncoderOptions, InputOptions
from frame_booster.pipeline.keywords import keyword_types
from frame_booster.typed_values import in_words

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "reference" / "python.md").read_text(encoding="utf-8")


def test_every_name_is_there() -> None:
    for name in frame_booster.__all__:
        assert getattr(frame_booster, name) is not None
    assert not hasattr(frame_booster, "no_such_name")


def test_the_types_of_what_boost_gives_are_exported() -> None:
    from frame_booster.pipeline import boost

    assert frame_booster.Progress is boost.Progress
    assert frame_booster.Result is boost.Result
    assert get_type_hints(frame_booster.Progress)["frames"] is int


def test_the_import_stays_instant() -> None:
    code = "import sys, frame_booster; print([n for n in ('av', 'numpy', 'tensorflow') if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("wrong", [None, 3, b"in.mp4", ["a.mp4", "b.mp4"], iter(()), np.zeros((900, 900, 3), np.uint8)])
def test_an_input_that_is_no_name_is_refused_as_that(wrong: Any) -> None:
    with pytest.raises(frame_booster.InputError, match="input must be a string or a path, not") as caught:
        frame_booster.boost(wrong)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(("name", "wrong"), [("output", 3), ("output", ["a"]), ("progress", True), ("factor", 2.5)])
def test_other_arguments_are_held_to_their_types(tmp_path: Path, name: str, wrong: Any) -> None:
    with pytest.raises(frame_booster.InputError, match=f"^{name} must be "):
        frame_booster.boost(tmp_path / "none.mp4", **{name: wrong})


def test_the_page_lists_every_keyword_with_what_it_takes() -> None:
    """And the default, and the option of the command of the same meaning."""
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| `([^`]*)` \| `(--[\w-]+)[^|]*` \|$", PAGE, re.MULTILINE)
    assert [row[0] for row in rows] == list(keyword_types())
    defaults: dict[str, Any] = {}
    for options, before in ((BoostOptions, ""), (EncoderOptions, ""), (InputOptions, "input_")):
        defaults |= {before + field.name: field.default for field in fields(options)}
    flags = {flag for parameter in command.params for flag in parameter.opts if isinstance(parameter, click.Option)}
    for name, takes, default, flag in rows:
        assert takes == in_words(keyword_types()[name]), name
        shown = defaults[name] if isinstance(defaults[name], (str, bool, tuple, type(None))) else float(defaults[name])
        assert default == (f"{shown:g}" if isinstance(shown, float) else repr(shown).replace("'", '"')), name
        assert flag in flags, name


def test_the_page_names_the_fields_of_progress() -> None:
    text = PAGE.partition("`progress`")[2].partition("\n- ")[0]
    assert all(f"`{field.name}`" in text for field in fields(frame_booster.Progress))

"""The place of what can be made again, also for a user without a home folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from frame_booster.engine.files_on_disk import replace_whole

SCRIPT = """
import os, sys
from pathlib import Path

def home():
    raise RuntimeError("Could not determine home directory.")

Path.home = home
from frame_booster.engine.files_on_disk import cache_folder
from frame_booster.pipeline.speeds import Speed, known_speed, note_speed

assert cache_folder() == cache_folder()
note_speed("net", Speed(1.0, 1.0, (64, 64)))
assert known_speed("net", (64, 64))
print(cache_folder(), cache_folder().is_dir())
{end}
"""


@pytest.mark.parametrize("end", ["", "from frame_booster.process_end import end_at_once; end_at_once(0)"])
def test_without_a_home_folder_it_lasts_as_long_as_the_process(tmp_path: Path, end: str) -> None:
    hidden = ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA", "FRAME_BOOSTER_CACHE")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment |= {"TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    script = [sys.executable, "-c", SCRIPT.format(end=end)]
    done = subprocess.run(script, capture_output=True, text=True, env=environment, timeout=60, check=True)
    folder, was_there = done.stdout.split()
    assert was_there == "True"
    assert Path(folder).parent == tmp_path
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), PermissionError(13, "Permission denied")])
def test_what_cannot_be_put_in_its_place_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    def replace(self: Path, target: Path) -> Path:
        raise error

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(OSError, match=error.strerror):
        replace_whole(tmp_path / "graph", b"content")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_another_process_has_open_on_windows_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replace(self: Path, target: Path) -> Path:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", replace)
    (tmp_path / "graph").write_bytes(b"content")
    replace_whole(tmp_path / "graph", b"content")
    assert [path.name for path in tmp_path.iterdir()] == ["graph"]

"""A run whose standard error nobody reads any more goes on to its end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from frame_booster.cli.lasting_stderr import lasting_stderr
from tests.conftest import make_video
from tests.stand_in import STAND_IN


@pytest.mark.skipif(sys.platform == "win32", reason="a pipe without a reader is another error there")
@pytest.mark.parametrize("form", ["plain", "bar", "json"])
def test_all_files_are_made_though_nobody_listens(tmp_path: Path, form: str) -> None:
    (tmp_path / "in").mkdir()
    for name in "ab":
        make_video(tmp_path / "in" / f"{name}.mkv", pts=range(3), codec="ffv1")
    reads, writes = os.pipe()
    os.close(reads)
    with os.fdopen(writes, "w") as unread:
        command = [*STAND_IN, "in", "-o", "out", "--progress", form]
        done = subprocess.run(command, cwd=tmp_path, stderr=unread, check=False, timeout=120)
    assert done.returncode == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.mkv", "b.mkv"]


def test_what_a_stream_no_longer_takes_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    reads, writes = os.pipe()
    stream = os.fdopen(writes, "w", buffering=1)
    monkeypatch.setattr(sys, "stderr", stream)
    with lasting_stderr():
        print("heard", file=sys.stderr)
        assert os.read(reads, 100) == b"heard\n"
        os.close(reads)
        print("not heard", file=sys.stderr, flush=True)
        assert not sys.stderr.isatty()
    assert sys.stderr is stream
    stream.close()

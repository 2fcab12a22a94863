"""A result that Windows does not let be renamed, since a program has it or the old one open, is not lost."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest

from frame_booster import files
from frame_booster.errors import Interrupted, OutputError, as_known
from frame_booster.media.output.atomic import keep_partial, partial_file
from frame_booster.media.output.picture_folder import keep_partial_folder, partial_folder
from frame_booster.media.output.segments import SegmentWriter
from frame_booster.pipeline.resume import Segments

Refuse = Callable[..., list[Path]]


def sharing_violation(path: Path, winerror: int = 32) -> PermissionError:
    error = PermissionError(13, "The process cannot access the file", str(path))
    error.winerror = winerror  # type: ignore[attr-defined]
    return error


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Refuse:
    """Makes this system one that refuses what Windows does: some calls about paths, the first times or always."""

    def refusing(*names: str, times: int = 1_000_000, where: Callable[[Path], bool] = lambda path: True) -> list[Path]:
        asked: list[Path] = []

        def patched(owner: Any, name: str) -> None:
            real = getattr(owner, name)

            def call(path: Any, *args: Any, **kwargs: Any) -> Any:
                if not where(Path(path)):
                    return real(path, *args, **kwargs)
                asked.append(Path(path))
                if len(asked) <= times:
                    raise sharing_violation(Path(path))
                return real(path, *args, **kwargs)

            monkeypatch.setattr(owner, name, call)

        for name in names:
            patched(os if name == "link" else Path, name)
        return asked

    monkeypatch.setattr(files, "WINDOWS", True)
    monkeypatch.setattr(files, "_LOOK_S", 0.001)
    monkeypatch.setattr(files, "_PATIENCE_S", 0.05)
    return refusing


@pytest.mark.parametrize("name", ["replace", "open"])
def test_a_scanner_that_lets_go_of_a_file_holds_nothing_up(tmp_path: Path, refuse: Refuse, name: str) -> None:
    (tmp_path / "out.mkv").write_text("old")
    (tmp_path / "report.json").write_text("old")
    with partial_file(tmp_path / "out.mkv", overwrite=True) as partial:
        partial.write_text("new")
        asked = refuse(name, times=3)
    assert len(asked) == 4
    with files.atomic(tmp_path / "report.json", durable=True) as partial:
        partial.write_text("new")
        asked.clear()
    assert len(asked) == 4
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"out.mkv": "new", "report.json": "new"}


def test_elsewhere_nothing_is_tried_again(tmp_path: Path, refuse: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = refuse("replace")
    monkeypatch.setattr(files, "WINDOWS", False)
    with pytest.raises(PermissionError), files.atomic(tmp_path / "a") as partial:
        partial.write_text("new")
    assert len(asked) == 1


def test_a_segment_waits_for_a_scanner(tmp_path: Path, refuse: Refuse) -> None:
    asked = refuse("replace", times=3)
    writer = SegmentWriter(tmp_path / "00000.packets")
    packet = av.Packet(b"data")
    packet.pts = 0
    writer.add(packet)
    writer.finish()
    assert len(asked) == 4
    assert [path.name for path in tmp_path.iterdir()] == ["00000.packets"]


def test_a_manifest_waits_for_a_scanner(tmp_path: Path, refuse: Refuse) -> None:
    segments = Segments(tmp_path / "out.mkv", "fingerprint")
    asked = refuse("replace", times=2)
    segments.note(frames=3)
    segments.release()
    assert len(asked) == 3


@pytest.mark.parametrize("links", [True, False])
def test_a_result_whose_old_file_is_open_keeps_a_name_beside_it(
    tmp_path: Path, refuse: Refuse, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    target = tmp_path / "out.mkv"
    target.write_text("old")
    if links:
        refuse("replace")
    else:
        # exFAT has no hard links; the new file may be renamed, but not over the old one.
        refuse("link")
        real = Path.replace

        def replace(self: Path, to: Path) -> Path:
            if to == target:
                raise sharing_violation(self)
            return real(self, to)

        monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(OutputError) as told, partial_file(target, overwrite=True) as partial:
        partial.write_text("new")
    kept = tmp_path / "out-1.mkv"
    assert f"another program has it open; the result is kept as {kept} (" in str(told.value)
    assert told.value.path == target
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"out.mkv": "old", "out-1.mkv": "new"}


def test_a_new_result_that_is_open_has_its_name_by_a_link(tmp_path: Path, refuse: Refuse) -> None:
    refuse("replace")
    with partial_file(tmp_path / "out.mkv", overwrite=True) as partial:
        partial.write_text("new")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"out.mkv": "new"}


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_result_that_can_have_no_other_name_keeps_the_hidden_one(
    tmp_path: Path, refuse: Refuse, overwrite: bool
) -> None:
    target = tmp_path / "out.mkv"
    with pytest.raises(OutputError) as told, partial_file(target, overwrite=overwrite) as partial:
        refuse("replace", "link", "open")
    assert str(told.value).startswith(f"{target}: cannot be written: another program has it open; ")
    assert f"the result is kept as {partial} (" in str(told.value)
    assert [path.name for path in tmp_path.iterdir()] == [partial.name]


def test_a_result_is_kept_where_its_user_does_not_wait(
    tmp_path: Path, refuse: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out.mkv"
    target.write_text("old")
    refuse("replace")

    def ctrl_c(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(files.time, "sleep", ctrl_c)
    with pytest.raises(Interrupted) as told, partial_file(target, overwrite=True) as partial:
        partial.write_text("new")
    assert str(told.value) == f"{target}: interrupted; the result is kept as {tmp_path / 'out-1.mkv'}"
    assert (tmp_path / "out-1.mkv").read_text() == "new"


def test_a_part_that_can_have_no_other_name_keeps_the_hidden_one(tmp_path: Path, refuse: Refuse) -> None:
    def broken_off() -> None:
        with partial_file(tmp_path / "out.mkv", overwrite=True) as partial:
            partial.write_text("half")
            refuse("replace", "link")
            raise Interrupted("kept", path=keep_partial(partial, tmp_path / "out.mkv", overwrite=True))

    with pytest.raises(Interrupted) as told:
        broken_off()
    assert Path(str(told.value.path)).read_text() == "half"


def test_pictures_wait_for_what_has_them_open(tmp_path: Path, refuse: Refuse) -> None:
    (tmp_path / "old").mkdir()
    for name, call in (("new", "rename"), ("old", "replace")):
        with partial_folder(Path("in.mp4"), tmp_path / name, overwrite=False) as partial:
            (partial / "1.png").write_bytes(b"1")
            asked = refuse(call, times=3)
        assert len(asked) == 4
        assert [path.name for path in (tmp_path / name).iterdir()] == ["1.png"]


@pytest.mark.parametrize("hidden", [False, True])
def test_pictures_that_are_open_are_not_lost(
    tmp_path: Path, refuse: Refuse, monkeypatch: pytest.MonkeyPatch, hidden: bool
) -> None:
    """As one of which Explorer makes a thumbnail: the folder that it lies in cannot be renamed."""
    target = tmp_path / "out"
    real = Path.rename

    def rename(self: Path, to: Path) -> Path:
        if hidden or to == target:
            raise sharing_violation(self)
        return real(self, to)

    refuse()
    monkeypatch.setattr(Path, "rename", rename)
    with (
        pytest.raises(OutputError) as told,
        partial_folder(Path("in.mp4"), target, overwrite=False) as partial,
    ):
        (partial / "1.png").write_bytes(b"1")
    kept = partial if hidden else tmp_path / "out.partial"
    assert f"another program has it open; the images are kept in {kept} (" in str(told.value)
    assert (kept / "1.png").read_bytes() == b"1"
    assert [path.name for path in tmp_path.iterdir()] == [kept.name]


def test_a_part_of_the_pictures_that_is_open_stays(tmp_path: Path, refuse: Refuse) -> None:
    def stopped() -> None:
        with partial_folder(Path("in.mp4"), tmp_path / "out", overwrite=False) as partial:
            (partial / "1.png").write_bytes(b"1")
            refuse("rename")
            raise Interrupted("kept", path=keep_partial_folder(partial, tmp_path / "out"))

    with pytest.raises(Interrupted) as told:
        stopped()
    assert (Path(str(told.value.path)) / "1.png").read_bytes() == b"1"


@pytest.mark.parametrize("number", [32, 33])
def test_a_file_that_is_open_is_not_told_as_a_want_of_permission(number: int) -> None:
    known = as_known(sharing_violation(Path("out.mkv"), number))
    assert str(known).startswith("out.mkv: another program has it open (")
    assert type(known) is OutputError
    assert "permission denied" in str(as_known(sharing_violation(Path("out.mkv"), 5)))

"""Reports of runs: a document is whole, and tells of all that was tried, though a run was interrupted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from frame_booster.errors import InputError, OutputError
from frame_booster.pipeline.outcome import FileOutcome
from frame_booster.pipeline.report import Report, check_replaceable, done_inputs, whole_outputs


def test_what_a_retry_has_not_come_to_is_still_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("night.json")
    Report(path).finish(
        [FileOutcome(name, f"out/{name}", outcome) for name, outcome in (("a", "failed"), ("b", "done"))]
    )
    # It is interrupted in the first.
    retry = Report(path, earlier=path)
    retry.finish([FileOutcome(str(tmp_path / "a"), "out/a", "failed")])
    assert done_inputs(path) == {str(tmp_path / "b")}
    assert json.loads(path.read_text())["failed"] == 1
    other = Report(path)
    other.finish([FileOutcome("c", "out/c", "done")])
    assert done_inputs(path) == {str(tmp_path / "c")}, "a run that retries nothing begins anew"


def test_a_line_that_does_not_name_its_output_tells_nothing_of_one(tmp_path: Path) -> None:
    path = tmp_path / "night.jsonl"
    lines = [{"input": "a", "bytes": 5}, {"input": "b", "output": 7, "bytes": 5}, {"input": "c", "output": "/c"}]
    path.write_text("".join(json.dumps({"outcome": "done", **line}) + "\n" for line in lines))
    assert whole_outputs([path]) == {}
    with path.open("a") as file:
        file.write('{"input": "d", "outcome": "done", "output": "/d", "bytes": 5}\n')
    assert list(whole_outputs([path]).values()) == [5]


def test_a_document_on_a_full_disk_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "night.json"
    Report(path).finish([FileOutcome("a", "out/a", "done")])
    before = path.read_bytes()

    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(
        OutputError, match=r"night\.json.*the report cannot be written: the disk is full .*free some space"
    ):
        Report(path).finish([])
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["night.json"]


def test_only_another_report_is_replaced(tmp_path: Path) -> None:
    for name in ("night.json", "night.jsonl"):
        path = tmp_path / name
        check_replaceable(path)
        path.touch()
        check_replaceable(path)
        for outcome in ("done", "failed"):
            report = Report(path)
            report.add(FileOutcome("a", "out/a", outcome))
            report.finish([FileOutcome("a", "out/a", outcome)])
            check_replaceable(path)
    for text in ("a film, say", '{"name": "package"}', "[1, 2]"):
        path.write_text(text)
        with pytest.raises(InputError, match=r"night\.jsonl.*is not a report of frame-booster .*another name"):
            check_replaceable(path)
        assert path.read_text() == text

"""Text files of any Unicode encoding that their first bytes name, wherever a user gives one."""

from __future__ import annotations

import codecs
import json
from pathlib import Path

import pytest

from frame_booster.cli.settings import read_profiles, save_profile
from frame_booster.errors import InputError
from frame_booster.pipeline.inputs import given_inputs
from frame_booster.pipeline.report import done_inputs
from frame_booster.text_files import line_of, read_text
from frame_booster.training.config import load_config

pytestmark = pytest.mark.parametrize(
    ("bom", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ],
    ids=["none", "utf-8", "utf-16-le", "utf-16-be"],
)


def test_it_is_read_by_its_first_bytes(tmp_path: Path, bom: bytes, encoding: str) -> None:
    file = tmp_path / "text"
    file.write_bytes(bom + "日\r\n本\rĊ\u2028\n".encode(encoding))
    assert read_text(file) == "日\n本\nĊ\u2028\n", "lines are ended by what ends them everywhere"
    file.write_bytes(bom)
    assert read_text(file) == ""
    # U+010A has the byte of a line's end, and half of a pair of surrogates has no meaning.
    wrong = b"\xff" if encoding == "utf-8" else "\ud800".encode(encoding, "surrogatepass")
    file.write_bytes(bom + "Ċ\r\nĊ\r\n".encode(encoding) + wrong + "ab\n".encode(encoding))
    with pytest.raises(UnicodeDecodeError) as raised:
        read_text(file)
    assert line_of(raised.value) == 3


def test_so_are_lists_profiles_reports_and_recipes(tmp_path: Path, bom: bytes, encoding: str) -> None:
    def written(name: str, text: str) -> Path:
        (tmp_path / name).write_bytes(bom + text.replace("\n", "\r\n").encode(encoding))
        return tmp_path / name

    (tmp_path / "日.mkv").touch()
    given = given_inputs([f"@{written('list.txt', '# films' + chr(10) + '日.mkv' + chr(10))}"])
    assert [(Path(one.text).name, one.where[-6:]) for one in given] == [("日.mkv", "line 2")]

    config = written("config.toml", '[default]\ncrf = 20\nsuffix = "日"\n')
    assert read_profiles(config) == {"default": {"crf": 20, "suffix": "日"}}
    save_profile(config, "small", {"crf": 28})
    assert read_profiles(config)["small"] == {"crf": 28}

    entry = {"input": str(tmp_path / "日.mkv"), "output": "out.mkv", "outcome": "done"}
    document = json.dumps({"files": [entry]}, ensure_ascii=False)
    assert done_inputs(written("report.json", document)) == {entry["input"]}
    assert done_inputs(written("report.jsonl", json.dumps(entry, ensure_ascii=False) + "\n")) == {entry["input"]}

    with pytest.raises(InputError, match="unknown key: 日"):
        load_config(written("recipe.toml", '"日" = 1\n'))

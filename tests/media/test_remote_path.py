"""Inputs by address: read in ranges, from servers that give them."""

from __future__ import annotations

import pickle
import re
import socket
import sys
from pathlib import Path

import pytest

from frame_booster.errors import DecodeError, InputError
from frame_booster.media.paths import check_input, default_output, input_path
from frame_booster.media.remote_path import RemotePath
from tests.conftest import boosted, decoded, make_video
from tests.http_server import InOnePiece, WithRanges, served


def test_an_address_without_what_reads_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(
        InputError,
        match=r'is an address.*frame-booster\[remote\].*ffmpeg -i "https://h/a b\.mp4" .* \| frame-booster -',
    ):
        check_input("https://h/a b.mp4")
    check_input("C:/films/a.mp4")


class TestWithFsspec:
    """What needs the extra."""

    @pytest.fixture(autouse=True)
    def fsspec(self) -> None:
        for name in ("fsspec", "aiohttp"):
            pytest.importorskip(name, reason="the extra `remote` is not installed")

    def test_a_protocol_that_it_does_not_know_is_told(self) -> None:
        with pytest.raises(InputError, match=r"fsspec cannot read.*pipe: ffmpeg"):
            check_input("rtsp://camera/1")

    @pytest.mark.parametrize(
        ("address", "quoted"),
        [
            ("rtsp://camera/1", "rtsp://camera/1"),
            ("rtsp://camera/1?a=b&c=d e", '"rtsp://camera/1?a=b&c=d e"'),
            ("rtsp://camera/$1", "'rtsp://camera/$1'"),
        ],
    )
    def test_the_command_that_is_told_has_quotes_of_all_shells_where_these_do(self, address: str, quoted: str) -> None:
        with pytest.raises(InputError) as raised:
            check_input(address)
        assert raised.value.hint is not None
        assert f"ffmpeg -i {quoted} -c copy" in raised.value.hint

    def test_it_is_a_path_with_a_name_and_the_result_goes_here(self) -> None:
        path = input_path("https://host/films/a%20film.mkv?key=1")
        assert (str(path), path.name, path.suffix) == ("https://host/films/a%20film.mkv?key=1", "a%20film.mkv", ".mkv")
        assert default_output(path, 2) == Path("a%20film.2x.mkv")
        again = pickle.loads(pickle.dumps(path))
        assert isinstance(again, RemotePath)
        assert str(again) == str(path)

    def test_a_file_by_http_gives_what_the_file_gives(self, tmp_path: Path) -> None:
        source = make_video(tmp_path / "in.mp4", pts=range(8), tones=1)
        boosted(source, tmp_path / "here.mp4", resume=True)
        with served(tmp_path) as (address, sent):
            result = boosted(f"{address}/in.mp4", tmp_path / "there.mp4", resume=True)
        assert sent
        assert result.input == f"{address}/in.mp4"
        assert (tmp_path / "there.mp4").read_bytes() == (tmp_path / "here.mp4").read_bytes()

    def test_servers_without_the_file_or_without_ranges_are_told(self, tmp_path: Path) -> None:
        make_video(tmp_path / "in.mp4", pts=range(4))
        with served(tmp_path) as (address, _), pytest.raises(InputError, match=r"none\.mp4: no such file"):
            boosted(f"{address}/none.mp4", tmp_path / "out.mp4")
        whole = r"does not support range requests.*download it"
        with served(tmp_path, InOnePiece) as (address, _), pytest.raises(InputError, match=whole):
            boosted(f"{address}/in.mp4", tmp_path / "out.mp4")
        with pytest.raises(InputError, match=r"cannot be reached: .*127\.0\.0\.1"):
            boosted(f"{address}/in.mp4", tmp_path / "out.mp4")

    def test_a_connection_that_breaks_off_is_the_inputs_failure_and_what_was_made_is_kept(self, tmp_path: Path) -> None:
        source = make_video(tmp_path / "in.mkv", pts=range(200), seed=1, size=(320, 192))
        limit = source.stat().st_size * 2 // 3

        class BreaksOff(WithRanges):
            """A server that closes the connection in the last third of a file, but for the look at its end."""

            def do_GET(self) -> None:
                asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
                if asked and int(asked[2] or 0) - int(asked[1]) > 100 and int(asked[2]) > limit:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                super().do_GET()

        with (
            served(tmp_path, BreaksOff) as (address, _),
            pytest.raises(DecodeError, match=r"cannot be read to the end.*kept as .*out\.partial\.mkv"),
        ):
            boosted(f"{address}/in.mkv", tmp_path / "out.mkv")
        assert 100 < len(decoded(tmp_path / "out.partial.mkv")) < 400

    def test_a_flash_video_by_address_is_read_once(self, tmp_path: Path) -> None:
        make_video(tmp_path / "in.flv", pts=range(8))
        with served(tmp_path) as (address, _):
            assert boosted(f"{address}/in.flv", tmp_path / "out.mkv").frames_out == 16

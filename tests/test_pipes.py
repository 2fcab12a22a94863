"""Standard input and output, with FFmpeg's own programs on both ends."""

from __future__ import annotations

import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from frame_booster.errors import OutputError
from tests.conftest import boosted, decoded, make_video, packets, probe

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
BOOST = f"{sys.executable} -m frame_booster - -o - -q"


def shell(line: str, folder: Path) -> None:
    """Runs a line of a shell whose parts must all succeed and be silent."""
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return make_video(tmp_path / "in.mp4", pts=range(8), tones=1)


@needs_ffmpeg
def test_nut_between_two_ffmpegs_keeps_audio_and_every_frame(source: Path, tmp_path: Path) -> None:
    shell(
        f"ffmpeg -v error -i in.mp4 -c:v rawvideo -c:a copy -f nut - | {BOOST} --output-format nut"
        " | ffmpeg -v error -i - -c:v ffv1 -c:a copy out.mkv",
        tmp_path,
    )
    before, after = decoded(source), decoded(tmp_path / "out.mkv")
    assert [data for _, data in after[::2]] == [data for _, data in before]
    assert len(after) == 16
    assert packets(tmp_path / "out.mkv", "audio") == packets(source, "audio")


@needs_ffmpeg
def test_y4m_between_two_ffmpegs(source: Path, tmp_path: Path) -> None:
    shell(
        f"ffmpeg -v error -i in.mp4 -f yuv4mpegpipe - | {BOOST} --output-format yuv4mpegpipe"
        " | ffmpeg -v error -i - -c:v ffv1 out.mkv",
        tmp_path,
    )
    assert [data for _, data in decoded(tmp_path / "out.mkv")[::2]] == [data for _, data in decoded(source)]
    assert probe(tmp_path / "out.mkv")["streams"][0]["r_frame_rate"] == "50/1"


@needs_ffmpeg
def test_raw_video_is_nothing_but_its_frames(source: Path, tmp_path: Path) -> None:
    shell(
        "ffmpeg -v error -i in.mp4 -f rawvideo - "
        f"| {BOOST} --input-format rawvideo --size 64x48 --rate 25 --output-format rawvideo > out.yuv",
        tmp_path,
    )
    frame = 64 * 48 * 3 // 2
    data = (tmp_path / "out.yuv").read_bytes()
    assert len(data) == 16 * frame
    assert [data[2 * k * frame : (2 * k + 1) * frame] for k in range(8)] == [d for _, d in decoded(source)]


@pytest.mark.parametrize("container", ["mp4", "matroska", "mpegts"])
def test_containers_in_a_pipe(source: Path, tmp_path: Path, container: str) -> None:
    with (tmp_path / "out.bin").open("wb") as out:
        command = [sys.executable, "-m", "frame_booster", str(source), "-o", "-", "--output-format", container, "-q"]
        done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, timeout=300)
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(decoded(tmp_path / "out.bin")) == 16
    assert probe(tmp_path / "out.bin")["streams"][1]["codec_name"] == "aac"


def test_a_reader_that_stops_ends_the_run_with_one_line(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(60), size=(320, 240))
    command = [sys.executable, "-m", "frame_booster", str(source), "-o", "-", "--output-format", "nut", "-q"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1000)
        process.stdout.close()
        message = process.stderr.read().decode()
        assert process.wait(60) == OutputError.exit_code
    assert message.count("\n") == 1
    assert "stopped reading" in message


def test_a_pipe_needs_a_format(source: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "frame_booster", str(source), "-o", "-"], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 2
    assert "--output-format" in done.stderr
    assert done.stdout == ""


@needs_ffmpeg
def test_deep_y4m_keeps_its_depth(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(3), codec="ffv1", pix_fmt="yuv422p10le")
    boosted(source, tmp_path / "out.y4m")
    facts = probe(tmp_path / "out.y4m")["streams"][0]
    assert (facts["pix_fmt"], Fraction(facts["r_frame_rate"])) == ("yuv422p10le", 50)

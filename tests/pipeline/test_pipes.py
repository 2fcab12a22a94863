"""Standard input and output, with FFmpeg's own programs on both ends."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import threading
from fractions import Fraction
from pathlib import Path

import pytest

from frame_booster.errors import InputError, OutputError
from frame_booster.pipeline.job import Progress
from tests.conftest import boosted, decoded, make_video, packets, probe
from tests.stand_in import STAND_IN

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
COMMAND = " ".join(STAND_IN)
BOOST = f"{COMMAND} - -o - -q"


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
        command = [*STAND_IN, str(source), "-o", "-", "--output-format", container, "-q"]
        done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, timeout=300)
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(decoded(tmp_path / "out.bin")) == 16
    assert probe(tmp_path / "out.bin")["streams"][1]["codec_name"] == "aac"


def test_a_reader_that_stops_ends_the_run_with_one_line(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(60), size=(320, 240))
    command = [*STAND_IN, str(source), "-o", "-", "--output-format", "nut", "-q"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1000)
        process.stdout.close()
        message = process.stderr.read().decode()
        assert process.wait(60) == OutputError.exit_code
    assert message.count("\n") == 1
    assert "closed it (broken pipe)" in message


def test_a_pipe_needs_a_format(source: Path) -> None:
    done = subprocess.run([*STAND_IN, str(source), "-o", "-"], capture_output=True, text=True, timeout=100)
    assert done.returncode == 2
    assert "--output-format" in done.stderr
    assert done.stdout == ""


@needs_ffmpeg
def test_deep_y4m_keeps_its_depth(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(3), codec="ffv1", pix_fmt="yuv422p10le")
    boosted(source, tmp_path / "out.y4m")
    facts = probe(tmp_path / "out.y4m")["streams"][0]
    assert (facts["pix_fmt"], Fraction(facts["r_frame_rate"])) == ("yuv422p10le", 50)


def test_a_named_pipe_is_written_into(source: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "out.mp4"
    os.mkfifo(pipe)
    copy = subprocess.Popen(f"cat {pipe} > {tmp_path}/copy.mp4", shell=True)
    result = boosted(source, pipe)
    assert copy.wait(60) == 0
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert len(decoded(tmp_path / "copy.mp4")) == result.frames_out == 16
    assert packets(tmp_path / "copy.mp4", "audio") == packets(source, "audio")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["copy.mp4", "in.mp4", "out.mp4"]


def test_a_named_pipe_is_read(source: Path, tmp_path: Path) -> None:
    make_video(tmp_path / "in.nut", pts=range(8), tones=1)
    os.mkfifo(tmp_path / "fifo")
    feed = subprocess.Popen(f"cat {tmp_path}/in.nut > {tmp_path}/fifo", shell=True)
    boosted(tmp_path / "fifo", tmp_path / "out.mkv")
    assert feed.wait(60) == 0
    assert len(decoded(tmp_path / "out.mkv")) == 16


@pytest.mark.parametrize("where", ["input", "output"])
def test_a_pipe_cannot_be_resumed(source: Path, tmp_path: Path, where: str) -> None:
    os.mkfifo(tmp_path / "fifo.mp4")
    paths = {"input": source, "output": tmp_path / "out.mp4", where: tmp_path / "fifo.mp4"}
    with pytest.raises(InputError, match="--resume needs a file as input and a file as output"):
        boosted(paths["input"], paths["output"], resume=True)


def test_a_device_is_written_into(source: Path) -> None:
    before = Path(os.devnull).stat()
    assert boosted(source, os.devnull, output_format="nut").frames_out == 16
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)
    assert Path(os.devnull).stat().st_ino == before.st_ino


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
@pytest.mark.parametrize("into", ["| cat > out.nut", "> out.nut"])
def test_any_name_of_standard_output_is_standard_output(source: Path, tmp_path: Path, name: str, into: str) -> None:
    if not Path(name).exists():
        pytest.skip(f"there is no {name} here")
    before = Path(name).is_symlink()
    shell(f"{COMMAND} in.mp4 -o {name} --output-format nut -q {into}", tmp_path)
    assert len(decoded(tmp_path / "out.nut")) == 16
    assert Path(name).is_symlink() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.mp4", "out.nut"]


def test_what_a_shell_puts_in_place_of_a_file(source: Path, tmp_path: Path) -> None:
    shell(f"{COMMAND} in.mp4 -o >(cat > out.nut) --output-format nut -q; sleep 0.5", tmp_path)
    assert len(decoded(tmp_path / "out.nut")) == 16


def test_a_socket_is_refused_at_once(source: Path, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "out.mp4"))
        with pytest.raises(OutputError, match="is neither a file nor a pipe"):
            boosted(source, tmp_path / "out.mp4", overwrite=True)
        assert stat.S_ISSOCK((tmp_path / "out.mp4").stat().st_mode)


def test_a_link_stays_a_link(source: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "out.mp4").symlink_to(tmp_path / "disk" / "film.mp4")
    boosted(source, tmp_path / "out.mp4")
    assert (tmp_path / "out.mp4").is_symlink()
    assert [p.name for p in (tmp_path / "disk").iterdir()] == ["film.mp4"]
    assert len(decoded(tmp_path / "disk" / "film.mp4")) == 16
    with pytest.raises(InputError, match="exists already"):
        boosted(source, tmp_path / "out.mp4")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_an_error_is_told_though_the_pipe_stays_open(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.nut", pts=range(200), codec="ffv1")
    os.mkfifo(tmp_path / "pipe")
    told = threading.Event()
    in_time: list[bool] = []

    def feed() -> None:
        with (tmp_path / "pipe").open("wb") as pipe:
            pipe.write(source.read_bytes())
            pipe.flush()
            in_time.append(told.wait(60))

    def fail(_: Progress) -> None:
        raise ZeroDivisionError

    feeder = threading.Thread(target=feed)
    feeder.start()
    with pytest.raises(ZeroDivisionError):
        boosted(tmp_path / "pipe", tmp_path / "out.mkv", progress=fail)
    told.set()
    feeder.join()
    assert in_time == [True]

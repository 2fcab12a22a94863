"""The installed command: what it prints, where, and how it ends."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from frame_booster.cli.boost import boost
from frame_booster.cli.main import BoostByDefault
from tests.conftest import decoded, make_video, with_default_signals
from tests.reference import validate

ROOT = Path(__file__).resolve().parents[2]


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "frame_booster", *map(str, arguments)]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"} | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=200, check=False, env=environment
    )


def test_boosts_and_reports_as_json(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(4), tones=1)
    done = run(source, "-o", tmp_path / "out.mp4", "--json", "--crf", "12", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    validate(report, "result")
    assert (report["frames_in"], report["frames_out"], report["duration"], report["rate"]) == (4, 8, "4/25", "50")
    assert len(decoded(tmp_path / "out.mp4")) == 8
    assert done.stderr.count("\n") == 1, "one line for people, and nothing of TensorFlow's"


def test_quiet_is_quiet(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(2))
    done = run(source, "--quiet", "--device", "cpu")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "in.2x.mp4").exists()


BAD_INPUTS = [
    "missing",
    "empty",
    "text",
    "audio only",
    "truncated mp4",
    "truncated mkv",
    "folder missing",
    "output is input",
    "unknown container",
    "weights missing",
    "weights wrong",
    "no such gpu",
    "no such encoder",
    "option of no encoder",
    "time",
    "part beyond the end",
    "unknown flag",
]


def bad_inputs(folder: Path) -> dict[str, tuple[list[object], int, str]]:
    good = make_video(folder / "good.mp4", pts=range(12), tones=1)
    data = good.read_bytes()
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "text.mp4").write_text("this is not a video\n" * 50)
    (folder / "cut.mp4").write_bytes(data[: len(data) // 2])
    long = make_video(folder / "long.mkv", pts=range(100), codec="ffv1", size=(128, 96)).read_bytes()
    (folder / "cut.mkv").write_bytes(long[: len(long) // 3])
    audio = folder / "audio.m4a"
    import av

    with av.open(str(good)) as source, av.open(str(audio), "w", format="mp4") as target:
        stream = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    out = folder / "out.mp4"
    return {
        "missing": ([folder / "none.mp4", "-o", out], 2, "no such file"),
        "empty": ([folder / "empty.mp4", "-o", out], 2, "the file is empty"),
        "text": ([folder / "text.mp4", "-o", out], 2, "cannot be opened as a video"),
        "audio only": ([audio, "-o", out], 2, "has no video stream"),
        "truncated mp4": ([folder / "cut.mp4", "-o", out], 2, "truncated"),
        "truncated mkv": ([folder / "cut.mkv", "-o", out], 3, "truncated"),
        "folder missing": ([good, "-o", folder / "nowhere" / "out.mp4"], 6, "no such folder"),
        "output is input": ([good, "-o", good, "-y"], 2, "the output is the input"),
        "unknown container": ([good, "-o", folder / "out.xyz"], 2, "unknown container suffix"),
        "weights missing": ([good, "-o", out, "--weights", folder / "none.safetensors"], 4, "no such weights file"),
        "weights wrong": ([good, "-o", out, "--weights", folder / "text.mp4"], 4, "is not a valid safetensors file"),
        "no such gpu": ([good, "-o", out, "--device", "gpu:7"], 4, "no GPU"),
        "no such encoder": ([good, "-o", out, "--codec", "none"], 5, "unknown video encoder"),
        "option of no encoder": ([good, "-o", out, "--encoder-option", "crf"], 2, "not key=value"),
        "time": ([good, "-o", out, "--start", "soon"], 2, "not a time"),
        "part beyond the end": ([good, "-o", out, "--start", "100"], 2, "no frame in the selected part (it is 0."),
        "unknown flag": ([good, "--nonsense"], 2, "No such option"),
    }


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_every_bad_input_has_one_clear_line_and_its_exit_code(tmp_path: Path, name: str) -> None:
    cases = bad_inputs(tmp_path)
    assert list(cases) == BAD_INPUTS
    arguments, code, text = cases[name]
    before = sorted(path.name for path in tmp_path.iterdir())
    done = run(*arguments)
    assert done.returncode == code, done.stderr
    assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert name == "unknown flag" or done.stderr.count("\n") == 1, done.stderr
    assert done.stdout == ""
    kept = ["out.partial.mp4"] if name == "truncated mkv" else []
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*before, *kept])


def test_an_error_as_json(tmp_path: Path) -> None:
    done = run(tmp_path / "none.mp4", "--json")
    report = json.loads(done.stdout)
    assert (report["error"], report["exit_code"], done.returncode) == ("InputError", 2, 2)


def test_boosting_needs_no_command(tmp_path: Path) -> None:
    """`frame-booster X` and `frame-booster boost X` are one; a file that is called like a command is ./boost."""
    (tmp_path / "boost").write_bytes(b"not a video")
    for arguments, said in (
        (["none.mp4"], "frame-booster: none.mp4: no such file"),
        (["boost", "none.mp4"], "frame-booster: none.mp4: no such file"),
        (["./boost"], "frame-booster: boost: cannot be opened as a video"),
        (["boost"], "Usage: frame-booster [OPTIONS] INPUT"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "frame_booster", *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert done.returncode == 2, arguments
        assert done.stderr.startswith(said), arguments


def test_commands_stand_beside_it() -> None:
    group = BoostByDefault("frame-booster", commands={"boost": boost})
    group.add_command(click.Command("doctor", callback=lambda: click.echo("all is well")))
    done = CliRunner().invoke(group, ["doctor"])
    assert (done.exit_code, done.output) == (0, "all is well\n")
    assert "boost" in CliRunner().invoke(group, ["boost", "--help"]).output


def test_an_error_that_nobody_expects_is_one_line(tmp_path: Path) -> None:
    code = "from frame_booster.cli.errors import reported\nwith reported(as_json=True): {}['odd']"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith(
        "frame-booster: failed unexpectedly: KeyError: 'odd' (this is a bug in frame-booster;"
    )
    assert done.stderr.count("\n") == 1
    assert json.loads(done.stdout)["error"] == "UnexpectedError"
    asked = {**os.environ, "FRAME_BOOSTER_TRACEBACK": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60, env=asked)
    assert "Traceback" in done.stderr


def test_errors_of_fbnet_begin_with_its_name(tmp_path: Path) -> None:
    code = "from frame_booster.cli.fbnet import main\nmain()"
    missing = ["plot", str(tmp_path / "none"), "-o", str(tmp_path / "curves.png")]
    done = subprocess.run([sys.executable, "-c", code, *missing], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith("fbnet: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_130_and_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(400), size=(320, 240))
    process = subprocess.Popen(
        with_default_signals(command(source, "-o", tmp_path / "out.mp4", "--device", "cpu")),
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not any(".partial-" in path.name for path in tmp_path.iterdir()):
        assert process.poll() is None
        os.sched_yield()
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from frame_booster.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('tensorflow', 'av', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "[]"


def imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def test_imports_go_one_way() -> None:
    """cli -> pipeline -> {media, engine} -> network; media never sees TensorFlow, network never video."""
    forbidden = {
        "network": ("engine", "media", "pipeline", "cli", "training"),
        "media": ("engine", "network", "pipeline", "cli", "training"),
        "engine": ("media", "pipeline", "cli", "training"),
        "pipeline": ("network", "cli", "training"),
        "training": ("pipeline", "cli"),
    }
    for folder, others in forbidden.items():
        for path in (ROOT / "frame_booster" / folder).rglob("*.py"):
            found = imports(path)
            bad = [n for n in found for other in others if n.startswith(f"frame_booster.{other}")]
            if folder in ("media", "pipeline"):
                bad += [n for n in found if n.startswith("tensorflow")]
            if folder in ("network", "engine"):
                bad += [n for n in found if n == "av" or n.startswith("av.")]
            assert bad == [], f"{path}: {bad}"


def test_public_names() -> None:
    import frame_booster

    for name in frame_booster.__all__:
        assert getattr(frame_booster, name) is not None

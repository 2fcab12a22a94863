"""The help: complete, in groups, quick, and the same in `--help`, `--help OPTION`, the manual page and completion."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from frame_booster.cli import man
from frame_booster.cli.boost import boost
from frame_booster.cli.doctor import doctor
from frame_booster.cli.fbnet import main as fbnet
from frame_booster.cli.foreign_names import FOREIGN
from frame_booster.cli.grouped import GROUPS, GroupedCommand, GroupedOption
from frame_booster.cli.main import main
from frame_booster.network.presets import FLOW_SCALES, PRESETS
from frame_booster.option_values import parse_scale
from tests.cli.test_cli import run

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = [one for one in boost.params if isinstance(one, click.Option) and "--version" not in one.opts]
CONTEXT = click.Context(boost, info_name="frame-booster", **boost.context_settings)


@pytest.mark.parametrize("one", OPTIONS, ids=lambda one: one.name)
def test_every_option_has_a_group_sentences_a_default_and_an_example(one: click.Option) -> None:
    """Add one by `option(GROUP, "--name", help=..., example=...)`, with `default_text=` where it has no default."""
    assert isinstance(one, GroupedOption), "made by grouped.option"
    assert one.group in GROUPS
    told = one.help or ""
    assert told.endswith("."), "plain sentences"
    assert 1 <= len(re.findall(r"[.:;](?= |$)", told)) <= 5, "one to three of them"
    assert len(re.findall(r"\.(?= [A-Z]|$)", told)) <= 3
    if not one.is_flag:
        assert one.default_text is not None or "Default:" in told
        assert one.example is not None or re.search(r"\bas \S", told)
    if one.example is not None:
        typed = one.example.split()
        assert set(one.opts) & set(typed), "the example is of this option"


def test_examples_are_values() -> None:
    """Each is taken by the parser as it stands, with the types of the options."""
    for one in OPTIONS:
        if isinstance(one, GroupedOption) and one.example is not None and one.name != "save_profile":
            arguments = ["film.mp4", *(part.strip("'") for part in one.example.split())]
            if one.name == "profile":
                continue
            context = boost.make_context("frame-booster", arguments, auto_envvar_prefix=None)
            assert context.params[str(one.name)] not in (None, ()), one.example


def test_the_help_has_all_groups_and_ends_with_examples() -> None:
    shown = run("--help").stdout
    headings = re.findall(r"^(\w+):$", shown, re.MULTILINE)
    assert headings == [*GROUPS, "Examples"]
    sections = dict(zip(headings, re.split(r"^\w+:$", shown, flags=re.MULTILINE)[1:], strict=True))
    for one in OPTIONS:
        assert isinstance(one, GroupedOption)
        assert re.search(rf"(^|[ ,])--{one.key}\b", sections[one.group], re.MULTILINE), one.key
    assert "Exit codes" in sections["Examples"]


@pytest.mark.parametrize("topic", ["crf", "--crf"])
def test_help_on_one_option(topic: str) -> None:
    done = run("--help", topic)
    assert done.returncode == 0
    for part in ("lower is better", "18 for libx264", "frame-booster film.mp4 --crf 16", "FRAME_BOOSTER_CRF"):
        assert part in done.stdout
    assert "--preset" not in done.stdout, "only that one"


def test_help_on_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help", "doctor"], prog_name="frame-booster")
    assert capsys.readouterr().out.startswith("Usage: frame-booster doctor")
    with main.make_context("frame-booster", ["in.mp4"]) as context:
        assert context.command is boost


def test_help_on_an_unknown_option_names_the_nearest() -> None:
    done = run("--help", "pixfmt")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--pix-fmt" in done.stderr


def test_help_on_a_group_and_among_other_arguments() -> None:
    assert boost.help_on(CONTEXT, "-CRF") == boost.help_on(CONTEXT, "crf")
    assert boost.help_on(CONTEXT, "folders").count("Environment") == 5
    assert "Usage:" in run("in.mp4", "--crf", "3", "--help").stdout
    assert boost._topic(CONTEXT, ["in.mp4", "-o", "--help"]) is None, "there it is the name of the output"
    assert boost._topic(CONTEXT, ["--help=crf"]) == "crf"
    assert boost._topic(CONTEXT, ["--", "--help", "crf"]) is None


def test_help_on_one_option_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from frame_booster.cli.main import main\n"
        "try: main(['--help', 'codec'])\n"
        "except SystemExit: pass\n"
        "heavy = ('tensorflow', 'av', 'numpy', 'tomlkit', 'tqdm')\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "[]"


def test_every_option_of_the_other_commands_says_what_it_does() -> None:
    for command in (doctor, *fbnet.commands.values()):
        assert isinstance(command, GroupedCommand), command.name
        for one in command.params:
            if isinstance(one, click.Option):
                assert (one.help or "").endswith("."), (command.name, one.name)
    assert "pixels" in fbnet.commands["inspect"].help_on(click.Context(fbnet.commands["inspect"]), "size")


def test_a_command_has_both_names_of_help_whoever_asks_first() -> None:
    """Click keeps the option from the first context; one without the program above it must not take -h away."""
    command = GroupedCommand("one", params=[])
    alone = click.Context(command)
    under_a_group = command.make_context("one", [], parent=click.Context(click.Group("program")))
    for context in (alone, under_a_group):
        found = command.get_help_option(context)
        assert found is not None
        assert {*found.opts} == {"-h", "--help"}


def test_names_of_other_programs_are_aliases_or_told_of() -> None:
    own = {name for one in OPTIONS for name in one.opts}
    assert not own & set(FOREIGN), "what is there needs no advice"
    done = run("in.mp4", "--exp", "2")
    assert done.returncode == 2
    assert done.stderr.endswith("Error: there is no option --exp; use --factor 4\n"), "and no guesses"
    for typed_there, here in (
        (["--exp=3"], "use --factor 8"),
        (["--exp", "two"], "use --factor, which is 2 to that power (--exp 2 is --factor 4)"),
        (["-movflags", "+faststart"], "use --container-option movflags=+faststart"),
        (["-tune", "film"], "use --encoder-option tune=film"),
        (["-an"], "use --audio drop"),
        (["--UHD"], "use --flow-scale 0.5"),
    ):
        with pytest.raises(click.UsageError, match=re.escape(here)):
            boost.make_context("frame-booster", ["in.mp4", *typed_there])
    with pytest.raises(click.UsageError, match="without an option"):
        boost.make_context("frame-booster", ["-i", "in.mp4"])
    with pytest.raises(click.NoSuchOption):
        boost.make_context("frame-booster", ["--nonsense", "in.mp4"])
    typed = ("-vcodec", "libx265", "-crf", "20", "-preset", "slow", "-acodec", "aac", "-threads", "2")
    arguments = ["in.mp4", *typed, "-hwaccel", "auto", "--multi", "4"]
    values = boost.make_context("frame-booster", arguments).params
    assert (values["codec"], values["crf"], values["preset"], values["audio_codec"]) == ("libx265", 20, "slow", "aac")
    assert (values["threads"], values["hwaccel"], values["factor"]) == (2, "auto", 4)


def test_environment_variables_are_of_one_option_each_and_of_nothing_else() -> None:
    options = {one.variable(CONTEXT) for one in OPTIONS if isinstance(one, GroupedOption)} - {None}
    others = {
        name
        for folder in ("frame_booster", "tests", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
        if path.name != "man.py" and "tests/cli" not in path.as_posix()
        for name in re.findall(r"FRAME_BOOSTER_[A-Z]+\w*", path.read_text(encoding="utf-8"))
    }
    assert {"FRAME_BOOSTER_CACHE", "FRAME_BOOSTER_TRACEBACK", "FRAME_BOOSTER_SHARED"} <= others
    assert options & others == set()
    assert {"FRAME_BOOSTER_OUTPUT", "FRAME_BOOSTER_START", "FRAME_BOOSTER_JSON"} & options == set(), "of one run"


def completed(program: Path, line: str) -> list[str]:
    """What bash offers for the last word of a line, by the script that click makes for it."""
    words = line.split(" ")
    code = (
        f'eval "$(_FRAME_BOOSTER_COMPLETE=bash_source {program.name})"; '
        f"COMP_WORDS=({line}) COMP_CWORD={len(words) - 1}; "
        f'_frame_booster_completion {program.name} 2>/dev/null; printf "%s\\n" "${{COMPREPLY[@]}}"'
    )
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, env=environment, timeout=60)
    return done.stdout.split()


def test_bash_completes_options_values_and_commands(tmp_path: Path) -> None:
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    # As the console script that pip makes.
    program = tmp_path / "frame-booster"
    program.write_text(f"#!{sys.executable}\nfrom frame_booster.cli.main import main\nmain()\n")
    program.chmod(0o755)
    assert completed(program, "frame-booster in.mp4 --scene") == ["--scene-threshold"]
    assert completed(program, "frame-booster in.mp4 --codec libsv") == ["libsvtav1"]
    assert completed(program, "frame-booster doct") == ["doctor"]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("frame-booster fi", "file,fi"),
        ("frame-booster in.mp4 -o ou", "file,ou"),
        ("frame-booster doctor --model fbnet-", "plain,fbnet-2"),
        ("frame-booster in.mp4 --pix-fmt yuv420p10l", "plain,yuv420p10le"),
    ],
)
def test_click_completes(
    words: str, offered: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
    monkeypatch.setenv("_FRAME_BOOSTER_COMPLETE", "bash_complete")
    with pytest.raises(SystemExit):
        main([], prog_name="frame-booster")
    assert capsys.readouterr().out.split()[0] == offered


def test_the_manual_page_is_that_of_the_options() -> None:
    written = (ROOT / "man" / "frame-booster.1").read_text(encoding="ascii")
    assert written == man.page(), "make man writes it anew"
    plain = written.replace("\\-", "-").replace("\\fB", "").replace("\\fR", "")
    for one in OPTIONS:
        for name in one.opts:
            assert re.search(rf"(^|, ){re.escape(name)}\b", plain, re.MULTILINE), name


def test_groff_has_nothing_to_warn_of() -> None:
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed")
    page = ROOT / "man" / "frame-booster.1"
    done = subprocess.run(
        ["groff", "-man", "-ww", "-Tascii", str(page)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr == ""
    assert "EXIT STATUS" in re.sub(r".\x08|\x1b\[\d*m", "", done.stdout)


def test_every_scale_of_the_flow_can_be_asked_for() -> None:
    [flow_scale] = [one for one in boost.params if one.name == "flow_scale"]
    assert isinstance(flow_scale.type, click.Choice)
    auto, *scales = flow_scale.type.choices
    assert auto == "auto"
    assert tuple(map(parse_scale, scales)) == FLOW_SCALES
    assert max(preset.max_flow_downscale for preset in PRESETS.values()) < len(FLOW_SCALES)

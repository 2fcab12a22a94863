"""Profiles and environment variables: which of several places wins, what is saved, and what is an error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest

from frame_booster.cli import settings
from frame_booster.cli.boost import boost
from frame_booster.cli.flags import run_options
from frame_booster.cli.profiles import USED, SettingsError
from frame_booster.cli.settings import config_file, read_profiles, save_profile
from frame_booster.errors import InputError, OutputError
from tests.cli.test_cli import run


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration file of a person without settings."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "frame-booster").mkdir()
    return tmp_path / "frame-booster" / "config.toml"


def parsed(*arguments: str) -> click.Context:
    return boost.make_context("frame-booster", ["in.mp4", *arguments])


def params(*arguments: str) -> dict[str, Any]:
    return parsed(*arguments).params


def test_the_line_comes_before_the_environment_the_profile_and_the_default(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text('[default]\ncrf = 30\npreset = "slow"\nthreads = 1\n[small]\ncrf = 28\nthreads = 2\n')
    assert params()["crf"] == 30
    assert (params("--profile", "small")["crf"], params("--profile", "small")["preset"]) == (28, "slow")
    monkeypatch.setenv("FRAME_BOOSTER_CRF", "25")
    assert (params("--profile", "small")["crf"], params("--profile", "small")["threads"]) == (25, 2)
    assert params("--profile", "small", "--crf", "20")["crf"] == 20
    monkeypatch.delenv("FRAME_BOOSTER_CRF")
    assert (params("--no-profile")["crf"], params("--no-profile")["threads"]) == (None, None)
    monkeypatch.setenv("FRAME_BOOSTER_PROFILE", "small")
    assert params()["crf"] == 28
    assert params("--no-profile")["crf"] is None
    with pytest.raises(SettingsError, match="exclude each other"):
        params("--no-profile", "--profile", "small")


def test_which_profile_was_used_is_known(file: Path) -> None:
    assert parsed().meta[USED] is None
    file.write_text("[default]\ncrf = 30\n[small]\ncrf = 28\n")
    assert parsed().meta[USED] == "default"
    assert parsed("--profile", "small").meta[USED] == "small"
    assert parsed("--no-profile").meta[USED] is None


def test_what_a_nearer_place_makes_meaningless_gives_way(file: Path) -> None:
    """Else `--factor 4` would be refused because of the profile's rate, and its quality would be another encoder's."""
    file.write_text('[default]\nfps = 60\ncodec = "libx265"\ncrf = 28\n[lossless]\ncodec = "ffv1"\n')
    assert (params("--factor", "4")["fps"], params()["fps"]) == (None, "60")
    assert (params("--codec", "ffv1")["crf"], params("--codec", "ffv1", "--crf", "3")["crf"]) == (None, 3)
    assert (params("--profile", "lossless")["codec"], params("--profile", "lossless")["crf"]) == ("ffv1", None)


@pytest.mark.parametrize(
    ("farther", "value", "nearer"),
    [
        ("factor", 4, ["--fps", "60"]),
        ("fps", "60", ["--factor", "4"]),
        ("audio", "drop", ["--audio-codec", "libopus"]),
        ("audio", "drop", ["--audio-bitrate", "96k"]),
        ("audio_codec", "libopus", ["--audio", "drop"]),
        ("audio_bitrate", "96k", ["--audio", "drop"]),
        ("crf", 28.0, ["--codec", "ffv1"]),
        ("preset", "slow", ["--codec", "ffv1"]),
        ("encoder_option", ("tune=film",), ["--codec", "ffv1"]),
    ],
)
def test_each_option_that_would_be_an_error_gives_way(
    farther: str, value: object, nearer: list[str], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of a profile to the line and to the environment, and that of the environment to the line."""
    typed = value[0] if isinstance(value, tuple) else value
    file.write_text(f'[default]\n{farther} = "{typed}"\n')
    assert params()[farther] == value
    found = params(*nearer)
    assert found[farther] == params("--no-profile")[farther], "as by default"
    run_options(found)
    name, given = nearer[0].lstrip("-").replace("-", "_"), nearer[1]
    monkeypatch.setenv(f"FRAME_BOOSTER_{name.upper()}", given)
    assert params()[farther] == params("--no-profile")[farther]
    monkeypatch.delenv(f"FRAME_BOOSTER_{name.upper()}")
    file.write_text("")
    monkeypatch.setenv(f"FRAME_BOOSTER_{farther.upper()}", str(typed))
    assert params()[farther] == params("--no-profile")[farther] == value
    if name == "codec":
        assert params(*nearer)[farther] == value, "it is meant for any encoder"
    else:
        for settings_aside in ([], ["--no-profile"]):
            assert params(*nearer, *settings_aside)[farther] is None
        run_options(params(*nearer))


def test_values_of_toml_are_those_of_the_line(file: Path) -> None:
    file.write_text(
        '[default]\nfactor = 4\noverwrite = true\ndevice = ["cpu", "gpu"]\nencoder_option = "a=b"\nmax-gap = 1.5\n'
        'max-memory = "6G"\ndeinterlace = "off"\n'
    )
    known = params()
    assert (known["factor"], known["overwrite"], known["device"]) == (4, True, ("cpu", "gpu"))
    assert (known["encoder_option"], known["max_gap"], known["max_memory"]) == (("a=b",), "1.5", "6G")
    assert known["deinterlace"] == "off"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("crff = 18", r"\[default\] crff is not an option"),
        ('crf = "good"', r"\[default\] crf: 'good' is not a valid float"),
        ('fps = "fast"', r"\[default\] fps = 'fast': not a frame rate"),
        ("scene-threshold = 3", r"\[default\]: --scene-threshold 3.0 is not between 0 and 1"),
        ("threads = 1.5", r"\[default\] threads: '1.5' is not"),
        ("overwrite = 1", r"\[default\] overwrite = 1: must be true or false"),
        ("crf = true", r"\[default\] crf = True: must be a number or a string"),
        ('model = "best"', r"\[default\] model: 'best' is not one of"),
        ('preset = ["slow"]', r"\[default\] preset = \['slow'\]: must be one value"),
        ('output = "x.mp4"', r"\[default\] output cannot be in a profile"),
        ('weights = "x"', r"\[default\] weights cannot be in a profile"),
        ('profile = "x"', r"\[default\] profile cannot be in a profile"),
        ("factor = 2\nmulti = 4", r"\[default\] multi is set twice"),
        ("crf = ", "is not valid TOML"),
    ],
)
def test_what_is_wrong_in_a_profile_is_an_error_with_file_and_key(file: Path, line: str, said: str) -> None:
    file.write_text(f"[default]\n{line}\n")
    with pytest.raises(SettingsError, match=said) as error:
        params()
    assert str(file) in error.value.message
    assert error.value.exit_code == 2


def test_a_faulty_profile_ends_the_command_in_one_line_and_does_not_keep_it_from_helping(file: Path) -> None:
    file.write_text("crf = 3\n")
    done = run("in.mp4")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"frame-booster: {file}: crf is outside of any profile (move it below [default])\n"
    assert "Usage" in run("--help").stdout
    assert "no such file" in run("in.mp4", "--no-profile").stderr, "nothing else is looked at"
    file.write_text("[small]\n")
    done = run("in.mp4", "--profile", "smal")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "known profiles: small" in done.stderr


def test_a_faulty_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAME_BOOSTER_FPS", "fast")
    with pytest.raises(click.BadParameter, match="not a frame rate") as error:
        params()
    assert "FRAME_BOOSTER_FPS" in error.value.format_message()


def test_a_line_is_saved_and_the_rest_of_the_file_stays(file: Path) -> None:
    before = "# mine\n[default]\ncrf = 30  # small\n\n[old]\ncrf = 1\n"
    file.write_text(before)
    done = run(
        "--codec", "libx265", "--crf", "22", "-y", "--encoder-option", "a=b", "-ss", "3", "--save-profile", "new"
    )
    assert done.returncode == 0, done.stderr
    assert f"profile new saved in {file}" in done.stderr
    assert "not saved: --start" in done.stderr
    text = file.read_text()
    assert text.startswith(before)
    new = {"overwrite": True, "codec": "libx265", "crf": 22, "encoder-option": ["a=b"]}
    assert read_profiles(file)["new"] == new
    assert params("--profile", "new")["encoder_option"] == ("a=b",)
    assert [path.name for path in file.parent.iterdir()] == ["config.toml"], "nothing is left of the writing"
    done = run("nothing.mp4", "--factor", "4", "--save-profile", "old")
    assert "no such file" in done.stderr, "with an input the run goes on"
    assert read_profiles(file) == {"default": {"crf": 30}, "old": {"factor": 4}, "new": new}


def test_what_cannot_be_saved_is_not(file: Path) -> None:
    for arguments, said in (
        ([], "no options that a profile can hold"),
        (["-o", "x.mp4"], "no options that a profile can hold"),
        (["--fps", "fast"], "not a frame rate"),
        (["--slow-audio", "drop"], "--slow-audio needs --slow-motion"),
    ):
        with pytest.raises((SettingsError, click.UsageError), match=said):
            boost.make_context("frame-booster", [*arguments, "--save-profile", "x"])
    with pytest.raises(InputError, match="cannot name a profile"):
        save_profile(file, "a b", {"crf": 1})
    assert not file.exists()
    (file.parent.parent / "in the way").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        save_profile(file.parent.parent / "in the way" / "config.toml", "x", {"crf": 1})


def test_a_link_to_the_file_stays_one(file: Path, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.toml"
    real.write_text("")
    file.symlink_to(real)
    save_profile(file, "x", {"crf": 1})
    assert file.is_symlink()
    assert read_profiles(real) == {"x": {"crf": 1}}


def test_the_file_is_where_each_system_keeps_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("APPDATA", "/roaming")
    monkeypatch.setattr(settings.sys, "platform", "linux")
    assert config_file() == Path("/home/me/.config/frame-booster/config.toml")
    monkeypatch.setattr(settings.sys, "platform", "darwin")
    assert config_file() == Path("/home/me/Library/Application Support/frame-booster/config.toml")
    monkeypatch.setattr(settings.sys, "platform", "win32")
    assert config_file() == Path("/roaming/frame-booster/config.toml")


def without_home(monkeypatch: pytest.MonkeyPatch) -> None:
    def home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setattr(Path, "home", home)


def test_a_user_without_a_home_folder_has_no_profiles(monkeypatch: pytest.MonkeyPatch) -> None:
    without_home(monkeypatch)
    assert parsed("--crf", "20").params["crf"] == 20
    assert parsed("--no-profile").meta[USED] is None
    for asked in (("--profile", "small"), ("--crf", "20", "--save-profile", "small")):
        with pytest.raises(SettingsError, match="no home folder"):
            parsed(*asked)


def test_a_folder_that_may_not_be_looked_at_is_told_of(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exists(self: Path, **more: Any) -> bool:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "exists", exists)
    for asked in ((), ("--crf", "20", "--save-profile", "small")):
        with pytest.raises(SettingsError, match=r"config.toml: cannot be accessed: Permission denied .*--no-profile"):
            parsed(*asked)
    assert parsed("--no-profile").meta[USED] is None


def test_names_of_profiles_are_completed_and_a_faulty_file_offers_none(file: Path) -> None:
    context = click.Context(boost, info_name="frame-booster")
    [parameter] = [one for one in boost.params if one.name == "profile"]

    def offered(typed: str) -> list[str]:
        return [item.value for item in parameter.shell_complete(context, typed)]

    assert offered("") == []
    file.write_text("[small]\ncrf = 28\n[slow]\ncrf = 18\n[default]\ncrf = 20\n")
    assert (offered("s"), offered("sm"), offered("x")) == (["small", "slow"], ["small"], [])
    file.write_text("crf = ")
    assert offered("s") == []

"""README and docs/: complete where they list something, and every link leads somewhere."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

import click
import pytest

import frame_booster
from frame_booster import errors
from frame_booster.cli.boost import boost as main
from frame_booster.cli.compare import compare
from frame_booster.cli.fbnet import main as fbnet
from frame_booster.cli.foreign_names import FOREIGN
from frame_booster.cli.main import main as program
from frame_booster.network.presets import DEFAULT, PRESETS
from tests.reference import validate, written

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def text_of(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def first_column(text: str) -> set[str]:
    """Names in code spans that begin the rows of tables."""
    return set(re.findall(r"^\| `([^`]+)`", text, re.MULTILINE))


def options_of(command: click.Command) -> list[click.Option]:
    """All options of a command but `--help`, which click adds."""
    return [parameter for parameter in command.params if isinstance(parameter, click.Option)]


def long_flags() -> set[str]:
    """Every flag of frame-booster."""
    return {flag for parameter in main.params for flag in parameter.opts if flag.startswith("--")} | {"--help"}


def name_of(parameter: click.Parameter) -> str:
    """The first long name of an option; others are aliases."""
    return next(name for name in parameter.opts if name.startswith("--"))


def test_the_option_reference_names_every_flag_and_no_other() -> None:
    listed = re.findall(r"^\| `(--[^`]+)`", text_of("reference/options.md"), re.MULTILINE)
    firsts = [next(name for name in parameter.opts if name.startswith("--")) for parameter in options_of(main)]
    assert sorted(listed) == sorted([*firsts, "--help"])


def test_the_page_of_compare_names_every_option_of_it() -> None:
    rows = re.findall(r"^\| (`--[^|]+) \|", text_of("usage/compare.md"), re.MULTILINE)
    told = [re.findall(r"`([^`]+)`", row) for row in rows]
    options = [parameter for parameter in compare.params if parameter.param_type_name == "option"]
    assert sorted(map(sorted, told)) == sorted(sorted(parameter.opts) for parameter in options)


def test_the_option_reference_names_every_short_flag() -> None:
    rows = re.findall(r"^\| (`--[^|]+) \|", text_of("reference/options.md"), re.MULTILINE)
    told = {row.split("`")[1]: set(re.findall(r"`([^`]+)`", row)) for row in rows}
    for parameter in options_of(main):
        flag = next(name for name in parameter.opts if name.startswith("--"))
        assert told[flag] == {flag, *parameter.opts}, flag


SINGLE_QUOTED = re.compile(r"(^|[ (`])'[^ ']*[*?\[][^']*'")
"""A pattern, or an extra, in quotes that cmd.exe takes for a part of the name."""


def commands_of(text: str) -> list[str]:
    """The lines of code blocks that begin with a program of this package, without their comments."""
    blocks = re.findall(r"^```[a-z]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line.removeprefix("$ ").partition(" #")[0] for block in blocks for line in block.splitlines()]
    return [line for line in lines if re.match(r"\S*(frame-booster|fbnet|pip)\b", line)]


def test_commands_are_quoted_as_every_shell_takes_it() -> None:
    assert SINGLE_QUOTED.search("--pattern '*.mov'")
    for page in [*PAGES, *sorted((ROOT / "frame_booster").rglob("*.py"))]:
        text = page.read_text(encoding="utf-8")
        assert "'frame-booster[" not in text, page
        if page.suffix == ".md":
            assert [c for c in commands_of(text) if SINGLE_QUOTED.search(c) or re.search(r" @\w", c)] == [], page
    shown = [parameter.example for parameter in options_of(main) if getattr(parameter, "example", None)]
    assert len(shown) > 50
    assert not [example for example in shown if "'" in example]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_pages_name_no_flag_that_there_is_not(page: Path) -> None:
    commands = [*program.commands.values(), *fbnet.commands.values()]
    flags = {flag for command in commands for p in command.params for flag in [*p.opts, *p.secondary_opts]}
    told = set(re.findall(r"`(--[a-z-]+)", page.read_text(encoding="utf-8")))
    # RIFE's, in decision 7 and among the options.
    foreign = {re.match(r"-+[a-z-]*", name)[0] for name in FOREIGN}  # type: ignore[index]
    assert told - flags - foreign - {"--help"} == set()


def test_the_json_reference_names_every_field_and_no_other() -> None:
    from frame_booster.media.passthrough.streams import StreamFate
    from frame_booster.pipeline.cluster.news import ClusterNow, Warned, WorkerNow
    from frame_booster.pipeline.forecast import Forecast
    from frame_booster.pipeline.outcome import FileOutcome
    from frame_booster.pipeline.result import Result
    from frame_booster.pipeline.stage_times import StageTimes

    result = Result("in", "out", 1, 2, 0, 1, 0, 0, 0, 0, Fraction(1, 25), None, 0, 1.0, "fbnet-r", "/CPU:0", "float32")
    outcome = FileOutcome("in", "out", "failed", result, "error", 2, 3).as_json()
    report = {"version", "files", "failed"}
    failure = {"error", "message", "exit_code"}
    cluster = {"segment", "batch_size", "flow_scale", "precision", "threads", "machines", "made_again", "same_as"}
    now = ClusterNow(1, 2, 3.0, 4.0, 5.0, 0, 1, 0, (WorkerNow(1, "a", "/CPU:0", "in", 0, 1),)).as_json()
    news = {*now, *now["workers"][0], *Warned("text").as_json()}
    fate = asdict(StreamFate(1, "audio", "aac", "copied"))
    dry = {*Forecast("in", "out", "planned").as_json(), *fate}
    page = text_of("reference/report-json.md")
    documents = {"--report FILE", "--report FILE.jsonl", "--json", "--progress json"}
    progress = {"stages", "profile", *StageTimes().as_json()}
    told = {*outcome, *result.as_json(), *report, *failure, *cluster, *news, *progress, *dry}
    assert first_column(page) - documents == told
    assert all(re.search(rf"^\| `{field}` \| [a-z]", page, re.MULTILINE) for field in outcome), "each has a type"


def test_a_report_has_the_fields_of_the_reference(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    arguments = [str(tmp_path / "none.mp4"), "--report", str(report), "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "frame_booster", *arguments], capture_output=True, text=True, timeout=100, cwd=ROOT
    )
    assert done.returncode == errors.InputError.exit_code
    facts = json.loads(report.read_text(encoding="utf-8"))
    fields = first_column(text_of("reference/report-json.md"))
    assert {*facts, *facts["files"][0], *json.loads(done.stdout)} <= fields
    validate(facts)
    validate(json.loads(done.stdout), "error")


def test_what_programs_write_of_themselves_is_up_to_date() -> None:
    assert [path.name for path, text in written().items() if path.read_text(encoding="utf-8") != text] == [], (
        "make reference"
    )


def test_every_flag_is_on_the_page_of_commands() -> None:
    """The page is made of what click shows; a way of showing that hides a flag must not hide it from the page."""
    page = text_of("reference/commands.md")
    sections = re.split(r"^## ", page, flags=re.MULTILINE)[1:]
    assert len(sections) == len(program.commands) + len(fbnet.commands)
    for section, command in zip(sections, [*program.commands.values(), *fbnet.commands.values()], strict=True):
        shown = set(re.findall(r"`(-[\w:-]+)`", section))
        flags = {flag for p in command.params if p.param_type_name == "option" and not p.hidden for flag in p.opts}
        # A name with one dash, as ffmpeg has it, needs no mention beside the same with two.
        assert {flag for flag in flags - shown if f"-{flag.replace('_', '-')}" not in shown} == set()


def test_the_schema_knows_each_outcome_and_refuses_others() -> None:
    import jsonschema

    from frame_booster.pipeline.outcome import FileOutcome

    validate([FileOutcome("in", "out", "skipped").as_json()], "files")
    validate([FileOutcome("in", "", "failed", error="why", exit_code=3).as_json()], "files")
    for outcome in ("done", "odd", "failed"):
        with pytest.raises(jsonschema.ValidationError):
            validate([FileOutcome("in", "out", outcome).as_json()], "files")


def test_exit_codes_are_those_of_the_errors() -> None:
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", text_of("reference/exit-codes.md"), re.MULTILINE)
    kinds = errors.FrameBoosterError.__subclasses__()
    assert {(int(code), name) for code, name in rows} == {(kind.exit_code, kind.__name__) for kind in kinds}


def test_every_public_name_is_in_the_python_reference() -> None:
    page = text_of("reference/python.md")
    assert [name for name in frame_booster.__all__ if not re.search(rf"`{name}\b", page)] == []


def test_supported_formats_are_all_told() -> None:
    from frame_booster.media.output.encoders import ENCODERS
    from frame_booster.media.output.sink import CONTAINERS
    from frame_booster.media.paths import PICTURES, VIDEOS

    told = set(re.findall(r"`([^`]+)`", text_of("supported.md")))
    assert (CONTAINERS | VIDEOS | PICTURES | set(ENCODERS)) - told == set()
    assert {name for name in told if name.startswith(".")} == VIDEOS | PICTURES


def test_every_guarantee_names_tests_that_there_are() -> None:
    page = text_of("guarantees.md")
    rows = [line for line in page.splitlines() if line.startswith("| ") and "held by" not in line and "---" not in line]
    defined = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    for row in rows:
        named = set(re.findall(r"`(test_\w+)`", row))
        assert named, row
        assert named - defined == set(), row


def links(text: str) -> list[str]:
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"\]\(([^)\s]+)\)", prose)


def anchors(text: str) -> set[str]:
    """Anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    for link in links(page.read_text(encoding="utf-8")):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), link


def test_every_page_can_be_reached_from_the_index() -> None:
    reached, waiting = set(), [DOCS / "index.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        found = [link.partition("#")[0] for link in links(page.read_text(encoding="utf-8")) if "://" not in link]
        targets = [(page.parent / link).resolve() for link in found if link]
        waiting += [t for t in targets if t.suffix == ".md" and DOCS in t.parents]
    assert set(DOCS.rglob("*.md")) - reached == set()


def test_every_page_has_a_place_on_the_site() -> None:
    """As `make docs` demands, which the tests do not run."""
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    named = set(re.findall(r"([\w/-]+\.md)$", nav, re.MULTILINE))
    outside = set(re.findall(r'": "([\w/-]+\.md)"', (DOCS / "site_hooks.py").read_text(encoding="utf-8")))
    pages = {page.relative_to(DOCS).as_posix() for page in PAGES[1:]}
    records = {page for page in pages if re.match(r"decisions/\d", page)}
    assert pages - records | outside == named, "nav of mkdocs.yml"


def test_the_readme_is_short_and_names_the_command_of_the_tests() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = readme.splitlines()
    assert len(lines) <= 80
    assert max(map(len, lines)) <= 120
    assert "`make test`" in readme
    assert re.search(r"^make\b.* test$", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_models_are_the_presets() -> None:
    rows = [
        f"| `{preset.name}`{' (default)' * (preset.name == DEFAULT)} | {preset.description} "
        f"| {'yes' if preset.any_timestep else 'middle only'} | {preset.licence} | `{preset.run}` |"
        for preset in PRESETS.values()
    ]
    table = [line for line in text_of("models.md").splitlines() if re.match(r"\| `.*weights/recipes", line)]
    assert table == rows
    assert all((ROOT / preset.run).is_dir() for preset in PRESETS.values())

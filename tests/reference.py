"""Pages of docs/reference/ that are written by a program: `python -m tests.reference` (`make reference`).

A page that is made of what a program says of itself cannot say otherwise. tests/test_docs.py fails where one is out of
date.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from frame_booster.cli.fbnet import main as fbnet
from frame_booster.cli.main import main as frame_booster

REFERENCE = Path(__file__).resolve().parents[1] / "docs" / "reference"
HEAD = """# Commands

What `--help` of every command says, written by `make reference` from the programs themselves. The page on
[options](options.md) tells more about those of boosting.
"""


DECISIONS = """# Decision records

Why it is built as it is: what was chosen, what else there was, and what follows. A page for each; this list is written
by `make reference`.

"""


class Recorder(click.HelpFormatter):
    """Writes the help of a command as Markdown, in whatever sections the command groups its options."""

    def __init__(self) -> None:
        super().__init__()
        self._pages: list[str] = []
        self._lines = ""

    def write(self, string: str) -> None:
        """Takes lines that a command writes as they are, such as examples."""
        self._lines += string

    def page(self) -> str:
        """Returns the Markdown so far."""
        self._emit("")
        return "".join(self._pages)

    def _emit(self, markdown: str) -> None:
        if self._lines.strip():
            lines = textwrap.dedent(self._lines.strip("\n"))
            self._pages.append(f"```text\n{lines}\n```\n\n")
        self._lines = ""
        self._pages.append(markdown)

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        self._emit(f"```text\n{prog} {args}\n```\n\n")

    def write_paragraph(self) -> None:
        self._emit("\n")

    def write_text(self, text: str) -> None:
        # \b begins a paragraph whose lines are kept.
        for paragraph in text.split("\n\n"):
            kept = paragraph.lstrip("\n").startswith("\b")
            body = paragraph.replace("\b", "").strip("\n")
            self._emit(f"```text\n{body}\n```\n\n" if kept else f"{in_markdown(' '.join(body.split()))}\n\n")

    @contextmanager
    def indentation(self) -> Iterator[None]:
        yield


def options_table(records: Sequence[tuple[str, str]]) -> str:
    """Returns a table of options, from the names with the value, and the meaning, of each."""
    table = ["| option | value | meaning |", "| --- | --- | --- |"]
    for term, meaning in records:
        names, value = split_term(term)
        shown = ", ".join(f"`{name}`" for name in names)
        values = " ".join(f"`{choice}`" for choice in value.strip("[]").split("|") if choice)
        table.append(f"| {shown} | {values} | {in_markdown(' '.join(meaning.split()))} |")
    return "\n".join(table) + "\n\n"


def split_term(term: str) -> tuple[list[str], str]:
    """Splits `-o, --output TEXT` into the names and the value."""
    found = re.match(r"((?:--?[\w:-]+(?:, | / |$| ))+)(.*)", term)
    return ([term], "") if found is None else (re.findall(r"-[\w:-]+", found[1]), found[2])


def in_markdown(text: str) -> str:
    """Returns plain text so that Markdown shows it as it is, flags and capitals of values as code."""
    text = re.sub(r"([|*<_])", r"\\\1", text)
    # Click's own way to tell a default.
    text = re.sub(r" ?\[default: ([^];]+);?( ?[^];]*)\]", r" Default: `\1`.\2", text).strip()
    text, example, typed = text.partition("Example: ")
    text = re.sub(r"(?<![\w`-])(--[a-z][\w-]*)", r"`\1`", text)
    return text + (f"{example}`{typed.replace(chr(92), '')}`" if typed else "")


def help_of(command: click.Command, name: str) -> str:
    """Returns the help of a command that is called by a name, as Markdown."""
    context = command.context_class(command, info_name=name, **command.context_settings)
    above, below = Recorder(), Recorder()
    command.format_usage(context, above)
    command.format_help_text(context, above)
    command.format_epilog(context, below)
    groups: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if isinstance(parameter, click.Option) and record is not None:
            # Those that click adds are in no group.
            groups.setdefault(getattr(parameter, "group", "Other"), []).append(record)
    tables = [
        (f"### {group}\n\n" if len(groups) > 1 else "") + options_table(groups[group])
        for group in sorted(groups, key=lambda group: group == "Other")
    ]
    return f"## {name}\n\n{above.page()}{''.join(tables)}{below.page()}".rstrip() + "\n"


def commands_page() -> str:
    """Returns the page of all commands of both programs."""
    pages = [
        help_of(command, "frame-booster" if name == "boost" else f"frame-booster {name}")
        for name, command in frame_booster.commands.items()
    ]
    pages += [help_of(command, f"fbnet {name}") for name, command in fbnet.commands.items()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join([HEAD, *pages]))


def decisions_page() -> str:
    """Returns the list of the decision records."""
    rows = []
    for path in sorted((REFERENCE.parent / "decisions").glob("[0-9]*.md")):
        number, _, title = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ").partition(". ")
        rows.append(f"{int(number)}. [{title}]({path.name})")
    return DECISIONS + "\n".join(rows) + "\n"


SCALARS = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "object": {"type": "object"},
    "null": {"type": "null"},
    "fraction": {"$ref": "#/$defs/fraction"},
    "list of strings": {"type": "array", "items": {"type": "string"}},
    "list of integers": {"type": "array", "items": {"type": "integer"}},
    "list": {"type": "array"},
    "list of objects": {"type": "array", "items": {"type": "object"}},
}
"""Types of report-json.md as JSON Schema."""


def tables_of(page: str) -> dict[str, list[list[dict[str, str]]]]:
    """Returns the tables of fields of a page by their headings, each a list of rows: column to text."""
    found: dict[str, list[list[dict[str, str]]]] = {}
    heading, columns = "", None
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("#"):
            heading, columns = line.lstrip("# "), None
        elif not line.startswith("|"):
            columns = None
        elif columns is None:
            columns = cells
            if columns[0] == "field":
                found.setdefault(heading, []).append([])
        elif columns[0] == "field" and not line.startswith("| ---"):
            found[heading][-1].append(dict(zip(columns, cells, strict=True)))
    return found


def fields(rows: list[dict[str, str]], **special: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Returns the properties that rows of a table describe; `special` are those whose type is told elsewhere."""
    properties: dict[str, dict[str, Any]] = {}
    for row in rows:
        name = row["field"].strip("`")
        kinds = row["type"].split(" or ")
        if any(kind not in SCALARS for kind in kinds):
            raise ValueError(f"report-json.md: {name} has the type {row['type']!r}; known are {', '.join(SCALARS)}")
        plain = [SCALARS[kind] for kind in kinds]
        schema = special.get(name) or (plain[0] if len(plain) == 1 else {"anyOf": plain})
        unit = f" ({row['unit']})" if row.get("unit") else ""
        properties[name] = {"description": re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", row["meaning"]) + unit, **schema}
    return properties


def sections(tables: dict[str, list[list[dict[str, str]]]]) -> dict[str, list[list[dict[str, str]]]]:
    """Returns the tables of sections that are called as a field is, as "Stages" after `stages`."""
    names = {row["field"].strip("`") for found in tables.values() for rows in found for row in rows}
    return {heading.lower(): found for heading, found in tables.items() if heading.lower() in names}


def an_object(properties: dict[str, Any], closed: bool, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    schema = {"type": "object", "properties": properties, "required": required}
    return {**schema, "additionalProperties": False} if closed else schema


def report_schema(*, closed: bool = False) -> dict[str, Any]:
    """Returns the JSON Schema of what --report and --json write, made of the tables of report-json.md.

    Args:
      closed: whether a field that the page does not have is an error, as it is to our tests. To a reader it is none, so
        that a later version may tell more.
    """
    tables = tables_of((REFERENCE / "report-json.md").read_text(encoding="utf-8"))
    [report], [named, done], [cluster] = tables["Report"], tables["One input"], tables["A cluster"]
    [progress, worker], [error] = tables["Progress of a cluster"], tables["An error"]
    [forecast, fate] = tables["A dry run"]
    # An object that has a section of its own has the fields of that.
    nested = {name: an_object(fields(rows), closed) for name, [rows, *_] in sections(tables).items()}
    common = fields([row for row in named if row["field"].strip("`") in ("input", "output", "outcome")])
    failure = fields([row for row in named if row["field"].strip("`") in ("error", "exit_code")])
    result = fields(done, cluster={"anyOf": [{"$ref": "#/$defs/cluster"}, {"type": "null"}]}, **nested)
    of_a_run = fields(report, files={"$ref": "#/$defs/files"})
    # What is told once of a run stands in the document of --json as well.
    once = {name: schema for name, schema in of_a_run.items() if name not in ("version", "files", "failed")}
    in_cluster = {**fields(cluster), **{name: result[name] for name in ("precision", "engine", "provider")}}
    unnamed = {name: schema for name, schema in common.items() if name != "outcome"}

    def outcome(kind: str, more: dict[str, Any]) -> dict[str, Any]:
        return an_object({**common, "outcome": {**common["outcome"], "const": kind}, **more}, closed, ("bytes",))

    def event(kind: str, more: dict[str, Any]) -> dict[str, Any]:
        return an_object({"event": {"const": kind}, **more}, closed)

    size = fields([row for row in named if row["field"].strip("`") == "bytes"])
    ends = {"done": {**result, **size}, "skipped": {}, "failed": failure}
    version = fields([row for row in report if row["field"].strip("`") in ("version", "profile")])
    files = {"type": "array", "items": {"$ref": "#/$defs/file"}}
    now = {**fields(progress), "workers": {"type": "array", "items": {"$ref": "#/$defs/worker"}}}
    now.pop("event")
    # What is the same there as in a report of what was made, but may be unknown before it is.
    also = ("frames_in", "frames_out", "made", "rate", "duration", "seconds", "engine", "bytes")
    unknown = {name: {"anyOf": [{**result, **size}[name], {"type": "null"}]} for name in also}
    fates = {"type": "array", "items": {"$ref": "#/$defs/fate"}}
    planned = {**fields(forecast, streams=fates), **unknown, "warnings": result["warnings"]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:frame-booster:report",
        "title": "What frame-booster --report FILE writes",
        "$ref": "#/$defs/report",
        "$defs": {
            "fraction": {"type": "string", "pattern": "^-?[0-9]+(/[1-9][0-9]*)?$"},
            "report": an_object(of_a_run, closed),
            "files": files,
            "file": {"oneOf": [outcome(kind, more) for kind, more in ends.items()]},
            "line": {"oneOf": [outcome(kind, {**version, **more}) for kind, more in ends.items()]},
            "forecasts": {"type": "array", "items": {"$ref": "#/$defs/forecast"}},
            "forecast": {
                "oneOf": [outcome("planned", planned), outcome("skipped", {}), outcome("refused", failure)],
            },
            "fate": an_object(fields(fate), closed),
            "result": an_object({**unnamed, **result, **once}, closed),
            "cluster": an_object(in_cluster, closed),
            "error": an_object(fields(error), closed),
            "news": {
                "oneOf": [
                    event("progress", now),
                    event("warning", {"message": {"type": "string"}}),
                    *(event("file", {**common, "outcome": {"const": kind}, **more}) for kind, more in ends.items()),
                ]
            },
            "worker": an_object(fields(worker), closed),
        },
    }


def validate(document: Any, kind: str = "report") -> None:
    """Checks a document against a definition of the schema, in which no field is allowed that the page does not have.

    Raises:
      jsonschema.ValidationError: it does not fit.
    """
    import jsonschema

    schema = {**report_schema(closed=True), "$ref": f"#/$defs/{kind}"}
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(document)


def written() -> dict[Path, str]:
    """Returns the text of every file that is written, by its place."""
    return {
        REFERENCE / "commands.md": commands_page(),
        REFERENCE.parent / "decisions" / "index.md": decisions_page(),
        REFERENCE / "report.schema.json": json.dumps(report_schema(), indent=2) + "\n",
    }


def main() -> None:
    for path, text in written().items():
        path.write_text(text, encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()

"""The words of README, docs/ and docstrings: standard terms of the field, as docs/glossary.md has them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
GLOSSARY = ROOT / "docs" / "glossary.md"
LIST = "## Not used here"

EXEMPT: set[str] = set()
"""Files whose docstrings are still to be rewritten. This set only shrinks."""


def banned_phrases() -> list[str]:
    """The first column of the table under `LIST` in the glossary."""
    _, _, table = GLOSSARY.read_text(encoding="utf-8").partition(LIST)
    return re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)


def used(text: str) -> list[str]:
    """The banned phrases in a text; code blocks and code spans are names, not words."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    prose = re.sub(r"\s+", " ", re.sub(r"`[^`\n]*`", "", text))
    return [phrase for phrase in banned_phrases() if re.search(rf"\b{re.escape(phrase)}", prose, re.IGNORECASE)]


def docstrings(path: Path) -> str:
    """All strings of a module that stand by themselves: docstrings of modules, classes, functions and attributes."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    strings = [node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)]
    return "\n".join(s.value for s in strings if isinstance(s, ast.Constant) and isinstance(s.value, str))


def pages() -> list[Path]:
    """README and docs/, but for records of what was done: decisions, and the log of FBNet-R."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    records = (ROOT / "docs" / "decisions", ROOT / "docs" / "training" / "fbnet-r.md")
    return [page for page in found if not any(page == record or record in page.parents for record in records)]


def test_the_glossary_lists_phrases() -> None:
    assert {"made frame", "whoever", "nobody", "halvings"} <= set(banned_phrases())


def test_banned_phrases_are_found() -> None:
    assert used("Whoever reads: two made\nframes, `halvings` of ```nobody```") == ["made frame", "whoever"]
    assert used("An interpolated frame.") == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_pages_use_the_words_of_the_field(page: Path) -> None:
    assert used(page.read_text(encoding="utf-8")) == []


def test_docstrings_use_the_words_of_the_field() -> None:
    """The exempted files are exactly those that still offend: no other does, and none is exempted for nothing."""
    offending = {
        path.relative_to(ROOT).as_posix(): phrases
        for path in sorted((ROOT / "frame_booster").rglob("*.py"))
        if (phrases := used(docstrings(path)))
    }
    assert {path: phrases for path, phrases in offending.items() if path not in EXEMPT} == {}, "rewrite these"
    assert EXEMPT - offending.keys() == set(), "take these out of EXEMPT"

"""Hooks of MkDocs for the site of docs/ (mkdocs.yml names this file).

Pages are written to be read in the repository as well, where they link to code and to files outside docs/. On the site
such files are pages too (`FROM_OUTSIDE`), or links to the repository, whose address is that of pyproject.toml.
"""

from __future__ import annotations

import posixpath
import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
FROM_OUTSIDE = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "weights/recipes/fbnet-2/README.md": "training/fbnet-2.md",
    "README.md": "index.md",
}
"""Files of the repository that are pages of the site."""
_OF = {page: source for source, page in FROM_OUTSIDE.items() if source != "README.md"}
_LINK = re.compile(r"(\]\()([^)\s#:]+)(#[^)\s]*)?(\))")
_LOADED = re.compile(
    r"""<(?:script|link|img|iframe|source|video|audio)\b[^>]*?\b(?:src|href)=["']?(?:https?:)?//[^>]*>"""
)
_HARMLESS = re.compile(r"rel=\"?(?:canonical|prev|next|me)")


def _repository() -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["urls"]["Source"])


def _with_records(item: Any) -> Any:
    """Puts all decision records in the place of `decisions/*` in the navigation."""
    if isinstance(item, dict):
        return {name: _with_records(below) for name, below in item.items()}
    if not isinstance(item, list):
        return item
    records = [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs/decisions").glob("[0-9]*.md")]
    return [_with_records(below) for below in item if below != "decisions/*"] + (
        sorted(records) if "decisions/*" in item else []
    )


def on_config(config: Any) -> Any:
    """Links to the repository from the foot of every page: Material's own link would ask its host for numbers.

    The navigation gets the decision records.
    """
    config.nav = [_with_records(item) for item in config.nav]
    config.extra["social"] = [{"icon": "material/source-repository", "link": _repository(), "name": "Source"}]
    return config


def on_files(files: Any, config: Any) -> Any:
    """Adds the pages that lie outside docs/."""
    for page, source in _OF.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Turns links that leave docs/ into links to pages, or to the repository.

    Raises:
      PluginError: a link leads nowhere.
    """
    here = page.file.src_uri
    folder = posixpath.dirname(_OF.get(here, f"docs/{here}"))

    def replaced(found: re.Match[str]) -> str:
        opening, link, anchor, closing = found[1], found[2], found[3] or "", found[4]
        target = posixpath.normpath(posixpath.join(folder, link))
        if not (ROOT / target).exists():
            raise PluginError(f"{here}: a link leads nowhere: {link}")
        inside = target.removeprefix("docs/") if target.startswith("docs/") else FROM_OUTSIDE.get(target)
        if inside is None:
            kind = "tree" if (ROOT / target).is_dir() else "blob"
            return f"{opening}{_repository()}/{kind}/main/{target}{anchor}{closing}"
        return f"{opening}{posixpath.relpath(inside, posixpath.dirname(here) or '.')}{anchor}{closing}"

    parts = re.split(r"(^```.*?^```)", markdown, flags=re.MULTILINE | re.DOTALL)
    return "".join(part if part.startswith("```") else _LINK.sub(replaced, part) for part in parts)


def on_post_build(config: Any) -> None:
    """Looks through what was written for anything that a browser would load from elsewhere.

    Raises:
      PluginError: there is something.
    """
    for path in Path(config.site_dir).rglob("*.html"):
        for found in _LOADED.finditer(path.read_text(encoding="utf-8")):
            if not _HARMLESS.search(found[0]):
                raise PluginError(f"{path}: would load something from elsewhere: {found[0]}")
    for path in Path(config.site_dir).rglob("*.css"):
        if re.search(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", path.read_text(encoding="utf-8")):
            raise PluginError(f"{path}: would load something from elsewhere")

"""Text files that a user gives, in the Unicode encoding that their first bytes (BOM) name; without one, UTF-8.

PowerShell 5.1 writes UTF-16 where output is led to a file, and Notepad what its user has chosen.
"""

from __future__ import annotations

import codecs
import io
from pathlib import Path

_ENCODINGS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def read_text(path: Path) -> str:
    """Returns what a text file holds, without a BOM, its lines ended by "\\n" whatever they are ended by there.

    Raises:
      OSError: it cannot be read.
      UnicodeDecodeError: it is in another encoding; `line_of` tells where.
    """
    # Read once: it may be a pipe.
    data = path.read_bytes()
    bom, encoding = next(((bom, name) for bom, name in _ENCODINGS if data.startswith(bom)), (b"", "utf-8"))
    return _with_newlines(data.removeprefix(bom).decode(encoding))


def line_of(error: UnicodeDecodeError) -> int:
    """Returns the number of the line, from 1, in which `read_text` met what it could not decode."""
    before = bytes(error.object[: error.start]).decode(error.encoding, "replace")
    return _with_newlines(before).count("\n") + 1


def _with_newlines(text: str) -> str:
    return io.StringIO(text, newline=None).read()

"""Inputs by address, as `https://host/film.mkv` or `s3://bucket/film.mkv`: paths whose bytes come over a network.

fsspec (the extra `remote`) reads them, and of them only the ranges that are asked for.
"""

from __future__ import annotations

import os
import re
import shlex
import stat
import sys
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from frame_booster import files
from frame_booster.errors import InputError
from frame_booster.media.windows_names import possible

if sys.platform == "win32":
    from pathlib import WindowsPath as LocalPath
else:
    from pathlib import PosixPath as LocalPath

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
"""RFC 3986, 3; a drive of Windows is one letter."""
_BLOCK = 2 << 20
"""Bytes that are fetched at once: of a video at 20 Mbit/s, most of a second."""
_BLOCKS = 16
"""Blocks that are kept: streams may lie far from each other, and are read in turns."""


def is_address(text: str) -> bool:
    """Tells whether the name of an input is an address, and not that of a file here."""
    return bool(_ADDRESS.match(text)) and not Path(text).exists()


def _quoted(address: str) -> str:
    """Returns an address as a shell takes it: in double quotes, which cmd.exe knows too, wherever these do."""
    quoted = shlex.quote(address)
    return quoted if quoted == address or re.search(r'["$`\\!]', address) else f'"{address}"'


class RemotePath(LocalPath):
    """The path of an input by address; it is read like a file, and nothing can be written to it."""

    address: str

    @classmethod
    def of(cls, address: str) -> RemotePath:
        """Returns the path of an address.

        Raises:
          InputError: fsspec is not installed, or knows no such protocol.
        """
        parts = urlsplit(address)
        names = parts.path.split("/")
        # Results are called after it, and not all that an address may have can be in the name of a file.
        path = cls(parts.netloc, *(map(possible, names) if files.WINDOWS else names))
        path.address = address
        if not path.name:
            raise InputError("is an address without a file name", path=address)
        path._filesystem  # noqa: B018  (what is missing is to be told now)
        return path

    def __str__(self) -> str:
        return self.address

    def __fspath__(self) -> str:
        return self.address

    def __reduce__(self) -> Any:
        return RemotePath.of, (self.address,)

    @cached_property
    def _filesystem(self) -> tuple[Any, str]:
        pipe = f"ffmpeg -i {_quoted(self.address)} -c copy -f matroska - | frame-booster - -o ..."
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            raise InputError(
                "is an address, but fsspec, which reads addresses, is not installed",
                path=self.address,
                hint=f'pip install "frame-booster[remote]", or download it, or pipe: {pipe}',
            ) from error
        try:
            found: tuple[Any, str] = url_to_fs(self.address)
        except (ValueError, ImportError) as error:
            raise InputError(
                f"is an address that fsspec cannot read: {error}",
                path=self.address,
                hint=f"download it, or pipe: {pipe}",
            ) from error
        return found

    @cached_property
    def _facts(self) -> dict[str, Any]:
        """What the server says of the file.

        Raises:
          InputError: there is none, it cannot be reached, or it cannot be read in parts.
        """
        filesystem, path = self._filesystem
        try:
            facts: dict[str, Any] = filesystem.info(path)
            size = facts.get("size")
            if size:
                # Whether the server gives parts is seen by asking for one.
                with filesystem.open(path, "rb", cache_type="none") as file:
                    file.seek(size - 1)
                    file.read(1)
        except FileNotFoundError as error:
            # Of HTTP fsspec says so whatever has happened.
            cause, status = error.__cause__, getattr(error.__cause__, "status", 404)
            if isinstance(cause, OSError) or status not in (404, 410):
                raise InputError(f"cannot be reached: {cause}", path=self.address) from error
            raise InputError("no such file", path=self.address) from error
        except ValueError as error:
            raise self._in_one_piece() from error
        # Each of fsspec's many libraries has errors of its own.
        except Exception as error:
            text = str(error) or type(error).__name__
            raise InputError(f"cannot be reached: {text}", path=self.address) from error
        if size is None or facts.get("partial") is False:
            raise self._in_one_piece()
        return facts

    def _in_one_piece(self) -> InputError:
        return InputError(
            "its server does not support range requests, which are needed to read a video in parts",
            path=self.address,
            hint="download it, or enable range requests on the server (RFC 9110, section 14)",
        )

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """Returns the size, and a number in place of the time that changes when the file does."""
        facts = self._facts
        version = [str(facts[k]) for k in ("ETag", "etag", "Last-Modified", "LastModified", "mtime") if facts.get(k)]
        changed = int.from_bytes("".join(version).encode()[-6:], "big")
        return os.stat_result((stat.S_IFREG | 0o444, 0, 0, 1, 0, 0, facts["size"], 0, changed, 0))

    def exists(self, *, follow_symlinks: bool = True) -> bool:
        return bool(self._facts)

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        return True

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        return False

    def is_symlink(self) -> bool:
        return False

    def absolute(self) -> RemotePath:
        return self

    def with_name(self, name: str) -> Path:  # type: ignore[override]
        """Returns a path of that name in the current folder: beside an address nothing can be written."""
        return Path(name)

    def open(self, *arguments: Any, **named: Any) -> Any:
        """Opens it for reading; ranges are fetched as they are read."""
        self.exists()
        filesystem, path = self._filesystem
        options = {"maxblocks": _BLOCKS}
        return filesystem.open(path, "rb", block_size=_BLOCK, cache_type="blockcache", cache_options=options)

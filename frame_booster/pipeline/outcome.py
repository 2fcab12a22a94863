"""What became of one input, as reports tell it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from frame_booster.errors import as_known
from frame_booster.pipeline.result import Result


@dataclass(frozen=True)
class FileOutcome:
    """What became of one file."""

    input: str
    output: str
    outcome: str
    """done, skipped or failed."""
    result: Result | None = None
    error: str | None = None
    exit_code: int = 0
    bytes: int | None = None
    """Of the output; None where it is no file."""

    @classmethod
    def done(cls, input: str, output: str, result: Result) -> FileOutcome:
        """Returns the outcome of a file that is done."""
        return cls(input, output, "done", result, bytes=bytes_of(output))

    @classmethod
    def failed(cls, input: str, output: str, error: Exception) -> FileOutcome:
        """Returns the outcome of a file whose work has ended in an error."""
        known = as_known(error, input)
        return cls(input, output, "failed", error=str(known), exit_code=known.exit_code)

    def as_json(self) -> dict[str, Any]:
        """Returns the fields; those of the result among them."""
        facts: dict[str, Any] = {"input": self.input, "output": self.output, "outcome": self.outcome}
        if self.result is not None:
            facts |= {k: v for k, v in self.result.as_json().items() if k not in facts}
        if self.bytes is not None:
            facts["bytes"] = self.bytes
        if self.error is not None:
            facts |= {"error": self.error, "exit_code": self.exit_code}
        return facts


def bytes_of(output: str) -> int | None:
    """Returns the bytes of an output that is whole; None where it is no file."""
    return Path(output).stat().st_size if output != "-" and Path(output).is_file() else None

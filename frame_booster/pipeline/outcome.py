"""The outcome of one input, as in reports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from frame_booster.errors import as_known
from frame_booster.pipeline.result import Result


@dataclass(frozen=True)
class FileOutcome:
    """The outcome of one file."""

    input: str
    output: str
    outcome: str
    """done, skipped or failed."""
    result: Result | None = None
    error: str | None = None
    exit_code: int = 0
    bytes: int | None = None
    """Size of the output; None if it is not a file."""

    @classmethod
    def done(cls, input: str, output: str, result: Result) -> FileOutcome:
        """Returns the outcome of a file that is done."""
        return cls(input, output, "done", result, bytes=bytes_of(output))

    @classmethod
    def failed(cls, input: str, output: str, error: Exception) -> FileOutcome:
        """Returns the outcome of a file that has failed."""
        known = as_known(error, input)
        return cls(input, output, "failed", error=str(known), exit_code=known.exit_code)

    def as_json(self) -> dict[str, Any]:
        """Returns the fields, including those of the result."""
        facts: dict[str, Any] = {"input": self.input, "output": self.output, "outcome": self.outcome}
        if self.result is not None:
            facts |= {k: v for k, v in self.result.as_json().items() if k not in facts}
        if self.bytes is not None:
            facts["bytes"] = self.bytes
        if self.error is not None:
            facts |= {"error": self.error, "exit_code": self.exit_code}
        return facts


def bytes_of(output: str) -> int | None:
    """Returns the size of a complete output in bytes; None if it is not a file."""
    return Path(output).stat().st_size if output != "-" and Path(output).is_file() else None

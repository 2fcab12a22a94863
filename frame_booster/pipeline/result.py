"""The result of a run: facts about its output and its work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from typing import Any, Protocol

from frame_booster.media.input.source import Source
from frame_booster.pipeline.job import Outcome
from frame_booster.pipeline.stage_times import StageTimes


@dataclass(frozen=True)
class Result:
    """Facts about a finished run."""

    input: str
    output: str
    frames_in: int
    frames_out: int
    made: int
    held: int
    cuts: int
    gaps: int
    still: int
    repeats: int
    duration: Fraction
    """Duration of the output's video in s."""
    rate: Fraction | None
    """Average frame rate of the output in frames per second, None if unknown."""
    decode_errors: int
    seconds: float
    model: str
    device: str
    precision: str
    engine: str = "tensorflow"
    provider: str | None = None
    """Execution provider of the ONNX engine."""
    warnings: list[str] = field(default_factory=list)
    stages: StageTimes = field(default_factory=StageTimes)
    """How long each stage was busy; on a cluster, only joining and the check."""
    cluster: dict[str, Any] | None = None
    """Facts about the run on a cluster; None if one machine did it."""

    def as_json(self) -> dict[str, Any]:
        """Returns the fields with fractions as text, such as "30000/1001"."""
        facts = {k: str(v) if isinstance(v, Fraction) else v for k, v in asdict(self).items()}
        return {**facts, "stages": self.stages.as_json()}


class Loaded(Protocol):
    """Facts about a model, which may be loaded here or on other machines."""

    @property
    def name(self) -> str:
        """Name of the network."""
        ...

    @property
    def device(self) -> str:
        """TensorFlow's name of its device."""
        ...

    @property
    def precision(self) -> str:
        """Dtype of the convolutions."""
        ...

    @property
    def engine(self) -> str:
        """Name of its engine."""
        ...

    @property
    def provider(self) -> str | None:
        """Execution provider of the ONNX engine."""
        ...

    @property
    def peers(self) -> Sequence[Loaded]:
        """The same model on further devices."""
        ...


def result_of(source: Source, output: str, outcome: Outcome, model: Loaded, seconds: float) -> Result:
    """Returns the result of a run.

    Args:
      source: the input.
      output: name of the output.
      outcome: outcome of its job.
      model: facts about the model.
      seconds: duration of the run in s.
    """
    counts, written, timeline = outcome.counts, outcome.written, outcome.timeline
    return Result(
        input=str(source.path),
        output=output,
        frames_in=counts.source,
        frames_out=written.frames,
        made=counts.made,
        held=counts.held,
        cuts=counts.cuts,
        gaps=counts.gaps,
        still=counts.still,
        repeats=counts.repeats,
        duration=(written.end_pts - (written.first_pts or 0)) * timeline.time_base,
        rate=timeline.rate,
        decode_errors=source.report.decode_errors,
        seconds=round(seconds, 3),
        model=model.name,
        device=",".join(m.device for m in (model, *model.peers)),
        precision=model.precision,
        engine=model.engine,
        provider=model.provider,
        warnings=[*source.report.warnings, *outcome.warnings],
        stages=outcome.stages,
    )

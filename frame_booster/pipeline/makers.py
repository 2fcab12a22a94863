"""What makes the interpolated frames of an input: the network on each device, as memory and cores allow."""

from __future__ import annotations

from collections.abc import Callable

from frame_booster.engine.batch_interpolator import BatchInterpolator, KeptMakers
from frame_booster.engine.contract import LoadedNetwork
from frame_booster.engine.maker import Maker
from frame_booster.engine.memory_plan import Plan, free_memory, make_plan
from frame_booster.engine.multi_device import MultiDeviceInterpolator
from frame_booster.media.input.source import Source
from frame_booster.pipeline.settings import JobSettings
from frame_booster.pixels import PixelLayout


def maker_for(
    layout: PixelLayout,
    model: LoadedNetwork,
    settings: JobSettings,
    *,
    warn: Callable[[str], None],
    memory: int,
    refuse: bool,
    sharers: int,
    kept: KeptMakers | None,
    expected: int | None,
) -> tuple[Maker, list[Plan]]:
    """Returns what makes the interpolated frames, and the plan of each device.

    Args:
      layout: of the frames.
      model: on the first device; its peers are those on the others.
      settings: of the job.
      warn: told of what does not go as planned.
      memory: for this job, bytes.
      refuse: whether what does not fit is refused, not tried.
      sharers: jobs at the same time, this one among them.
      kept: makers of earlier jobs, for a model on one device.
      expected: how many frames are to be interpolated, None if unknown.

    Raises:
      InputError: the memory that is allowed is not enough, or the flow scale is not one of the network's.
    """
    models = (model, *model.peers)
    alone = len(models) == 1 and sharers == 1
    makers, plans = [], []
    for each in models:
        plan = make_plan(
            layout,
            each,
            batch_size=settings.batch_size,
            flow_scale=settings.flow_scale,
            max_memory=memory,
            refuse=refuse,
            # A GPU computes one batch at a time, whatever else is under way on it.
            at_once=each.frames_at_once() if alone or "GPU" in each.device else 1,
        )
        plans.append(plan)
        makers.append(BatchInterpolator(each, layout, plan, warn, kept if len(models) == 1 else None, expected))
    return makers[0] if len(makers) == 1 else MultiDeviceInterpolator(makers), plans


class NetworkMakers:
    """Gives the maker of a job: the network's, in the job's share of the machine.

    Args:
      source: opened.
      model: gives the model.
      settings: of the job.
      memory: bytes that the job may use; None: half of what is free, shared by all jobs.
      sharers: jobs at the same time, this one among them.
      kept: makers of earlier jobs, for a model on one device.
    """

    def __init__(
        self,
        source: Source,
        model: Callable[[], LoadedNetwork],
        settings: JobSettings,
        memory: int | None,
        sharers: int,
        kept: KeptMakers | None,
    ) -> None:
        self._source, self._model, self._settings = source, model, settings
        self._memory, self._sharers, self._kept = memory, sharers, kept
        self.plans: list[Plan] = []
        """How the network works, for each device; known once there is a maker."""

    def __call__(self, layout: PixelLayout) -> Maker:
        """Loads the network and returns what makes the frames of a layout; raises as `maker_for` does."""
        # What is free before the model is loaded: a plan counts the model, too.
        memory = free_memory() // 2 // self._sharers if self._memory is None else self._memory
        maker, plans = maker_for(
            layout,
            self._model(),
            self._settings,
            warn=self._source.report.warn,
            memory=memory,
            refuse=self._memory is not None,
            sharers=self._sharers,
            kept=self._kept,
            expected=self._expected(),
        )
        self.plans += plans
        return maker

    def _expected(self) -> int | None:
        """Returns how many frames are to be interpolated, as far as the input tells."""
        return self._settings.rate.interpolated_frames(self._source.expected_frames, self._source.info.rate)

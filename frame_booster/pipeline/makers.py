"""Makers of interpolated frames for an input: the network on each device, planned by memory and cores."""

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
    """Returns a maker of interpolated frames, and the plan of each device.

    Args:
      layout: pixel layout of the frames.
      model: the network on the first device; its peers are those on the other devices.
      settings: settings of the job.
      warn: called with warnings when the plan has to change.
      memory: memory for this job, in bytes.
      refuse: whether too little memory is an error, instead of trying the smallest plan.
      sharers: number of simultaneous jobs, including this one.
      kept: makers of earlier jobs, for a model on one device.
      expected: number of frames to interpolate, None if unknown.

    Raises:
      InputError: the allowed memory is not enough, or the network does not support the flow scale.
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
            # A GPU computes one batch at a time anyway, so there this does not depend on other jobs.
            at_once=each.frames_at_once() if alone or "GPU" in each.device else 1,
        )
        plans.append(plan)
        makers.append(BatchInterpolator(each, layout, plan, warn, kept if len(models) == 1 else None, expected))
    return makers[0] if len(makers) == 1 else MultiDeviceInterpolator(makers), plans


class NetworkMakers:
    """Creates the maker of a job for a pixel layout, within the job's share of the machine.

    Args:
      source: the open input.
      model: returns the model.
      settings: settings of the job.
      memory: memory for the job in bytes; None is half of the free memory, divided among all jobs.
      sharers: number of simultaneous jobs, including this one.
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
        """Plan of each device; empty until a maker is created."""

    def __call__(self, layout: PixelLayout) -> Maker:
        """Loads the network and returns the maker for a pixel layout; raises as `maker_for` does."""
        # Measured before the model is loaded, since a plan includes the model.
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
        """Returns the number of frames to interpolate; None if unknown."""
        return self._settings.rate.interpolated_frames(self._source.expected_frames, self._source.info.rate)

"""Interpolation of frames of one layout on one device, from planes to planes, under a plan that memory can shrink."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from frame_booster.engine.contract import LoadedNetwork
from frame_booster.engine.device_failure import device_failure
from frame_booster.engine.maker import HALF, Request
from frame_booster.engine.makers.batch import BatchMaker
from frame_booster.engine.makers.plan_maker import PlanMaker
from frame_booster.engine.makers.stream import StreamMaker
from frame_booster.engine.makers.strips import StripMaker
from frame_booster.engine.memory_plan import Plan, make_plan
from frame_booster.engine.recursive_midpoint import recursive_midpoints
from frame_booster.errors import ModelError
from frame_booster.pixels import PixelLayout, Planes


class _CompiledPlan:
    """A plan and the maker compiled for it. Swapped as one object, because other threads may still use the old one."""

    def __init__(self, plan: Plan, maker: PlanMaker) -> None:
        self.plan, self.maker = plan, maker
        self.gate = threading.Semaphore(plan.at_once)


FEW_PAIRS = 2
"""Pairs at once while the computation of more is being compiled, which takes seconds on a GPU."""
SHORT_PAIRS = 4
"""Pairs at once in a run that is done before two computations would be compiled."""
SHORT_RUN = 400
"""Interpolated frames of such a run."""
_compiling: set[threading.Thread] = set()
_AT_THE_END_S = 30.0
"""How long the end of the process waits for a computation that is being compiled: a thread that came back from the
compiler while Python is taken down would abort it."""


@atexit.register
def _wait_for_compilers() -> None:
    for thread in tuple(_compiling):
        thread.join(_AT_THE_END_S)


class KeptMakers:
    """Makers of earlier runs of one model, for the next: tracing and compiling them takes as long as many small frames.

    One run at a time may use them, since they keep what they know of neighbouring frames.

    Args:
      most: makers to keep; what they know of frames takes memory.
    """

    def __init__(self, most: int = 2) -> None:
        self._most = most
        self._makers: dict[tuple[PixelLayout, Plan], PlanMaker] = {}
        self._instead: dict[tuple[PixelLayout, Plan], Plan] = {}

    def has(self, layout: PixelLayout, plan: Plan) -> bool:
        """Tells whether there is one already."""
        return (layout, plan) in self._makers

    def get(self, layout: PixelLayout, plan: Plan, make: Callable[[Plan], PlanMaker]) -> PlanMaker:
        """Returns the maker of a layout and a plan, made if there is none."""
        key = layout, plan
        maker = self._makers.pop(key, None) or make(plan)
        while len(self._makers) >= self._most:
            del self._makers[next(iter(self._makers))]
        self._makers[key] = maker
        return maker

    def fitting(self, layout: PixelLayout, plan: Plan) -> Plan:
        """Returns the plan that took the place of one for which there was too little memory; itself, if none did."""
        while (layout, plan) in self._instead:
            plan = self._instead[layout, plan]
        return plan

    def give_way(self, layout: PixelLayout, failed: Plan, smaller: Plan) -> None:
        """Forgets what was made for a plan that needs too much memory, and takes another in its place from now on."""
        maker = self._makers.pop((layout, failed), None)
        if maker is not None and smaller == replace(failed, at_once=smaller.at_once):
            # Fewer at the same time are what is compiled already.
            self._makers[layout, smaller] = maker
        self._instead[layout, failed] = smaller


class BatchInterpolator:
    """Interpolates frames of one layout; a `Maker`.

    Args:
      model: network, weights and device.
      layout: of all frames.
      plan: how much at once; None is what `make_plan` says. Where the device runs out of memory a smaller plan takes
        its place.
      warn: told when that has changed how frames are interpolated.
      kept: makers of earlier runs of the model.
      expected: frames to be interpolated; None where that is not known, and taken for many.
    """

    def __init__(
        self,
        model: LoadedNetwork,
        layout: PixelLayout,
        plan: Plan | None = None,
        warn: Callable[[str], None] | None = None,
        kept: KeptMakers | None = None,
        expected: int | None = None,
    ) -> None:
        self.model, self.layout, self._kept = model, layout, kept
        self._warn = warn or (lambda text: None)
        self._shrinking = threading.Lock()
        self._begin(plan or make_plan(layout, model), expected)

    @property
    def plan(self) -> Plan:
        """How much is interpolated at once by now."""
        return self._compiled.plan

    @property
    def maker(self) -> PlanMaker:
        """What carries that plan out."""
        return self._compiled.maker

    @property
    def batch_size(self) -> int:
        """Pairs a call."""
        return self.plan.batch_size

    @property
    def at_once(self) -> int:
        """Calls of `make` that may run at the same time; of more, some wait."""
        return self.plan.at_once

    def _begin(self, plan: Plan, expected: int | None) -> None:
        """Compiles what the first frames need: a plan of few pairs where that of more takes seconds."""
        plan = self._fitting(plan)
        known = self._kept is not None and self._kept.has(self.layout, plan)
        if not self.model.as_computations or plan.batch_size <= FEW_PAIRS or known:
            self._compiled = self._compile(plan)
            return
        if expected is not None and expected < SHORT_RUN:
            self._compiled = self._compile(replace(plan, batch_size=min(plan.batch_size, SHORT_PAIRS)))
            return
        first = self._compiled = self._compile(replace(plan, batch_size=FEW_PAIRS))
        # Traced here, not in the thread: XLA's compilations are known again by names that count what was traced before.
        larger = self._compile(plan)
        thread = threading.Thread(target=self._warm_up, args=(first, larger), name="compiler", daemon=True)
        _compiling.add(thread)
        thread.start()

    def _warm_up(self, first: _CompiledPlan, larger: _CompiledPlan) -> None:
        try:
            while True:
                try:
                    larger.maker.warm_up()
                    break
                # What an engine raises is its own affair.
                except Exception as error:
                    half = larger.plan.batch_size // 2
                    if not self.model.is_out_of_memory(error):
                        failed = f"a batch size of {larger.plan.batch_size} failed to compile"
                        self._warn(f"{failed}, so a smaller one is used: {error}")
                        # Files that follow would fail with it, which is theirs from the first frame on.
                        self._give_way(larger.plan, first.plan)
                        return
                    if half <= FEW_PAIRS:
                        self._give_way(larger.plan, first.plan)
                        return
                    self._give_way(larger.plan, replace(larger.plan, batch_size=half))
                    larger = self._compile(replace(larger.plan, batch_size=half))
            with self._shrinking:
                # Where even few pairs have been too many, it stays with what has taken their place.
                if self._compiled is first:
                    self._compiled = larger
        finally:
            _compiling.discard(threading.current_thread())

    def _fitting(self, plan: Plan) -> Plan:
        return plan if self._kept is None else self._kept.fitting(self.layout, plan)

    def _give_way(self, failed: Plan, smaller: Plan) -> None:
        if self._kept is not None:
            self._kept.give_way(self.layout, failed, smaller)

    def _compile(self, plan: Plan) -> _CompiledPlan:
        plan = self._fitting(plan)
        maker = self._maker_for(plan) if self._kept is None else self._kept.get(self.layout, plan, self._maker_for)
        return _CompiledPlan(plan, maker)

    def _maker_for(self, plan: Plan) -> PlanMaker:
        if plan.strips > 1:
            return StripMaker(self.model, self.layout, plan)
        stream = self.model.stream(self.layout, plan) if plan.batch_size == 1 else None
        if stream is not None:
            return StreamMaker(stream, self.layout, plan)
        return BatchMaker(self.model, self.layout, plan)

    def make(self, frames: Sequence[Planes], requests: Sequence[Request]) -> list[Planes]:
        """Interpolates the requested frames, as `Maker.make`.

        Raises:
          ModelError: the device has too little memory, whatever the plan, or fails.
        """
        if self.model.network.any_timestep or all(r.t == HALF for r in requests):
            return self._make(frames, requests)

        def middles_of(pairs: list[tuple[Planes, Planes]]) -> list[Planes]:
            used = list({id(frame): frame for pair in pairs for frame in pair}.values())
            index = {id(frame): k for k, frame in enumerate(used)}
            return self._make(used, [Request(index[id(a)], index[id(b)]) for a, b in pairs])

        return recursive_midpoints([(frames[r.first], frames[r.second], r.t) for r in requests], middles_of)

    def _make(self, frames: Sequence[Planes], requests: Sequence[Request]) -> list[Planes]:
        while True:
            compiled = self._compiled
            try:
                with compiled.gate:
                    return compiled.maker.make(frames, requests)
            # What an engine raises is its own affair; all but want of memory goes on.
            except Exception as error:
                if not self.model.is_out_of_memory(error):
                    failure = device_failure(self.model.device, error)
                    if failure is None:
                        raise
                    raise failure from error
                with self._shrinking:
                    # Another call may have found it out first.
                    if self._compiled is compiled:
                        self._shrink(error)

    def _shrink(self, error: Exception) -> None:
        on_gpu = self.model.as_computations or "GPU" in self.model.device
        smaller = self.plan.smaller(self.model.network, self.layout.height, on_gpu=on_gpu)
        if smaller is None:
            raise ModelError(
                f"{self.model.device} has too little memory for {self.layout.width}x{self.layout.height}",
                hint="use --device cpu, or a smaller --flow-scale",
            ) from error
        self._give_way(self.plan, smaller)
        if smaller.at_once != self.plan.at_once:
            # Fewer at the same time are what is compiled already.
            self._compiled = _CompiledPlan(smaller, self._compiled.maker)
            return
        if smaller.flow_downscale != self.plan.flow_downscale:
            self._warn("the device has too little memory: optical flow is estimated at half the scale")
        self._compiled = self._compile(smaller)

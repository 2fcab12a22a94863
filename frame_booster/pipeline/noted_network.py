"""The network of a run in segments, as the run that began it had it: the one that goes on has it the same.

An engine, a precision and a flow scale that are not asked for are chosen by the machine, its devices and how much there
is to do, and frames of one are not those of another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from fractions import Fraction
from typing import Any

from frame_booster.engine.memory_plan import Plan
from frame_booster.errors import InputError
from frame_booster.options import BoostOptions
from frame_booster.pipeline.result import Loaded

_KEY = "network"


@dataclass(frozen=True)
class NotedNetwork:
    """What a manifest says of a network; told of in results, it is a `result.Loaded`."""

    name: str
    device: str
    """Where it ran first; it may go on elsewhere."""
    precision: str
    engine: str
    provider: str | None
    flow_scale: str | None = None
    """As a fraction; None where no frame was interpolated yet."""

    @property
    def peers(self) -> Sequence[Loaded]:
        """None: the device names all."""
        return ()

    @classmethod
    def of(cls, model: Loaded, plans: Sequence[Plan]) -> NotedNetwork:
        """Returns what is to be noted of a loaded network, and how its frames are interpolated."""
        scale = str(Fraction(1, 1 << plans[0].flow_downscale)) if plans else None
        device = ",".join(one.device for one in (model, *model.peers))
        return cls(model.name, device, model.precision, model.engine, model.provider, scale)

    @classmethod
    def in_manifest(cls, state: Mapping[str, Any]) -> NotedNetwork | None:
        """Returns what a manifest says; None where it says nothing."""
        facts = state.get(_KEY)
        return None if facts is None else cls(**{field.name: facts[field.name] for field in fields(cls)})

    def for_manifest(self) -> dict[str, Any]:
        """Returns the facts that `in_manifest` reads."""
        return {_KEY: asdict(self)}

    def asked(self, options: BoostOptions) -> BoostOptions:
        """Returns options by which a network is loaded, and run, as this one was."""
        scale = None if self.flow_scale is None else Fraction(self.flow_scale)
        return replace(
            options,
            precision=self.precision,
            engine=self.engine,
            provider=self.provider or options.provider,
            flow_scale=options.flow_scale or scale,
        )

    def check(self, model: Loaded) -> None:
        """Raises InputError where a network that is loaded already computes otherwise."""
        names = [name for name in ("engine", "provider", "precision") if getattr(self, name) != getattr(model, name)]
        if names:
            had, has = (", ".join(f"{name} {getattr(one, name)}" for name in names) for one in (self, model))
            raise InputError(
                f"an earlier run had {had}, this one has {has}",
                hint="load the model so, or delete the folder of the output's segments",
            )

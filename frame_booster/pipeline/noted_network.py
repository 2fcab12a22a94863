"""The network of a run with segments, recorded in the manifest, so that a resumed run computes the same frames.

By default the engine, the precision and the flow scale depend on the machine, its devices and the amount of work, and
frames depend on them.
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
    """Facts about a network in a manifest; a `result.Loaded`, so that results can include them."""

    name: str
    device: str
    """Device on which the run began; it may be resumed on another."""
    precision: str
    engine: str
    provider: str | None
    flow_scale: str | None = None
    """Flow scale as a fraction; None if no frame was interpolated yet."""

    @property
    def peers(self) -> Sequence[Loaded]:
        """Always empty: `device` names all devices."""
        return ()

    @classmethod
    def of(cls, model: Loaded, plans: Sequence[Plan]) -> NotedNetwork:
        """Returns the facts about a loaded network and its plans."""
        scale = str(Fraction(1, 1 << plans[0].flow_downscale)) if plans else None
        device = ",".join(one.device for one in (model, *model.peers))
        return cls(model.name, device, model.precision, model.engine, model.provider, scale)

    @classmethod
    def in_manifest(cls, state: Mapping[str, Any]) -> NotedNetwork | None:
        """Returns the facts in a manifest; None if there are none."""
        facts = state.get(_KEY)
        return None if facts is None else cls(**{field.name: facts[field.name] for field in fields(cls)})

    def for_manifest(self) -> dict[str, Any]:
        """Returns the facts as an entry of the manifest, which `in_manifest` reads."""
        return {_KEY: asdict(self)}

    def asked(self, options: BoostOptions) -> BoostOptions:
        """Returns options with which a network is loaded and run like this one."""
        scale = None if self.flow_scale is None else Fraction(self.flow_scale)
        return replace(
            options,
            precision=self.precision,
            engine=self.engine,
            provider=self.provider or options.provider,
            flow_scale=options.flow_scale or scale,
        )

    def check(self, model: Loaded) -> None:
        """Raises InputError if a loaded network has another engine, provider or precision."""
        names = [name for name in ("engine", "provider", "precision") if getattr(self, name) != getattr(model, name)]
        if names:
            had, has = (", ".join(f"{name} {getattr(one, name)}" for name in names) for one in (self, model))
            raise InputError(
                f"the earlier run used {had}, but this one uses {has}",
                hint="use the earlier values, or delete the folder with the segments of the output",
            )

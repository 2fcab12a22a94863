"""Workers that cannot be used: a few in a row end the hiring, and one that starts well begins the count anew."""

from __future__ import annotations

from typing import Any

import pytest

from frame_booster.errors import ModelError
from frame_booster.pipeline.cluster.hiring import Hiring, Place
from frame_booster.pipeline.cluster.machines import this_machine
from frame_booster.pipeline.cluster.messages import Hello, Setup
from frame_booster.pipeline.cluster.options import ClusterOptions
from frame_booster.pipeline.keywords import options_of
from tests.pipeline.cluster.test_crew import Still


class Actor:
    """A worker of whom nothing is heard."""

    class progress:
        @staticmethod
        def remote() -> str:
            return "asked"


def hiring(room: int) -> Hiring:
    options = options_of({})
    machine = this_machine(options.model, options.weights)
    place = Place(lambda setup: Actor(), room, False, None, machine)
    setup = Setup(options, 1, None, "token")
    return Hiring(Still(), place, setup, options, ClusterOptions("auto"), lambda *_: None)


def well(of: Hiring, member: Any) -> None:
    member.state = "idle"
    hello = Hello(of._place.head, "/CPU:0", "a kind", "float32", "tensorflow", None)
    of.greet(member, hello)


def test_bad_starts_hours_apart_do_not_end_the_hiring() -> None:
    crew = (of := hiring(2)).crew
    for _ in range(5):
        of.hire(None)
        first, second = crew.members
        well(of, first)
        crew.dismiss(second)
        of.bad_start(ModelError("no libcuda"))
        of.hire(None)
        assert len(crew.members) == 2, "another takes its place"
        well(of, crew.members[1])
        crew.dismiss(crew.members[0])


def test_three_bad_starts_in_a_row_do() -> None:
    crew = (of := hiring(2)).crew
    for _ in range(3):
        of.hire(None)
        crew.dismiss(crew.members[0])
        of.bad_start(ModelError("no libcuda"))
    for member in list(crew.members):
        crew.dismiss(member)
    with pytest.raises(ModelError, match="no libcuda"):
        of.hire(None)

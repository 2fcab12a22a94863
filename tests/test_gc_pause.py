"""Python's garbage collector is given back as it was found."""

from __future__ import annotations

import gc

import pytest

from frame_booster.gc_pause import collection_paused


@pytest.mark.parametrize("was_on", [True, False])
def test_the_collector_is_as_before_also_after_an_error(was_on: bool) -> None:
    before = gc.isenabled()
    try:
        (gc.enable if was_on else gc.disable)()
        with collection_paused():
            assert not gc.isenabled()
        assert gc.isenabled() is was_on
        with pytest.raises(ValueError, match="broken"), collection_paused():
            raise ValueError("broken")
        assert gc.isenabled() is was_on
    finally:
        (gc.enable if before else gc.disable)()

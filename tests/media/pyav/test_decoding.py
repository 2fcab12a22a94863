"""Errors of decoders: those that say that a packet is damaged, and those that end a run."""

from __future__ import annotations

import av
import pytest

from frame_booster.media.pyav.decoding import DamagedPacketError, decoded


def failing(error: type[Exception]) -> object:
    def decode(packet: object) -> object:
        raise error(1, "no")

    return decode


@pytest.mark.parametrize("name", ["InvalidDataError", "PatchWelcomeError", "PermissionError", "UndefinedError"])
def test_a_decoder_has_its_own_word_for_damage(name: str) -> None:
    with pytest.raises(DamagedPacketError):
        decoded(failing(getattr(av.error, name)), None)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["EOFError", "MemoryError"])
def test_the_end_and_used_up_memory_are_no_damage(name: str) -> None:
    with pytest.raises(getattr(av.error, name)):
        decoded(failing(getattr(av.error, name)), None)  # type: ignore[arg-type]


def test_what_is_decoded_is_given() -> None:
    assert decoded(len, "four") == 4

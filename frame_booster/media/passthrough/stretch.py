"""Slowing audio down at its own pitch: the filters that do it, and by how much they give sounds too early."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Any

import av
import av.error
import av.filter
import numpy as np

TAIL = Fraction(1, 4)
"""Silence after the last sample, s: atempo keeps back up to two of its windows at the end, of at most a tenth each."""
_MEASURED = 16
"""Most times longer for which the lead is measured; with each doubling from there on it doubles."""
_BURST, _EVERY, _BURSTS = Fraction(1, 10), Fraction(3, 10), 9
"""Length of a burst of noise and distance to the next, s, and number of them."""


def tempos(slower: Fraction) -> list[str]:
    """Returns the tempos of filters in a row that make audio so many times longer; atempo goes no lower than 0.5."""
    found = []
    while slower > 2:
        found.append("0.5")
        slower /= 2
    return [*found, f"{float(1 / slower):.17g}"] if slower != 1 else found


@lru_cache
def lead(rate: int, slower: Fraction) -> Fraction:
    """Returns by how much, s, sounds come too early on the average out of the filters of `tempos`.

    Where atempo looks for the place at which two windows fit, it prefers later ones, by some share of a window that
    depends on the rate, and to a part on what is heard. So bursts of noise that fade, as sounds do, are sent through
    the filters. What is left is some hundredths of a second at four times the length, more for clicks than for tones.

    Args:
      rate: of the audio, samples a second.
      slower: how many times longer it becomes, at least 1.
    """
    doubled = 1
    while slower > _MEASURED:
        slower, doubled = slower / 2, doubled * 2
    if slower == 1:
        return Fraction(0)
    length, every = round(rate * _BURST), round(rate * _EVERY)
    sound = np.zeros(every * (_BURSTS + 1), np.float32)
    shape = np.random.default_rng(0).standard_normal((_BURSTS, length)) * np.hanning(2 * length)[length:]
    places = [every * k for k in range(1, _BURSTS + 1)]
    for place, burst in zip(places, shape, strict=True):
        sound[place : place + length] = burst / 4
    stretched = np.concatenate(list(_through(sound, rate, slower)))
    found = []
    for place in places:
        # Where its energy lies on the average, from half a gap before a burst up to half a gap after it.
        middle, half = place + _middle(sound[place : place + length]), every // 2
        begin = max(round((place - half) * slower), 0)
        part = stretched[begin : round((place + half) * slower)]
        found.append(float(middle * slower) - begin - _middle(part))
    return Fraction(round(float(np.mean(found))), rate) * doubled


def _middle(samples: np.ndarray[Any, Any]) -> Fraction:
    energy = samples.astype(np.float64) ** 2
    return Fraction(float((np.arange(len(energy)) * energy).sum() / max(energy.sum(), 1e-12)))


def _through(sound: np.ndarray[Any, Any], rate: int, slower: Fraction) -> Iterator[np.ndarray[Any, Any]]:
    graph = av.filter.Graph()
    last = graph.add_abuffer(sample_rate=rate, format="flt", layout="mono", time_base=Fraction(1, rate))
    for link in [*(graph.add("atempo", tempo) for tempo in tempos(slower)), graph.add("abuffersink")]:
        last.link_to(link)
        last = link
    graph.configure()
    frame = av.AudioFrame.from_ndarray(sound[None], "flt", "mono")
    frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
    graph.push(frame)
    graph.push(None)
    while True:
        try:
            yield graph.pull().to_ndarray()[0]
        except (av.error.BlockingIOError, av.error.EOFError):
            return

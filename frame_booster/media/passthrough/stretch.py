"""Slowing down of audio at constant pitch: the atempo filters, and by how much they output sounds too early."""

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
"""Silence appended after the last sample, in s: atempo withholds up to two windows, each of at most 0.1 s."""
_MEASURED = 16
"""Largest factor for which the lead is measured; beyond it the lead doubles with the factor."""
_BURST, _EVERY, _BURSTS = Fraction(1, 10), Fraction(3, 10), 9
"""Length of a burst of noise and distance to the next, both in s, and the number of bursts."""


def tempos(slower: Fraction) -> list[str]:
    """Returns the tempos of a chain of atempo filters that make audio longer by a factor; each is at least 0.5."""
    found = []
    while slower > 2:
        found.append("0.5")
        slower /= 2
    return [*found, f"{float(1 / slower):.17g}"] if slower != 1 else found


@lru_cache
def lead(rate: int, slower: Fraction) -> Fraction:
    """Returns how much too early, in s, sounds leave the filters of `tempos` on average.

    When atempo aligns two windows, it prefers later positions, by a share of a window that depends on the sample rate
    and partly on the sound. So this is measured with fading bursts of noise. The remaining error is some hundredths of
    a second at a factor of four, more for clicks than for tones.

    Args:
      rate: sample rate in Hz.
      slower: factor by which the audio becomes longer, at least 1.
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
        # Centre of energy, from half a distance before the centre of a burst to half a distance after it.
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

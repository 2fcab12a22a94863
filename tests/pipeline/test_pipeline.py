"""When frames are shown, what becomes of pairs, and the queue between threads; no network."""

from __future__ import annotations

import itertools
import re
import threading
from dataclasses import fields
from fractions import Fraction

import av
import numpy as np
import pytest

from frame_booster.engine.maker import Request
from frame_booster.errors import InputError, ModelError
from frame_booster.media.frames.planes import layout_of, planes_of
from frame_booster.media.frames.similarity import similarity, thumbnail
from frame_booster.media.input.source import SourceFrame
from frame_booster.option_values import parse_time
from frame_booster.options import BoostOptions, EncoderOptions, InputOptions
from frame_booster.pipeline.byte_queue import Broken, ByteQueue
from frame_booster.pipeline.keywords import BoostKeywords
from frame_booster.pipeline.pairing import Pairing, PairingOptions, Shown
from frame_booster.pipeline.timeline import Grid, Multiple, RateChoice, gap_limit, last_duration
from frame_booster.pixels import Planes
from tests.conftest import picture


@pytest.mark.parametrize("factor", [2, 3, 8, 16])
@pytest.mark.parametrize("gap", [1, 3, 1001])
def test_made_frames_are_exactly_between(factor: int, gap: int) -> None:
    timeline = Multiple(Fraction(1), None, factor)
    slots = list(timeline.between(7, 7 + gap))
    assert timeline.time_base == Fraction(1, factor)
    assert [slot.pts * timeline.time_base for slot in slots] == [7 + Fraction(gap * k, factor) for k in range(factor)]
    assert [slot.at for slot in slots] == [7 + Fraction(gap * k, factor) for k in range(factor)]
    assert sum(slot.duration for slot in slots) * timeline.time_base == gap


def test_three_hours_at_23_976_do_not_drift() -> None:
    """24000/1001 frames a second, two for one: frame n is shown at n * 1001/48000 s, exactly."""
    time_base, frames = Fraction(1, 24000), 3 * 3600 * 24
    timeline = Multiple(time_base, Fraction(24000, 1001), 2)
    shown = [slot for k in (0, frames - 2) for slot in timeline.between(1001 * k, 1001 * (k + 1))]
    times = [slot.pts * timeline.time_base for slot in shown]
    assert times == [Fraction(1001, 48000) * n for n in (0, 1, 2 * frames - 4, 2 * frames - 3)]


def test_slow_motion_lasts_longer_at_the_same_rate() -> None:
    timeline = Multiple(Fraction(1, 25), Fraction(25), 2, slower=2)
    assert timeline.rate == 25
    times = [slot.pts * timeline.time_base for k in range(3) for slot in timeline.between(k, k + 1)]
    assert times == [Fraction(k, 25) for k in range(6)]


@pytest.mark.parametrize(("rate", "target"), [(24, 60), (25, 60), (30, 24), (50, 50)])
def test_any_rate_lies_on_its_own_grid(rate: int, target: int) -> None:
    timeline = Grid(Fraction(1, rate), 3, Fraction(target))
    slots = [slot for k in range(3, 3 + rate) for slot in timeline.between(k, k + 1)]
    assert [slot.pts * timeline.time_base for slot in slots] == [
        Fraction(3, rate) + Fraction(k, target) for k in range(target)
    ]
    assert all(slot.duration * timeline.time_base == Fraction(1, target) for slot in slots)
    assert [slot.at / rate for slot in slots] == [slot.pts * timeline.time_base for slot in slots]


def test_a_grid_over_uneven_frames_and_rates_of_ntsc_is_exact() -> None:
    timeline = Grid(Fraction(1, 90000), 12345, Fraction(60000, 1001))
    pts = [12345, 15000, 20001, 99999, 200000]
    slots = [slot for a, b in itertools.pairwise(pts) for slot in timeline.between(a, b)]
    times = [slot.pts * timeline.time_base for slot in slots]
    assert times == [Fraction(12345, 90000) + k * Fraction(1001, 60000) for k in range(len(times))]
    assert times[-1] < Fraction(200000, 90000) <= times[-1] + Fraction(1001, 60000)


@pytest.mark.parametrize("rate", [Fraction(30), Fraction(30000, 1001), Fraction(24000, 1001)])
def test_rounded_times_are_those_they_were_rounded_from(rate: Fraction) -> None:
    """Milliseconds: each source frame is in the grid of twice the rate once, and lies exactly on it."""
    pts = [round(1000 * k / rate) for k in range(200)]
    timeline = Grid(Fraction(1, 1000), 0, 2 * rate)
    slots = [slot for a, b in itertools.pairwise(pts) for slot in timeline.between(a, b)]
    assert [slot.pts * timeline.time_base for slot in slots] == [k / (2 * rate) for k in range(398)]
    assert [slot.at for slot in slots[::2]] == pts[:-1]
    assert all(0 < slot.at - a < b - a for slot, (a, b) in zip(slots[1::2], itertools.pairwise(pts), strict=True))


@pytest.mark.parametrize(
    ("own", "gap", "rate", "expected"),
    [(3, 2, Fraction(25), 3), (0, 2, Fraction(25), 2), (0, 0, Fraction(25), 40), (0, 0, None, 1)],
)
def test_how_long_the_last_frame_is_shown(own: int, gap: int, rate: Fraction | None, expected: int) -> None:
    assert last_duration(own, gap, rate, Fraction(1, 1000)) == expected


class Mean:
    """Stands in for the network: the mean of two frames."""

    def __init__(self, batch_size: int, at_once: int = 1) -> None:
        self.batch_size, self.at_once, self.batches = batch_size, at_once, []

    def make(self, frames: list[Planes], requests: list[Request]) -> list[Planes]:
        self.batches.append(len(requests))
        return [
            tuple(
                ((a.astype(int) + b) // 2).astype(np.uint8)
                for a, b in zip(frames[r.first], frames[r.second], strict=True)
            )
            for r in requests
        ]


def frame(index: float, pts: int, *, scene: int = 0) -> SourceFrame:
    rgb = picture(index, 64, 48)
    if scene:
        rgb = 1.0 - rgb[::-1, :, ::-1] ** 2
    made = av.VideoFrame.from_ndarray((rgb * 255).astype(np.uint8), "rgb24").reformat(format="yuv420p")
    return SourceFrame(made, pts, 1)


def boosted(
    sources: list[SourceFrame], batch: int = 2, factor: int = 2, options: PairingOptions | None = None
) -> tuple[list[Shown], Pairing, Mean]:
    maker = Mean(batch)
    pairing = Pairing(
        maker, layout_of(sources[0].frame), Multiple(Fraction(1, 25), Fraction(25), factor), options or PairingOptions()
    )
    shown = [one for source in sources for one in pairing.add(source)]
    shown += pairing.finish(Fraction(25), Fraction(1, 25))
    return shown, pairing, maker


@pytest.mark.parametrize("batch", [1, 2, 3, 10])
@pytest.mark.parametrize("count", [1, 2, 5, 7])
def test_2n_frames_for_n_in_order_whatever_the_batch(batch: int, count: int) -> None:
    sources = [frame(k, k) for k in range(count)]
    shown, pairing, maker = boosted(sources, batch)
    assert [one.slot.pts for one in shown] == list(range(2 * count))
    assert [one.frame is source.frame for one, source in zip(shown[::2], sources, strict=True)] == [True] * count
    assert shown[-1].frame is sources[-1].frame
    assert (pairing.counts.made, pairing.counts.held) == (count - 1, 1)
    assert max(maker.batches, default=0) <= batch


class Uneven(Mean):
    """Takes longest for the first of three, so that those behind it are done before it."""

    def make(self, frames: list[Planes], requests: list[Request]) -> list[Planes]:
        if len(self.batches) % 3 == 0:
            threading.Event().wait(0.05)
        return super().make(frames, requests)


def test_frames_made_at_the_same_time_come_in_order() -> None:
    sources = [frame(k, k, scene=k // 4 % 2) for k in range(12)]
    alone, in_turn, _ = boosted(sources, 1)
    maker = Uneven(1, at_once=3)
    pairing = Pairing(maker, layout_of(sources[0].frame), Multiple(Fraction(1, 25), Fraction(25), 2), PairingOptions())
    shown = [one for source in sources for one in pairing.add(source)]
    shown += pairing.finish(Fraction(25), Fraction(1, 25))
    assert [one.slot for one in shown] == [one.slot for one in alone]
    for a, b in zip(shown, alone, strict=True):
        assert np.array_equal(a.frame.to_ndarray(), b.frame.to_ndarray())
    assert pairing.counts == in_turn.counts
    assert pairing.counts.cuts


def test_no_more_is_under_way_than_can_be_made_and_one_that_waits() -> None:
    """However slow the network: what waits takes memory."""
    goes_on = [threading.Event() for _ in range(4)]
    layout = layout_of(frame(0, 0).frame)
    firsts = [planes_of(frame(k, k).frame, layout)[0] for k in range(4)]

    class Slow(Mean):
        def make(self, frames: list[Planes], requests: list[Request]) -> list[Planes]:
            # Pairs are told apart by their first frame: either thread may be the first to run.
            pair = next(k for k, plane in enumerate(firsts) if np.array_equal(frames[0][0], plane))
            assert goes_on[pair].wait(60)
            return super().make(frames, requests)

    maker = Slow(1, at_once=2)
    pairing = Pairing(maker, layout, Multiple(Fraction(1, 25), Fraction(25), 2), PairingOptions())
    assert [list(pairing.add(frame(k, k))) for k in range(4)] == [[]] * 4
    goes_on[0].set()
    assert [one.slot.pts for one in pairing.add(frame(4, 4))] == [0, 1], "the first pair had to be waited for"
    for event in goes_on:
        event.set()
    assert [one.slot.pts for one in pairing.flush()] == [2, 3, 4, 5, 6, 7]
    pairing.close()


@pytest.mark.parametrize("factor", [2, 5, 16])
def test_frames_in_memory_do_not_grow_with_the_factor(factor: int) -> None:
    maker, batch = Mean(4, at_once=2), 4
    layout = layout_of(frame(0, 0).frame)
    pairing = Pairing(maker, layout, Multiple(Fraction(1, 25), Fraction(25), factor), PairingOptions())
    most = shown = 0
    for k in range(13):
        for one in pairing.add(frame(k, k)):
            shown += one.slot.pts % factor > 0
            most = max(most, sum(maker.batches) - shown)
    list(pairing.flush())
    pairing.close()
    assert most <= (maker.at_once + 2) * batch
    assert set(maker.batches) == {batch}, "no call is larger, or smaller, either"


def test_what_goes_wrong_in_the_network_is_raised_in_its_turn() -> None:
    class Broken(Mean):
        def make(self, frames: list[Planes], requests: list[Request]) -> list[Planes]:
            if len(self.batches) == 2:
                raise ModelError("no more")
            return super().make(frames, requests)

    sources = [frame(k, k) for k in range(6)]
    pairing = Pairing(
        Broken(1), layout_of(sources[0].frame), Multiple(Fraction(1, 25), Fraction(25), 2), PairingOptions()
    )
    shown: list[Shown] = []

    def take_all() -> None:
        for source in sources:
            shown.extend(pairing.add(source))
        shown.extend(pairing.flush())

    with pytest.raises(ModelError, match="no more"):
        take_all()
    pairing.close()
    assert [one.slot.pts for one in shown] == [0, 1, 2, 3]


def test_cuts_hold_the_frame_before_and_lose_no_slot() -> None:
    sources = [frame(0, 0), frame(1, 1), frame(2, 2, scene=1), frame(3, 3, scene=1)]
    shown, pairing, _ = boosted(sources)
    assert [one.slot.pts for one in shown] == list(range(8))
    assert shown[3].frame is sources[1].frame
    assert pairing.counts.cuts == 1
    assert pairing.counts.made == 2


def test_equal_frames_do_not_reach_the_network() -> None:
    shown, pairing, maker = boosted([frame(0, 0), frame(0, 1), frame(0, 2)])
    assert len(shown) == 6
    assert maker.batches == []
    assert pairing.counts.still == 2


def test_long_gaps_are_held() -> None:
    sources = [frame(0, 0), frame(1, 1), frame(2, 30), frame(3, 31)]
    shown, pairing, _ = boosted(sources, 4, options=PairingOptions(max_gap=12))
    assert [one.slot.pts for one in shown] == [0, 1, 2, 31, 60, 61, 62, 63]
    assert shown[3].frame is sources[1].frame
    assert (pairing.counts.gaps, pairing.counts.made) == (1, 2)


@pytest.mark.parametrize(("max_gap", "gaps"), [(29, 0), (28, 1)])
def test_a_gap_is_held_that_is_longer_than_the_longest(max_gap: int, gaps: int) -> None:
    _, pairing, _ = boosted([frame(0, 0), frame(1, 1), frame(2, 30)], 2, options=PairingOptions(max_gap=max_gap))
    assert (pairing.counts.gaps, pairing.counts.made) == (gaps, 2 - gaps)


@pytest.mark.parametrize(
    ("max_gap", "rate", "ticks"),
    [(Fraction(1, 2), Fraction(25), 500), (Fraction(1, 2), Fraction(10), 800), (Fraction(0), Fraction(25), None)],
)
def test_the_longest_gap(max_gap: Fraction, rate: Fraction, ticks: int | None) -> None:
    assert gap_limit(max_gap, 8, rate, Fraction(1, 1000)) == ticks


def test_repeated_frames_are_passed_over_and_motion_goes_on() -> None:
    """Animation on threes: 0 0 0 3 3 3 becomes even motion, at the same times, as long as before."""
    sources = [frame(3 * (k // 3), k) for k in range(9)]
    shown, pairing, maker = boosted(sources, 4, options=PairingOptions(dedupe=True))
    assert [one.slot.pts for one in shown] == list(range(18))
    assert [k for k, one in enumerate(shown[:13]) if one.frame in (sources[0].frame, sources[3].frame)] == [0, 6]
    assert [sum(maker.batches), pairing.counts.repeats, pairing.counts.made, pairing.counts.held] == [10, 4, 10, 5]


def test_a_picture_that_stands_still_is_held_in_spite_of_dedupe() -> None:
    sources = [frame(0, k) for k in range(12)] + [frame(1, 12)]
    shown, pairing, _ = boosted(sources, options=PairingOptions(dedupe=True))
    assert [one.slot.pts for one in shown] == list(range(26))
    assert pairing.counts.repeats <= 7
    assert all(one.frame in [s.frame for s in sources[:12]] for one in shown[:16])


def test_uneven_gaps_have_their_own_midpoints() -> None:
    shown, _, _ = boosted([frame(0, 0), frame(1, 1), frame(2, 4), frame(3, 6)])
    assert [one.slot.pts for one in shown] == [0, 1, 2, 5, 8, 10, 12, 13]
    assert [one.slot.duration for one in shown] == [1, 1, 3, 3, 2, 2, 1, 1]


def test_similarity_tells_motion_from_a_cut() -> None:
    thumbnails = [
        thumbnail(planes_of(s.frame, layout_of(s.frame)), layout_of(s.frame))
        for s in (frame(0, 0), frame(2, 1), frame(2, 2, scene=1))
    ]
    assert similarity(thumbnails[0], thumbnails[0]) == pytest.approx(1.0)
    assert similarity(thumbnails[0], thumbnails[1]) > 0.3
    assert similarity(thumbnails[1], thumbnails[2]) < 0.2


def test_channel_holds_no_more_than_its_limit() -> None:
    channel: ByteQueue[int] = ByteQueue(10)
    taken: list[int] = []
    filled = threading.Event()

    def fill() -> None:
        for k in range(5):
            channel.put(k, 4)
            if k == 1:
                filled.set()
        channel.close()

    thread = threading.Thread(target=fill)
    thread.start()
    filled.wait(60)
    assert channel._held <= 10
    taken.extend(channel)
    thread.join(60)
    assert taken == list(range(5))


def test_channel_holds_no_more_items_than_it_may() -> None:
    channel: ByteQueue[int] = ByteQueue(10**9, most=3)
    thread = threading.Thread(target=lambda: [channel.put(k, 0) for k in range(5)])
    thread.start()
    received = iter(channel)
    assert [next(received) for _ in range(5)] == list(range(5))
    thread.join(60)
    for k in range(3):
        channel.put(k, 0)
    waiting = threading.Thread(target=channel.put, args=(3, 0))
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    assert next(received) == 0
    waiting.join(60)
    assert not waiting.is_alive()


def test_channel_takes_one_item_larger_than_its_limit() -> None:
    channel: ByteQueue[str] = ByteQueue(1)
    channel.put("large", 100)
    channel.close()
    assert list(channel) == ["large"]


def test_channel_lets_a_waiting_sender_go() -> None:
    channel: ByteQueue[int] = ByteQueue(1)
    channel.put(1, 1)
    failed: list[type] = []

    def send() -> None:
        try:
            channel.put(2, 1)
        except Broken as error:
            failed.append(type(error))

    thread = threading.Thread(target=send)
    thread.start()
    channel.break_off()
    thread.join(60)
    assert failed == [Broken]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("12.5", Fraction(25, 2)), ("1:02", Fraction(62)), ("01:00:00.040", Fraction(90001, 25)), ("0", Fraction(0))],
)
def test_times_are_read_exactly(text: str, seconds: Fraction) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "x", "1:2:3:4", "1/0", "a:1"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(InputError, match="not a time"):
        parse_time(text)


@pytest.mark.parametrize(
    "values",
    [{"factor": 17}, {"scene_threshold": 2.0}, {"batch_size": 0}, {"duration": Fraction(0)}, {"start": Fraction(-1)}],
)
def test_options_out_of_range(values: dict[str, object]) -> None:
    with pytest.raises(InputError):
        BoostOptions(**values)  # type: ignore[arg-type]


def test_keywords_are_the_options() -> None:
    """Every field of the options is a keyword of `boost`, which takes its type, and there is no other."""
    wanted: dict[str, str] = {}
    for options, before in ((BoostOptions, ""), (EncoderOptions, ""), (InputOptions, "input_")):
        wanted |= {before + f.name: str(f.type) for f in fields(options) if f.name not in ("encoder", "source")}
    found = {name: getattr(kind, "__forward_arg__", kind) for name, kind in BoostKeywords.__annotations__.items()}
    assert found.keys() == wanted.keys()
    for name, kind in wanted.items():
        # Each of these takes a `Fraction`, and forms that are read as the command reads them.
        taken = re.sub("Place", "Position", re.sub("Rate|Ratio|Time|Scale", "Fraction", found[name]))
        assert set(kind.split(" | ")) <= set(taken.split(" | ")), name


@pytest.mark.parametrize("choice", [RateChoice(multiple=8), RateChoice(fps=Fraction(60000, 1001))])
def test_a_time_base_too_fine_for_ffmpeg_is_made_coarser(choice: RateChoice) -> None:
    base = Fraction(1, 1_000_000_000)
    timeline = choice.timeline(base, Fraction(25), 40_000_001)
    assert max(timeline.time_base.numerator, timeline.time_base.denominator) < 1 << 31
    pts = [40_000_001 + 40_000_003 * k for k in range(5)]
    slots = [slot for a, b in itertools.pairwise(pts) for slot in timeline.between(a, b)]
    assert all(a.pts + a.duration == b.pts for a, b in itertools.pairwise(slots))
    assert all(abs(slot.pts * timeline.time_base - slot.at * base) <= timeline.time_base for slot in slots)
    if choice.fps is None:
        assert [slot.at for slot in slots[:9:8]] == pts[:2]
        assert timeline.time_base <= base

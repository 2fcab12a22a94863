"""The page of `compare` in a real browser: in step, frame by frame, by keyboard, asking the network for nothing."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from frame_booster.pipeline.comparison.compare import CompareOptions, compare

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
BITS, SIDE = 6, 16
"""Of a frame's number, written into its picture as light and dark squares."""
WIDTH, HEIGHT = 2 * BITS * SIDE, 48
TIMES = [0, 2, 4, 6, 11, 13, 15, 18, 20, 22]
"""Of the source's frames, in 20ths of a second: two gaps are longer."""


def written(path: Path, times: list[int], numbers: list[int], *, tone: bool) -> Path:
    """A video whose frames show their numbers, in the left half as it is, in the right half inverted."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=20, options={"qp": "8", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, 40)
        audio: Any = container.add_stream("aac", rate=48000) if tone else None
        for time, number in zip(times, numbers, strict=True):
            bits = [(number >> k) & 1 for k in range(BITS)]
            row = np.repeat([40 + 160 * bit for bit in [*bits, *(1 - bit for bit in bits)]], SIDE).astype(np.uint8)
            picture = np.broadcast_to(row[None, :, None], (HEIGHT, WIDTH, 3))
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = time, Fraction(1, 40)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        for start in range(0, 26 * 1024 if tone else 0, 1024):
            samples = np.sin(np.arange(start, start + 1024)[None] / 20).astype(np.float32)
            sound = av.AudioFrame.from_ndarray(samples, "fltp", "mono")
            sound.sample_rate, sound.pts, sound.time_base = 48000, start, Fraction(1, 48000)
            container.mux(audio.encode(sound))
        if tone:
            container.mux(audio.encode(None))
    return path


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of a source whose frames say 0, 2, 4, ... and of a boosted video whose frames say 0, 1, 2, ..."""
    folder = tmp_path_factory.mktemp("page")
    before = written(folder / "before.mp4", [2 * t for t in TIMES], [2 * k for k in range(len(TIMES))], tone=False)
    ends = [*TIMES[1:], 24]
    doubled = [t for a, b in zip(TIMES, ends, strict=True) for t in (2 * a, a + b)]
    after = written(folder / "after.mp4", doubled, list(range(len(doubled))), tone=True)
    return compare(str(before), str(after), str(folder / "page.html"), CompareOptions(model="pictures")).path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    switches = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[*switches, "--disable-sync", "--no-first-run", "--autoplay-policy=no-user-gesture-required"],
        )
        yield started
        started.close()


class Opened:
    """The page in a tab, with all that went wrong or was asked for."""

    def __init__(self, tab: Any, file: Path) -> None:
        self.tab, self.wrong, self.requests = tab, [], []
        tab.on("console", lambda message: self.wrong.append(message.text) if message.type == "error" else None)
        tab.on("pageerror", lambda error: self.wrong.append(str(error)))
        tab.on("request", lambda request: self.requests.append(request.url))
        tab.goto(file.as_uri())
        self.at(0)

    def at(self, frame: int) -> None:
        """Waits until the page says that it shows a frame."""
        self.tab.wait_for_function(
            "k => document.getElementById('message').hidden && document.getElementById('picture').dataset.frame == k",
            arg=frame,
            timeout=5000,
        )

    def numbers(self) -> tuple[int, int]:
        """Reads the numbers that both videos show: the left half of the picture is before, the right half after."""
        left, right = self.tab.evaluate(
            """([bits, side, height]) => {
                const canvas = document.getElementById('picture'), context = canvas.getContext('2d');
                const read = (k) => context.getImageData(k * side + side / 2, height / 2, 1, 1).data[1] > 120;
                const number = (from, inverted) => Array.from({length: bits}, (_, k) => k)
                    .reduce((sum, k) => sum + ((read(from + k) !== inverted) << k), 0);
                return [number(0, false), number(bits, true)];
            }""",
            [BITS, SIDE, HEIGHT],
        )
        return left, right

    def shows(self, before: int, after: int) -> None:
        """Checks the numbers, once they are drawn: a browser ends a seek before it has the picture, and draws again."""
        deadline = time.monotonic() + 30
        while self.numbers() != (before, after) and time.monotonic() < deadline:
            self.tab.wait_for_timeout(20)
        assert self.numbers() == (before, after)

    def close(self) -> None:
        self.tab.context.close()


@pytest.fixture(scope="module")
def tab(browser: Any, page_file: Path) -> Iterator[Opened]:
    page = Opened(browser.new_context(viewport={"width": 900, "height": 800}).new_page(), page_file)
    yield page
    page.close()


@pytest.fixture
def opened(tab: Opened) -> Opened:
    """The page at its first frame, as it is when it was loaded."""
    tab.tab.evaluate(
        """() => {
            document.activeElement.blur();
            for (const [id, value] of [['seek', 0], ['wipe', 50]]) {
                document.getElementById(id).value = value;
                document.getElementById(id).dispatchEvent(new Event('input'));
            }
        }"""
    )
    tab.at(0)
    return tab


def test_it_loads_without_an_error_and_asks_the_network_for_nothing(opened: Opened, page_file: Path) -> None:
    assert opened.wrong == []
    assert [url for url in opened.requests if not url.startswith(("blob:", "data:"))] == [page_file.as_uri()]
    assert opened.tab.inner_text("#status") == "Frame 1 of 20, at 00:00.000: frame of the source"
    assert opened.tab.evaluate("document.querySelectorAll('#unsure li').length") > 0


def test_steps_are_of_one_frame_and_both_videos_are_in_step(opened: Opened) -> None:
    opened.tab.keyboard.press(".")
    for frame in range(1, 20):
        opened.at(frame)
        opened.shows(frame - frame % 2, frame)
        opened.tab.keyboard.press("." if frame % 3 else "ArrowRight")
    opened.at(19)
    opened.tab.keyboard.press(",")
    opened.at(18)
    opened.tab.keyboard.press("ArrowLeft")
    opened.at(17)
    opened.shows(16, 17)
    # Halfway between the source's frames at 20 and 22 20ths of a second.
    assert "at 00:01.050: interpolated" in opened.tab.inner_text("#status")
    assert opened.wrong == []


def test_it_plays_slowly_in_step_and_stops_by_keyboard(opened: Opened) -> None:
    opened.tab.check("input[name=speed][value='0.25']", force=True)
    opened.tab.evaluate("document.activeElement.blur()")
    opened.tab.keyboard.press("Space")
    opened.tab.wait_for_function("() => document.getElementById('picture').dataset.frame > 2", timeout=5000)
    seen = [opened.numbers() for _ in range(6)]
    opened.tab.keyboard.press("Space")
    assert opened.tab.inner_text("#play-text") == "Play"
    assert all(before == after - after % 2 for before, after in seen), seen
    frame = int(opened.tab.get_attribute("#picture", "data-frame"))
    assert opened.numbers()[1] == frame < 19


def test_the_slider_moves_by_pointer_and_by_key(opened: Opened) -> None:
    opened.tab.keyboard.press(".")
    opened.at(1)
    box = opened.tab.locator("#stage").bounding_box()
    y = box["y"] + box["height"] / 2
    opened.tab.mouse.move(box["x"] + box["width"] * 0.5, y)
    opened.tab.mouse.down()
    opened.tab.mouse.move(box["x"] + box["width"] - 1, y, steps=3)
    opened.tab.mouse.up()
    assert float(opened.tab.input_value("#wipe")) > 98
    # All of it is before, which says 0: frame 0's right half.
    opened.shows(0, 0)
    opened.tab.focus("#wipe")
    opened.tab.keyboard.press("Home")
    assert opened.tab.input_value("#wipe") == "0"
    opened.shows(1, 1)
    opened.tab.keyboard.press("ArrowRight")
    assert (opened.tab.input_value("#wipe"), opened.tab.get_attribute("#picture", "data-frame")) == ("0.5", "1")


def test_views_beside_the_slider(opened: Opened) -> None:
    opened.tab.select_option("#view", "both")
    assert opened.tab.evaluate("document.getElementById('picture').width") == 2 * WIDTH
    assert not opened.tab.is_visible("#wipe")
    opened.shows(0, 0)
    opened.tab.select_option("#view", "difference")
    assert opened.tab.evaluate(
        "Math.max(...document.getElementById('picture').getContext('2d').getImageData(0, 0, 50, 40).data"
        ".filter((_, k) => k % 4 < 3)) < 12"
    ), "frame 0 is the same in both"
    opened.tab.select_option("#view", "wipe")
    assert opened.tab.is_visible("#wipe")


def test_sound_is_off_until_it_is_asked_for(opened: Opened) -> None:
    assert not opened.tab.is_checked("#sound")
    opened.tab.keyboard.press("m")
    assert opened.tab.is_checked("#sound")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast_in_light_and_dark(opened: Opened, scheme: str) -> None:
    """WCAG 2.1, success criterion 1.4.3 (AA): 4.5 to 1."""
    opened.tab.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    opened.tab.set_viewport_size({"width": 390, "height": 800})
    ratios = opened.tab.evaluate(
        """() => {
            const parse = (text) => text.match(/[\\d.]+/g).map(Number);
            const light = (rgb) => rgb.slice(0, 3).map((v) => v / 255)
                .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
                .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
            const behind = (element) => {
                for (let e = element; e; e = e.parentElement) {
                    const colour = parse(getComputedStyle(e).backgroundColor);
                    if (colour.length < 4 || colour[3] > 0.99) return colour;
                }
                return [255, 255, 255];
            };
            return ['h1', 'header p', '#play', '#theme', '#status .kind', '.small', 'th', 'td', 'footer', 'figcaption',
                'legend', '.slider label', '#view', 'figure.made figcaption'].map((name) => {
                const element = document.querySelector(name);
                const pair = [light(parse(getComputedStyle(element).color)), light(behind(element))];
                return [name, (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05)];
            });
        }"""
    )
    assert [(name, ratio) for name, ratio in ratios if ratio < 4.5] == []
    page = opened.tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (max(map(int, page[4:-1].split(","))) < 60) == (scheme == "dark")
    for theme in ("light", "dark", "system"):
        opened.tab.click("#theme")
        assert opened.tab.inner_text("#theme") == f"Theme: {theme}"
    assert opened.tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is wider than the screen"

"""Values against annotations: what is taken, what it becomes, and how a wrong one is told."""

from __future__ import annotations

import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from frame_booster.errors import InputError
from frame_booster.typed_values import in_words, typed

PAIRS = tuple[tuple[str, str], ...]
RATE = Fraction | float | str


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (2, int, 2),
        (np.int64(2), int | None, 2),
        (None, int | None, None),
        (2, float, 2.0),
        (np.float32(0.5), float, 0.5),
        (3, RATE, Fraction(3)),
        (np.float64(59.94), RATE, 59.94),
        ("ntsc", RATE, "ntsc"),
        (True, bool | str, True),
        (np.bool_(False), bool, False),
        (Path("a/b"), str | os.PathLike[str], str(Path("a/b"))),
        ([["a", "b"]], PAIRS, (("a", "b"),)),
        ((), PAIRS, ()),
        (print, Callable[..., Any] | None, print),
    ],
)
def test_values_become_pythons_own(value: Any, kind: Any, expected: Any) -> None:
    found = typed("x", value, kind)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        (2.5, int | None, "x must be a whole number or None, not 2.5"),
        (2.0, int, "x must be a whole number, not 2.0"),
        (True, int | str | None, "x must be a whole number, a string or None, not True"),
        (True, float, "x must be a number, not True"),
        (float("inf"), float, "x must be a number, not inf"),
        ("no", bool, "x must be True or False, not 'no'"),
        (1, bool | str, "x must be True, False or a string, not 1"),
        (None, str, "x must be a string, not None"),
        (b"a", str | os.PathLike[str], "x must be a string or a path, not a value of type bytes"),
        ("ab", PAIRS, "x must be pairs of strings, not 'ab'"),
        (("ab",), PAIRS, "x must be pairs of strings, not ('ab',)"),
        ((("a",),), PAIRS, "x must be pairs of strings, not (('a',),)"),
        ((("a", 1),), PAIRS, "x must be pairs of strings, not (('a', 1),)"),
        (np.zeros((9, 9)), RATE, "x must be a number or a string, not a value of type ndarray"),
        (3, Callable[..., Any], "x must be a function, not 3"),
    ],
)
def test_others_are_told_in_one_line(value: Any, kind: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        typed("x", value, kind)
    assert str(caught.value) == message


def test_a_long_value_is_cut() -> None:
    with pytest.raises(InputError, match=r"\(as 5\)$") as caught:
        typed("x", "a\nb" * 1000, int, "as 5")
    assert len(str(caught.value)) < 100


def test_types_are_told_in_words() -> None:
    assert in_words(Fraction | float | str | None) == "a number, a string or None"
    assert in_words(PAIRS) == "pairs of strings"

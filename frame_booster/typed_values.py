"""Values held against annotations: a keyword of the Python API that is given a wrong type is an error of one line.

Python checks no types when it runs, so that `overwrite="no"` would overwrite.
"""

from __future__ import annotations

import math
import numbers
import os
import reprlib
from collections.abc import Callable
from fractions import Fraction
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import numpy as np

from frame_booster.errors import InputError

_NO = object()
"""Stands for a value that is not of a type; None is a value."""
_WORDS = {
    bool: "True, False",
    int: "a whole number",
    float: "a number",
    Fraction: "a number",
    str: "a string",
    os.PathLike: "a path",
    tuple: "pairs of strings",
    Callable: "a function",
    NoneType: "None",
}


def typed(name: str, value: Any, kind: Any, hint: str | None = None) -> Any:
    """Returns a value of an annotated type; NumPy's numbers become Python's, lists tuples, and paths text.

    Args:
      name: of the keyword.
      value: as it was given.
      kind: the annotation: bool, int, float, `Fraction`, str, `os.PathLike`, `Callable`, tuples of them, another class,
        or any of several. A whole number is a number, True is none, and a path becomes text.
      hint: what to give instead.

    Raises:
      InputError: the value is of no such type, or a number that is not finite.
    """
    found = _as(value, kind)
    if found is _NO:
        raise InputError(f"{name} must be {in_words(kind)}, not {_shown(value)}", hint=hint)
    return found


def in_words(kind: Any) -> str:
    """Returns what an annotated type takes, as "a number, a string or None"."""
    kinds = get_args(kind) if _is_choice(kind) else (kind,)
    words = ", ".join(_WORDS.get(get_origin(one) or one) or f"a {one.__name__.lower()}" for one in kinds)
    *others, last = dict.fromkeys(words.split(", "))
    return f"{', '.join(others)} or {last}" if others else last


def _is_choice(kind: Any) -> bool:
    return get_origin(kind) in (Union, UnionType)


def _as(value: Any, kind: Any) -> Any:
    """Returns a value as one of a type, `_NO` where it is not of it."""
    if _is_choice(kind):
        return next((found for one in get_args(kind) if (found := _as(value, one)) is not _NO), _NO)
    origin = get_origin(kind) or kind
    if origin is tuple:
        return _as_tuple(value, get_args(kind))
    if origin is bool:
        return bool(value) if isinstance(value, (bool, np.bool_)) else _NO
    if isinstance(value, bool):
        # For Python it is a whole number.
        return _NO
    if origin in (int, Fraction) and isinstance(value, numbers.Integral):
        return origin(int(value))
    if origin is float:
        return float(value) if isinstance(value, numbers.Real) and math.isfinite(value) else _NO
    if origin is os.PathLike:
        value = os.fspath(value) if isinstance(value, os.PathLike) else value
        return value if isinstance(value, str) else _NO
    if origin is Callable:
        return value if callable(value) else _NO
    return value if isinstance(value, origin) else _NO


def _as_tuple(value: Any, kinds: tuple[Any, ...]) -> Any:
    if not isinstance(value, (tuple, list)):
        return _NO
    if kinds[-1] is Ellipsis:
        kinds = kinds[:1] * len(value)
    found = tuple(_as(one, kind) for one, kind in zip(value, kinds, strict=False))
    return _NO if len(value) != len(kinds) or _NO in found else found


def _shown(value: Any) -> str:
    """Returns a value on part of a line: an array, or a list, may be of any length."""
    if value is None or isinstance(value, (str, int, float, Fraction, tuple)):
        return " ".join(reprlib.repr(value).split())
    return f"a value of type {type(value).__name__}"

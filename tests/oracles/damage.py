"""Ways in which a file of JSON lines, or of one JSON object, is damaged, as hypothesis draws them."""

import json
import math
from collections.abc import Callable

from hypothesis import strategies as st

Damage = Callable[[list[bytes]], list[bytes]]
"""Turns the lines of a file, each with its newline, into others."""

MARK = b"\xef\xbb\xbf"
DEPTHS = (150, 250, 3000, 50_000)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 70),
    st.sampled_from([10**9, 10**30, 10**400, -(10**6)]),
    st.floats(),
    st.sampled_from(
        ["", "64", "8x8", "ok", "failed", "float32", "two\nlines", "$x^{", "[bold]", "\x1b[2J", "ä"]
    ),
    st.text(max_size=6),
    st.lists(st.integers(0, 3), max_size=2),
    st.dictionaries(st.text(max_size=3), st.floats() | st.text(max_size=3), max_size=2),
)
JUNK = st.one_of(
    st.binary(max_size=20),
    st.sampled_from(DEPTHS).map(lambda depth: b"[" * depth + b"]" * depth),
    st.sampled_from(DEPTHS).map(lambda depth: b'{"a":' * depth),
    st.sampled_from([b"", b"null", b"[]", b"{}", b"\x00" * 8, b"\xff\xfe{\x00", b"{} {}", b'"text"', MARK]),
)


def write(value: object) -> bytes:
    """Return a value as Python writes it, with NaN and Infinity."""
    return json.dumps(value).encode()


def changed(fields: list[str]) -> st.SearchStrategy[Callable[[bytes], bytes]]:
    """Draw a change of one JSON object: another value, a field more, one less, or the text cut off."""

    def put(name: str, value: object) -> Callable[[bytes], bytes]:
        return lambda text: write(_object(text) | {name: value}) if _object(text) else text

    def drop(name: str) -> Callable[[bytes], bytes]:
        return lambda text: (
            write({key: one for key, one in _object(text).items() if key != name}) if _object(text) else text
        )

    names = st.sampled_from(fields)
    return st.one_of(
        st.builds(put, names, VALUES),
        st.builds(put, st.sampled_from(["unknown", "energy_joules", "sizess"]), VALUES),
        st.builds(drop, names),
        st.floats(0, 1).map(lambda share: lambda text: text[: math.floor(share * len(text))]),
        JUNK.map(lambda junk: lambda text: junk),
        st.just(lambda text: MARK + text),
    )


def damages(fields: list[str]) -> st.SearchStrategy[list[Damage]]:
    """Draw a few damages of a file of lines whose objects have these fields."""
    places = st.integers(0, 10)

    def at(place: int, change: Callable[[bytes], bytes]) -> Damage:
        def damage(lines: list[bytes]) -> list[bytes]:
            number = place % max(1, len(lines))
            return [change(one[:-1]) + b"\n" if here == number else one for here, one in enumerate(lines)]

        return damage

    def insert(place: int, junk: bytes) -> Damage:
        return lambda lines: [*lines[:place], junk + b"\n", *lines[place:]]

    def again(place: int, change: Callable[[bytes], bytes]) -> Damage:
        return lambda lines: [*lines, change(lines[place % len(lines)][:-1]) + b"\n"] if lines else lines

    whole: list[Damage] = [
        lambda lines: [*lines[:-1], lines[-1][:-1]] if lines else lines,
        lambda lines: [one[:-1] + b"\r\n" for one in lines],
        lambda lines: [MARK + one if number == 0 else one for number, one in enumerate(lines)],
        lambda lines: lines[:1],
        lambda lines: [],
        lambda lines: lines[::-1],
    ]
    change = changed(fields)
    one = st.one_of(
        st.builds(at, places, change),
        st.builds(insert, places, JUNK),
        st.builds(again, places, st.just(lambda text: text) | change),
        st.sampled_from(whole),
    )
    return st.lists(one, min_size=1, max_size=3)


def _object(text: bytes) -> dict[str, object]:
    """Return the object that a text holds; none for another text."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

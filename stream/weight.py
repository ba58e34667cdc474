"""The bytes of a JSON text → how much memory reading it may take, told before it is read.

Pure. Counts of a few characters stand for what they begin or part, those in texts too, so that the
answer is rather too high than too low. It must not read the text.
"""

from __future__ import annotations

from typing import Final

_MOST_A_BYTE: Final = 40
"""No text takes more for a byte of its own: nested empty lists take 38."""

# What CPython 3.11 to 3.13 and orjson take, in bytes; rounded up as the allocator does.
_VALUE: Final = 24
"""For any value: 16 in orjson's own document, and a place in a list or dict."""
_NAME: Final = 40
"""For the name of a member: the same 16, and the rest of an entry of a dict. Not its text: one
text serves all members of a name, and nothing tells cheaply how many names there are."""
_TEXT: Final = 64
_NUMBER: Final = 32
"""A number of three or more characters; of the shorter ones there is one for all."""
_LIST: Final = 72
_DICT: Final = 152


def may_exceed(text: bytes, openers: int, most_bytes: int) -> int:
    """How much memory reading a JSON text may take at its peak, where that is too much; else 0.

    The peak is that of the objects and of the parser's own document. Not foreseen are 64 bytes for
    each name that is used once, and what letters beyond Latin-1 add to the texts they are in: up to
    three times their length.

    Args:
        openers: how many ``[`` and ``{`` there are.
        most_bytes: what is not too much.
    """
    size = len(text)
    # Three answers, each dearer and closer than the last: most texts need one count or none.
    if size * _MOST_A_BYTE <= most_bytes:
        return 0
    commas = text.count(b",")
    values = commas + openers + 1
    if 2 * size + _DICT * openers + (_VALUE + _NAME + _TEXT) * values <= most_bytes:
        return 0
    found = _weigh(text, commas, openers)
    return found if found > most_bytes else 0


def weight(text: bytes) -> int:
    """How much memory reading a JSON text may take at its peak, by all counts."""
    openers = text.count(b"[") + text.count(b"{")
    return _weigh(text, text.count(b","), openers)


def _weigh(text: bytes, commas: int, openers: int) -> int:
    size, quotes, names = len(text), text.count(b'"'), text.count(b":")
    # An object without a member takes less than a list.
    objects = min(openers, names)
    values, texts = commas + openers + 1, max(0, quotes // 2 - names)
    letters = max(0, size - commas - 2 * openers - quotes - names)
    bare = max(0, values - openers - texts)
    # Of those that are neither text nor container: so many can have three characters or more. Of
    # true, false and null there is one each; where a text holds such a word, it has its own bytes.
    words = text.count(b"true") + text.count(b"false") + text.count(b"null")
    numbers = max(0, min(bare, max(0, letters - bare) // 2) - words)
    return (
        size  # copied by the parser
        + letters
        + _VALUE * values
        + _NAME * names
        + _TEXT * texts
        + _NUMBER * numbers
        + _LIST * (openers - objects)
        + _DICT * objects
    )

"""Takes secrets out of texts in which an upstream may have repeated them.

Pure. It must not decide which texts are shown: it is applied to all that an upstream had a part in.
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final
from urllib.parse import quote, quote_plus, unquote_plus

HIDDEN: Final = "***"
MIN_SECRET: Final = 4
"""A shorter one would take letters out of every word; no upstream gives out such keys."""
_MIN_PART: Final = 8
"""Fewest characters of a secret at the end of a text, where it was cut, that still give it away."""
_CUT: Final = ("…", "...")


def redacted(text: str, secrets: Iterable[str]) -> str:
    """The text without the secrets, however they are written in it: plain, in another case (a host
    is lower-cased), percent-encoded, escaped for HTML or JSON, as Base64, or cut off at its end.

    Args:
        secrets: the values of headers and parameters; of ``Bearer x`` and ``Basic x`` the x alone
            counts as well, and of the latter what it encodes.
    """
    forms = _forms(tuple(secrets))
    if not forms:
        return text
    text = re.sub("|".join(map(re.escape, forms)), HIDDEN, text, flags=re.IGNORECASE)
    return _without_a_part(text, forms)


def holds(text: str, secrets: Iterable[str]) -> bool:
    """Whether one of the secrets stands in the text, in whatever form."""
    secrets = tuple(secrets)
    return any(redacted(each, secrets) != each for each in (text, unquote_plus(text)))


@lru_cache(maxsize=4096)
def _forms(secrets: tuple[str, ...]) -> tuple[str, ...]:
    """Every way to write them, the longest first, so that no rest of one is left."""
    found: set[str] = set()
    for secret in secrets:
        for bare in _parts(secret):
            encoded = base64.b64encode(bare.encode()).decode().rstrip("=")
            found |= {bare, quote(bare, safe=""), quote(bare), quote_plus(bare), html.escape(bare)}
            found |= {json.dumps(bare)[1:-1], repr(bare)[1:-1], encoded}
    return tuple(sorted((form for form in found if len(form) >= MIN_SECRET), key=len, reverse=True))


def _parts(secret: str) -> set[str]:
    """The secret, and what it consists of where it is an Authorization header."""
    scheme, _, credentials = secret.partition(" ")
    parts = {secret}
    if scheme in ("Bearer", "Basic"):
        parts.add(credentials)
    if scheme == "Basic":
        try:
            pair = base64.b64decode(credentials, validate=True).decode()
        except (binascii.Error, UnicodeError):
            return parts
        parts |= {pair, pair.partition(":")[2]}
    return {part for part in parts if len(part) >= MIN_SECRET}


def _without_a_part(text: str, forms: Iterable[str]) -> str:
    """The text without the beginning of a secret at its end, if it was cut there."""
    mark = next((mark for mark in _CUT if text.endswith(mark)), "")
    body = text.removesuffix(mark) if mark else text
    folded = body.lower()
    for form in forms:
        for length in range(min(len(form) - 1, len(body)), _MIN_PART - 1, -1):
            if folded.endswith(form[:length].lower()):
                return body[: len(body) - length] + HIDDEN + mark
    return text

"""A tape: one JSON line per read of a source, and before them what they need to be read again.

Pure: lines, not files. Secrets are taken out here, on the way to the tape.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, quote, quote_plus, urlencode, urlsplit

import orjson

from stream.errors import SourceError
from stream.model import Item, Key

VERSION: Final = 1
MAX_LINE: Final = 64 * 2**20
"""Longest line read, in bytes: the largest answer as base64, several times."""
HIDDEN: Final = "***"
_LEAST_SECRET: Final = 4
"""A secret shorter than this is no secret, and would be found everywhere."""
_LIKELY_SECRET: Final = 8
"""A shorter one that merely stands where a secret could is found in too many other places."""
_SECRET_NAME = re.compile(
    r"key|token|secret|passw|pwd|auth|sig|session|cookie|credential|bearer|jwt", re.IGNORECASE
)


class BadTape(ValueError):
    """A tape that cannot be read. The message says where and why."""


@dataclass(frozen=True, slots=True)
class Head:
    """The first line of a tape.

    Attributes:
        made: when, RFC 3339.
        by: the program and its version.
        sources: the tables of the recorded sources, without secrets.
    """

    made: str
    by: str
    sources: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request brought: a body, nothing new, or an error.

    Attributes:
        url: what was asked, without secrets.
        status: of HTTP, where there was an answer.
        body: None = unchanged.
    """

    url: str
    status: int | None = None
    content_type: str = ""
    body: bytes | None = None
    etag: str | None = None
    last_modified: str | None = None
    min_delay_s: float | None = None
    error: SourceError | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """One read of one source: either answers of an upstream, or items as they were.

    Attributes:
        at_s: since the tape began.
        keys: the keys it was asked for.
        answers: of the upstream, for a source over HTTP.
        items: for every other source; None = nothing changed.
        key: the field that carries the key in the items.
        error: why the read failed, where no answer says so.
    """

    at_s: float
    source: str
    keys: Sequence[str] = ()
    answers: Sequence[Answer] | None = None
    items: Mapping[Key, Item] | None = None
    key: str | None = None
    error: SourceError | None = None


class Redactor:
    """Takes secrets out of everything that goes to a tape.

    Args:
        secrets: values that must not appear, in whatever spelling.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        bare = {s.removeprefix("Bearer ").removeprefix("Basic ") for s in secrets}
        known = {s for s in bare if len(s) >= _LEAST_SECRET}
        spelled = {
            w for s in known for w in (s, quote(s, safe=""), quote_plus(s), json.dumps(s)[1:-1])
        }
        # The longest first, or a part of it would be left of one that holds another.
        self._words = sorted(spelled, key=lambda word: (-len(word), word))

    def text(self, text: str) -> str:
        """The text without them."""
        for word in self._words:
            text = text.replace(word, HIDDEN)
        return text

    def body(self, body: bytes) -> bytes:
        """The bytes without them."""
        for word in self._words:
            body = body.replace(word.encode(), HIDDEN.encode())
        return body

    def value(self, value: Any) -> Any:
        """A JSON value without them."""
        if not self._words:
            return value
        return orjson.loads(self.body(orjson.dumps(value)))

    def url(self, url: str) -> str:
        """The address without them, and without the values of parameters that sound like one."""
        parts = urlsplit(url)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        if any(_SECRET_NAME.search(name) for name, _ in pairs):
            shown = [
                (name, HIDDEN if _SECRET_NAME.search(name) else value) for name, value in pairs
            ]
            url = parts._replace(query=urlencode(shown, safe=",:@/*")).geturl()
        return self.text(url)

    def table(self, table: Mapping[str, Any]) -> dict[str, Any]:
        """A source's table without them: what carries a secret is left out or hidden."""
        kept = {
            k: v
            for k, v in table.items()
            if v is not None and k not in ("auth", "url_env", "url_file")
        }
        for name in ("params", "headers"):
            if isinstance(kept.get(name), Mapping):
                kept[name] = {
                    k: HIDDEN if _SECRET_NAME.search(k) else v for k, v in kept[name].items()
                }
        if isinstance(kept.get("url"), str):
            kept["url"] = self.url(kept["url"])
        safe: dict[str, Any] = self.value(kept)
        return safe


def likely_secrets(pairs: Mapping[str, str]) -> list[str]:
    """The values that stand where somebody may have written a secret, and are long enough."""
    return [v for k, v in pairs.items() if _SECRET_NAME.search(k) and len(v) >= _LIKELY_SECRET]


def write_head(head: Head) -> bytes:
    """The first line."""
    line = {"tape": VERSION, "made": head.made, "by": head.by, "sources": head.sources}
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def read_head(line: bytes) -> Head:
    """Read the first line.

    Raises:
        BadTape: it is none, or of another version.
    """
    found = _object(line, 1)
    version = found.get("tape")
    if version is None:
        raise BadTape("this is no tape: its first line says nothing of one")
    if version != VERSION:
        raise BadTape(
            f"a tape of version {str(version)[:20]}; this version of stream reads {VERSION}"
        )
    sources = found.get("sources")
    if not isinstance(sources, dict) or not all(isinstance(v, dict) for v in sources.values()):
        raise BadTape("line 1: it names no sources")
    return Head(str(found.get("made", "")), str(found.get("by", "")), sources)


def write_read(read: Read, redactor: Redactor) -> bytes:
    """One read as a line, without secrets."""
    line: dict[str, Any] = {"t": round(read.at_s, 3), "source": read.source}
    if read.keys:
        line["keys"] = list(read.keys)
    if read.answers is not None:
        line["answers"] = [_answer_out(answer, redactor) for answer in read.answers]
    elif read.error is None:
        line["items"] = None if read.items is None else [[k, v] for k, v in read.items.items()]
        line["items"] = redactor.value(line["items"])
        line["key"] = read.key
    if read.error is not None:
        line["error"] = _error_out(read.error, redactor)
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def read_read(line: bytes, number: int) -> Read:
    """Read a line after the first.

    Raises:
        BadTape: it is broken.
    """
    found = _object(line, number)
    try:
        answers, items, error = found.get("answers"), found.get("items"), found.get("error")
        return Read(
            at_s=max(0.0, float(found["t"])),
            source=str(found["source"]),
            keys=tuple(map(str, found.get("keys", ()))),
            answers=None if answers is None else [_answer_in(each) for each in answers],
            items=None if items is None else {_key(k): _item(v) for k, v in items},
            key=None if found.get("key") is None else str(found["key"]),
            error=None if error is None else _error_in(error),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        what = str(problem)[:80]
        raise BadTape(
            f"line {number} is no read of a source: {type(problem).__name__} {what}"
        ) from None


def _object(line: bytes, number: int) -> dict[str, Any]:
    if len(line) > MAX_LINE:
        raise BadTape(f"line {number} is longer than {MAX_LINE} bytes")
    if not line.endswith(b"\n"):
        raise BadTape(f"line {number} is cut off")
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        what = error.msg.split(": line ")[0]
        raise BadTape(f"line {number} is not JSON: {what}") from None
    if not isinstance(found, dict):
        raise BadTape(f"line {number}: expected an object")
    return found


def _answer_out(answer: Answer, redactor: Redactor) -> dict[str, Any]:
    row: dict[str, Any] = {"url": redactor.url(answer.url), "status": answer.status}
    if answer.error is not None:
        return row | {"error": _error_out(answer.error, redactor)}
    row |= {"type": answer.content_type, "etag": answer.etag, "min_delay_s": answer.min_delay_s}
    row["last_modified"] = answer.last_modified
    row = {name: value for name, value in row.items() if value is not None}
    if answer.body is None:
        return row | {"unchanged": True}
    body = redactor.body(answer.body)
    try:
        return row | {"body": body.decode()}
    except UnicodeError:
        return row | {"body64": b64encode(body).decode()}


def _answer_in(row: Mapping[str, Any]) -> Answer:
    body: bytes | None = None
    if "body" in row:
        body = row["body"].encode()
    elif "body64" in row:
        body = b64decode(row["body64"], validate=True)
    status, error = row.get("status"), row.get("error")
    delay_s = row.get("min_delay_s")
    return Answer(
        url=str(row.get("url", "")),
        status=None if status is None else int(status),
        content_type=str(row.get("type", "")),
        body=body,
        etag=row.get("etag"),
        last_modified=row.get("last_modified"),
        min_delay_s=None if delay_s is None else float(delay_s),
        error=None if error is None else _error_in(error),
    )


def _error_out(error: SourceError, redactor: Redactor) -> dict[str, Any]:
    row: dict[str, Any] = {"kind": error.kind, "message": redactor.text(error.message)}
    row |= {"status": error.status, "retry_after_s": error.retry_after_s}
    return {name: value for name, value in row.items() if value is not None}


def _error_in(row: Mapping[str, Any]) -> SourceError:
    asked, status = row.get("retry_after_s"), row.get("status")
    return SourceError(
        str(row["kind"])[:64],
        str(row["message"])[:1000],
        retry_after_s=None if asked is None else float(asked),
        status=None if status is None else int(status),
    )


def _key(value: Any) -> Key:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError("a key must be a text or a whole number")
    return value


def _item(value: Any) -> Item:
    if not isinstance(value, dict):
        raise ValueError("an item must be an object")
    return value

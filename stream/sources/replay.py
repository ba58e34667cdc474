"""A tape played again: what a source answered then, read by the same code, at its own time.

It reads the file line by line and asks no upstream; what the lines mean is for ``tape.py``.
"""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

from stream.errors import SourceError, did_you_mean
from stream.exchange import Request, Response, Validators
from stream.identity import Keyed
from stream.model import ADDED_KEY
from stream.schedule import Hints
from stream.sources.base import Poll, PollState, Source
from stream.tape import MAX_LINE, Answer, BadTape, Head, Read, Redactor, read_head, read_read

ROUND_S: Final = 1.0
"""The pause before a tape that is looped begins again, at speed 1."""

_GZIP: Final = b"\x1f\x8b"


class Tape:
    """A tape's file.

    Args:
        path: where it is; gzipped or plain.

    Raises:
        BadTape: it cannot be read, or its first line is not that of a tape.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        lines = self._lines()
        try:
            self.head: Head = read_head(next(lines, b"\n"))
        finally:
            lines.close()

    def pick(self, source: str | None) -> tuple[str, Mapping[str, Any]]:
        """The name and the table of one of its sources, or of its only one.

        Raises:
            BadTape: it has no such source, or more than one to choose from.
        """
        names = list(self.head.sources)
        if source is None and len(names) != 1:
            raise BadTape(f"say which source; it has {', '.join(names)[:200] or 'none'}")
        name = names[0] if source is None else source
        if name not in self.head.sources:
            raise BadTape(f"it has no source {name!r}{did_you_mean(name, names)}")
        return name, self.head.sources[name]

    def reads(self, source: str) -> Iterator[Read]:
        """The reads of one of its sources, in order.

        Raises:
            BadTape: at the line where it is broken.
        """
        for number, line in enumerate(self._lines(), 1):
            if number > 1:
                read = read_read(line, number)
                if read.source == source:
                    yield read

    def _lines(self) -> Generator[bytes, None, None]:
        number = 0
        try:
            with self.path.open("rb") as file:
                is_packed = file.read(2) == _GZIP
                file.seek(0)
                text: IO[bytes] = gzip.GzipFile(fileobj=file) if is_packed else file  # type: ignore[assignment]
                while line := text.readline(MAX_LINE + 1):
                    number += 1
                    yield line
        except FileNotFoundError:
            raise BadTape("no such file") from None
        except EOFError:
            raise BadTape(f"cut off after line {number}") from None
        except (gzip.BadGzipFile, zlib.error):
            raise BadTape(f"damaged after line {number}") from None
        except OSError as error:
            raise BadTape(f"cannot be read: {error.strerror}") from None


class Playback:
    """Answers requests with what is on the tape, in place of a fetcher."""

    def __init__(self) -> None:
        self._answers: list[Answer] = []
        self._redactor = Redactor()

    def load(self, answers: Sequence[Answer]) -> None:
        """The answers of the next read."""
        self._answers = list(answers)

    async def get(self, request: Request) -> Response:
        """The answer to this request, or, where none is for its URL, the next one.

        Raises:
            SourceError: the one on the tape; ``bad_tape`` where it has no further answer.
        """
        if not self._answers:
            raise SourceError("bad_tape", "this read asks for more than was recorded of it")
        url = self._redactor.url(request.public_url)
        place = next((n for n, each in enumerate(self._answers) if each.url == url), 0)
        answer = self._answers.pop(place)
        if answer.error is not None:
            raise answer.error
        return Response(
            status=answer.status or 200,
            body=answer.body,
            content_type=answer.content_type,
            validators=Validators(etag=answer.etag, last_modified=answer.last_modified),
            received_bytes=len(answer.body or b""),
            elapsed_s=0.0,
            not_modified=answer.status == 304,
            hints=Hints(answer.min_delay_s),
        )


class ReplaySource:
    """One source of a tape.

    Args:
        tape: the tape.
        name: the source's name on it.
        speed: how many times as fast as it was; 0 for no waiting at all.
        is_looped: whether it begins again at its end.
        inner: what reads the recorded answers, and where it gets them from; None where the tape
            holds items.
    """

    def __init__(
        self,
        tape: Tape,
        name: str,
        *,
        speed: float,
        is_looped: bool,
        inner: tuple[Source, Playback] | None,
    ) -> None:
        self._tape = tape
        self._name = name
        self._speed = speed
        self._is_looped = is_looped
        self._inner = inner
        self._reads = tape.reads(name)
        self._began_s: float | None = None
        self._count = 0
        self._is_over = False

    async def poll(self, state: PollState) -> Poll:
        """Wait for the moment of the next read, and give what it brought."""
        if self._is_over:
            await asyncio.Event().wait()
        try:
            read = await asyncio.to_thread(next, self._reads, None)
        except BadTape as error:
            self._is_over = True
            raise SourceError("bad_tape", f"{self._tape.path.name}: {error}") from None
        if read is None:
            return await self._end()
        await self._until(read.at_s)
        self._count += 1
        return await self._played(read)

    async def _end(self) -> Poll:
        if not self._count:
            self._is_over = True
            raise SourceError(
                "bad_tape", f"{self._tape.path.name}: nothing of {self._name!r} on it"
            )
        if not self._is_looped:
            self._is_over = True
            return Poll(None)
        await asyncio.sleep(ROUND_S / (self._speed or 1.0))
        self._reads, self._began_s = self._tape.reads(self._name), None
        return Poll(None)

    async def _until(self, at_s: float) -> None:
        """Wait until this moment of the tape; the first read's is now."""
        if not self._speed:
            return
        now = asyncio.get_running_loop().time()
        if self._began_s is None:
            self._began_s = now - at_s / self._speed
        await asyncio.sleep(max(0.0, self._began_s + at_s / self._speed - now))

    async def _played(self, read: Read) -> Poll:
        if read.answers is not None and self._inner is not None:
            source, playback = self._inner
            playback.load(read.answers)
            return await source.poll(PollState(read.keys, self._count - 1))
        if read.error is not None:
            raise read.error
        if read.items is None:
            return Poll(None)
        return Poll(Keyed(dict(read.items), read.key or ADDED_KEY, 0, 0, None))

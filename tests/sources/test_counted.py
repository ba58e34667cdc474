"""Requests are told of before they are sent, and taken back where they were not."""

from __future__ import annotations

import pytest

from stream.errors import SourceError
from stream.exchange import Request, Response, Validators
from stream.schedule import Hints
from stream.sources.counted import Counted

ASKED = Request("http://a.example/")
GOOD = Response(200, b"[]", "", Validators(), 2, 0.0, False, Hints())


class Told:
    """A getter that answers as told, and knows what was counted when it was asked."""

    def __init__(self, error: SourceError | None = None) -> None:
        self.counted = 0
        self.seen: list[int] = []
        self.error = error

    def count(self, requests: int) -> None:
        self.counted += requests

    async def get(self, request: Request) -> Response:
        self.seen.append(self.counted)
        if self.error is not None:
            raise self.error
        return GOOD


def counting(told: Told) -> Counted:
    counted = Counted(told)
    counted.tell = told.count
    return counted


async def test_a_request_is_counted_before_it_is_sent() -> None:
    told = Told()
    counted = counting(told)
    for _ in range(2):
        assert await counted.get(ASKED) is GOOD
    assert (told.seen, told.counted, counted.sent) == ([1, 2], 2, 2)


@pytest.mark.parametrize(("was_sent", "left"), [(True, 1), (False, 0)])
async def test_only_what_was_not_sent_is_taken_back(was_sent: bool, left: int) -> None:
    told = Told(SourceError("http_503", "503", was_sent=was_sent))
    counted = counting(told)
    with pytest.raises(SourceError):
        await counted.get(ASKED)
    assert (told.counted, counted.sent) == (left, left)


async def test_nothing_is_sent_where_nothing_is_left() -> None:
    told = Told()
    counted = Counted(told)

    def refuse(requests: int) -> None:
        raise SourceError("quota", "used up", was_sent=False)

    counted.tell = refuse
    with pytest.raises(SourceError, match="used up"):
        await counted.get(ASKED)
    assert (told.seen, counted.sent) == ([], 0)

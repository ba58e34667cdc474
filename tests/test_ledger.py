from __future__ import annotations

import logging
from pathlib import Path

import pytest

from stream.ledger import KEEP_FROM_S, WRITE_EVERY_S, Due, Ledger

MIDNIGHT = 20_000 * 86_400.0
NOON = MIDNIGHT + 43_200


class Clock:
    def __init__(self, at: float = NOON) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "quota.json"


def test_a_fresh_ledger_has_the_whole_budget(clock: Clock) -> None:
    assert Ledger(None, now=clock).left("quotes", 100) == 100


def test_what_is_spent_is_gone_for_that_source_alone(clock: Clock) -> None:
    ledger = Ledger(None, now=clock)
    ledger.spend("quotes", 3)
    ledger.spend("quotes", 1)
    assert ledger.left("quotes", 100) == 96
    assert ledger.left("news", 100) == 100


def test_what_was_not_spent_after_all_comes_back_but_no_more(clock: Clock) -> None:
    ledger = Ledger(None, now=clock)
    ledger.spend("quotes", 3)
    ledger.spend("quotes", -2)
    assert ledger.left("quotes", 100) == 99
    ledger.spend("quotes", -2)  # the day turned in between, perhaps
    assert ledger.left("quotes", 100) == 100


def test_the_budget_is_never_below_zero(clock: Clock) -> None:
    ledger = Ledger(None, now=clock)
    ledger.spend("quotes", 30)
    assert ledger.left("quotes", 25) == 0


def test_a_restart_remembers(clock: Clock, path: Path) -> None:
    first = Ledger(path, now=clock)
    first.spend("quotes", 3)
    first.spend("news", 5)
    first.flush()
    second = Ledger(path, now=clock)
    assert (second.left("quotes", 100), second.left("news", 100)) == (97, 95)


def test_a_new_day_brings_a_new_budget(clock: Clock) -> None:
    ledger = Ledger(None, now=clock)
    ledger.spend("quotes", 25)
    clock.at = MIDNIGHT + 86_400 - 0.001
    assert ledger.left("quotes", 25) == 0
    clock.at = MIDNIGHT + 86_400
    assert ledger.left("quotes", 25) == 25


def test_a_file_of_yesterday_does_not_count(clock: Clock, path: Path) -> None:
    ledger = Ledger(path, now=clock)
    ledger.spend("quotes", 25)
    ledger.flush()
    clock.at += 86_400
    assert Ledger(path, now=clock).left("quotes", 25) == 25


def test_after_a_clock_that_ran_ahead_the_budget_is_not_held_spent(clock: Clock) -> None:
    clock.at += 1000 * 86_400
    ledger = Ledger(None, now=clock)
    ledger.spend("quotes", 25)
    clock.at = NOON
    assert ledger.left("quotes", 25) == 25


@pytest.mark.parametrize(
    ("at", "left_s"),
    [(MIDNIGHT, 86_400), (NOON, 43_200), (MIDNIGHT - 1.5, 1.5)],
)
def test_the_reset_is_at_the_next_midnight_utc(clock: Clock, at: float, left_s: float) -> None:
    clock.at = at
    assert Ledger(None, now=clock).seconds_to_reset() == left_s


def test_it_is_not_written_at_every_call(clock: Clock, path: Path) -> None:
    ledger = Ledger(path, now=clock)
    ledger.spend("quotes", 1)
    first = path.read_bytes()
    clock.at += WRITE_EVERY_S / 2
    ledger.spend("quotes", 1)
    assert path.read_bytes() == first
    clock.at += WRITE_EVERY_S / 2
    ledger.spend("quotes", 1)
    assert path.read_bytes() != first
    assert Ledger(path, now=clock).left("quotes", 10) == 7


def test_a_clock_set_back_does_not_hold_up_the_writing(clock: Clock, path: Path) -> None:
    ledger = Ledger(path, now=clock)
    ledger.spend("quotes", 1)
    clock.at -= 3600
    ledger.spend("quotes", 1)
    assert Ledger(path, now=clock).left("quotes", 10) == 8


def test_nothing_is_written_where_nothing_was_spent(clock: Clock, path: Path) -> None:
    Ledger(path, now=clock).flush()
    assert not path.exists()


def test_no_half_written_file_is_left_behind(clock: Clock, path: Path) -> None:
    ledger = Ledger(path, now=clock)
    ledger.spend("quotes", 1)
    assert [file.name for file in path.parent.iterdir()] == ["quota.json"]


def test_a_first_start_without_a_file_is_no_trouble(
    clock: Clock, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert Ledger(path, now=clock).left("quotes", 10) == 10
    assert caplog.records == []


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"day": "today", "spent": {}}',
        b'{"day": true, "spent": {}}',
        b'{"day": 20000, "spent": []}',
        b'{"day": 20000, "spent": {"quotes": "3"}}',
        b'{"day": 20000, "spent": {"quotes": -3}}',
        b'{"day": 20000, "spent": {"quotes": 3.5}}',
        b'{"day": 20000, "spent": {}, "due": []}',
        b'{"day": 20000, "spent": {}, "due": {"quotes": 3}}',
        b'{"day": 20000, "spent": {}, "due": {"quotes": [3, 1]}}',
        b'{"day": 20000, "spent": {}, "due": {"quotes": ["3", true]}}',
    ],
)
def test_a_broken_file_is_one_warning_and_a_fresh_start(
    clock: Clock, path: Path, caplog: pytest.LogCaptureFixture, text: bytes
) -> None:
    path.parent.mkdir()
    path.write_bytes(text)
    ledger = Ledger(path, now=clock)
    assert ledger.left("quotes", 10) == 10
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert str(path) in caplog.text
    ledger.spend("quotes", 4)
    assert Ledger(path, now=clock).left("quotes", 10) == 6


def test_a_file_that_cannot_be_written_is_one_warning_and_counting_goes_on(
    clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("a file where the directory should be")
    ledger = Ledger(tmp_path / "file" / "quota.json", now=clock)
    caplog.clear()
    for _ in range(3):
        ledger.spend("quotes", 1)
        clock.at += WRITE_EVERY_S
    ledger.flush()
    assert ledger.left("quotes", 10) == 7
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_a_path_that_can_be_written_again_is_written(clock: Clock, tmp_path: Path) -> None:
    path = tmp_path / "quota.json"
    path.mkdir()
    ledger = Ledger(path, now=clock)
    ledger.spend("quotes", 1)
    path.rmdir()
    ledger.flush()
    assert Ledger(path, now=clock).left("quotes", 10) == 9


def test_a_restart_remembers_what_is_due_even_on_another_day(clock: Clock, path: Path) -> None:
    first = Ledger(path, now=clock)
    first.plan("quotes", 100_000, owed=True)
    first.plan("news", 60, owed=False)
    first.flush()
    clock.at += 86_400
    second = Ledger(path, now=clock)
    assert second.due("quotes") == Due(NOON + 100_000, True)
    assert second.due("news") == Due(NOON + 60, False)
    assert second.due("other") is None
    second.spend("quotes", 1)
    assert Ledger(path, now=clock).due("news") is None


def test_what_is_due_soon_is_not_remembered(clock: Clock, path: Path) -> None:
    ledger = Ledger(path, now=clock)
    ledger.begin("quotes", KEEP_FROM_S / 2)
    ledger.flush()
    assert not path.exists()
    ledger.plan("quotes", 60, owed=True)
    ledger.plan("quotes", 1, owed=False)
    assert ledger.due("quotes") is None


def test_the_next_read_is_written_before_the_first_one_begins(clock: Clock, path: Path) -> None:
    ledger = Ledger(path, now=clock)
    for name in ("quotes", "news"):
        ledger.begin(name, 60)
        assert Ledger(path, now=clock).due(name) == Due(NOON + 60, True)
    clock.at += 1
    ledger.begin("news", 60)
    assert Ledger(path, now=clock).due("news") == Due(NOON + 60, True)


def test_a_file_of_the_version_before_is_read(clock: Clock, path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b'{"day": 20000, "spent": {"quotes": 3}}')
    assert Ledger(path, now=clock).left("quotes", 10) == 7


def test_without_a_file_nothing_is_remembered(clock: Clock) -> None:
    ledger = Ledger(None, now=clock)
    ledger.begin("quotes", 60)
    assert ledger.due("quotes") is None


def test_what_was_held_up_is_written_by_who_asks_often(clock: Clock, path: Path) -> None:
    ledger = Ledger(path, now=clock)
    ledger.begin("quotes", 60)
    ledger.plan("quotes", 600, owed=True)
    ledger.flush_in_time()
    assert Ledger(path, now=clock).due("quotes") == Due(NOON + 60, True)
    clock.at += WRITE_EVERY_S
    ledger.flush_in_time()
    assert Ledger(path, now=clock).due("quotes") == Due(NOON + 600, True)

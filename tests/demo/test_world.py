from __future__ import annotations

from random import Random

from stream.demo.world import World

START = 1_790_000_000


def world(seed: int = 1) -> World:
    return World(Random(seed), START)


def seen(one: World) -> tuple[object, ...]:
    return one.market.quotes(), one.headlines.stories, one.wire.stories, one.people.users()


def test_everything_moves_with_the_time() -> None:
    one = world()
    before = seen(one)
    one.step(START + 60)
    assert all(old != new for old, new in zip(before, seen(one), strict=True))


def test_it_does_not_matter_how_often_one_looks() -> None:
    once, often = world(), world()
    once.step(START + 90)
    for second in range(91):
        often.step(START + second)
    assert seen(once) == seen(often)


def test_an_earlier_time_changes_nothing() -> None:
    one = world()
    one.step(START + 30)
    before = seen(one)
    one.step(START + 10)
    assert one.now == START + 30
    assert seen(one) == before


def test_after_a_week_of_silence_the_world_is_on_time() -> None:
    one = world()
    one.step(START + 7 * 86_400)
    assert one.now == one.market.now == START + 7 * 86_400
    assert one.headlines.stories[0].published > one.now - 20
    assert len(one.headlines.stories) == 40


def test_one_component_is_degraded_for_twenty_seconds_of_each_two_minutes() -> None:
    one = world()
    degraded = []
    for second in range(360):
        one.step(START + second)
        degraded.append(one.is_degraded)
        since = one.status_since - START
        assert 0 <= since <= second
        assert len(set(degraded[since:])) == 1
        assert since == 0 or degraded[since - 1] != degraded[since]
    assert degraded == ([False] * 100 + [True] * 20) * 3

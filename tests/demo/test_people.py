from __future__ import annotations

from copy import deepcopy
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.demo.people import Directory
from stream.model import Item

START = 1_790_000_000.0
EDITABLE = {"email", "phone", "address", "website", "company"}


def directory(seed: int = 1) -> Directory:
    return Directory(Random(seed), START)


def by_id(people: Directory) -> dict[int, Item]:
    users: dict[int, Item] = {}
    for user in people.users():
        assert isinstance(user["id"], int)
        users[user["id"]] = user
    return users


def test_ten_persons_have_the_shape_of_jsonplaceholder_users() -> None:
    users = directory().users()
    assert [user["id"] for user in users] == list(range(1, 11))
    for user in users:
        assert list(user) == [
            "id",
            "name",
            "username",
            "email",
            "address",
            "phone",
            "website",
            "company",
        ]
        address, company = user["address"], user["company"]
        assert isinstance(address, dict) and isinstance(company, dict)
        assert list(address) == ["street", "suite", "city", "zipcode", "geo"]
        assert list(company) == ["name", "catchPhrase", "bs"]
        geo = address["geo"]
        assert isinstance(geo, dict)
        assert all(isinstance(value, str) and float(value) for value in geo.values())


def test_addresses_and_numbers_can_belong_to_nobody() -> None:
    people = directory()
    for second in range(600):
        people.step(START + second)
        for user in people.users():
            email, website, phone = user["email"], user["website"], user["phone"]
            assert isinstance(email, str) and isinstance(website, str) and isinstance(phone, str)
            assert email.rpartition("@")[2] in {"example.com", "example.org", "example.net"}
            assert website.endswith(".example")
            assert "-555-01" in phone


def test_someone_is_edited_every_few_seconds_and_in_one_field() -> None:
    people = directory(2)
    before, edits = by_id(people), 0
    for second in range(1, 601):
        people.step(START + second)
        now = by_id(people)
        for number in before.keys() & now.keys():
            changed = {
                field for field in now[number] if now[number][field] != before[number][field]
            }
            assert changed <= EDITABLE
            edits += len(changed)
        before |= now
    # One in 3 to 6 seconds makes 100 to 200 of ten minutes; a few happen to people who are away.
    assert 90 <= edits <= 200


def test_a_person_leaves_and_returns_to_the_same_place() -> None:
    people = directory(3)
    present = []
    for second in range(600):
        people.step(START + second)
        present.append(list(by_id(people)))
    sizes = [len(ids) for ids in present]
    assert set(sizes) == {9, 10}
    assert sizes.count(9) < sizes.count(10)
    assert 10 in sizes[sizes.index(9) :]
    assert all(ids == sorted(ids) for ids in present)


def test_a_person_who_is_away_is_not_found_by_id_either() -> None:
    people = directory(3)
    second = 0
    while len(people.users()) == 10:
        second += 1
        people.step(START + second)
    (gone,) = set(range(1, 11)) - by_id(people).keys()
    assert people.user(gone) is None
    assert people.user(11) is None
    assert all(people.user(number) == user for number, user in by_id(people).items())


def test_what_was_handed_out_is_never_changed_in_place() -> None:
    people = directory(4)
    handed_out = people.users()
    copy = deepcopy(handed_out)
    for second in range(300):
        people.step(START + second)
    assert handed_out == copy
    assert people.users() != copy


@pytest.mark.parametrize("seed", [0, 5, 9])
def test_the_same_seed_tells_the_same_lives(seed: int) -> None:
    one, other = directory(seed), directory(seed)
    for second in range(120):
        one.step(START + second)
        other.step(START + second)
    assert one.users() == other.users()
    assert one.users() != directory(seed + 1).users()


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    strides=st.lists(st.floats(0.0, 1e7), min_size=1, max_size=20),
)
def test_after_any_silence_nine_or_ten_distinct_persons_are_here(
    seed: int, strides: list[float]
) -> None:
    people, now = directory(seed), START
    for stride in strides:
        now += stride
        people.step(now)
        assert len(by_id(people)) == len(people.users()) in {9, 10}

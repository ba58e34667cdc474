from __future__ import annotations

import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.demo.plots import FOLLOW_UPS, HEADLINES, OTHER, WIRE, Plot, person, words

START = 1_790_000_000.0
PLOTS = HEADLINES + WIRE


@pytest.mark.parametrize("plot", PLOTS, ids=[plot.title for plot in PLOTS])
def test_every_plot_can_be_filled_in_and_reads_as_sentences(plot: Plot) -> None:
    for seed in range(20):
        drawn = words(Random(seed), START)
        title, summary = plot.title.format_map(drawn), plot.summary.format_map(drawn)
        assert title[0].isupper() and not title.endswith(".") and len(title) <= 100
        assert (summary[0].isupper() or summary[0].isdigit()) and summary.endswith(".")
        assert not re.search(r"[{}|]|  ", title + summary)


def test_no_two_plots_share_a_title() -> None:
    assert len({plot.title for plot in PLOTS}) == len(PLOTS)


def test_every_section_of_the_headlines_has_sentences_to_add() -> None:
    assert {plot.section for plot in HEADLINES} == set(FOLLOW_UPS)


def test_every_added_sentence_can_be_filled_in() -> None:
    drawn = words(Random(1), START)
    for line in (*OTHER, *(line for lines in FOLLOW_UPS.values() for line in lines)):
        assert re.fullmatch(r"[A-Z][^{}]+\.", line.format_map(drawn))


@given(st.integers(0, 2**32))
def test_two_of_a_kind_are_never_the_same(seed: int) -> None:
    drawn = words(Random(seed), START)
    assert drawn["city"] != drawn["city2"]
    assert drawn["club"] != drawn["club2"]
    assert len({drawn["maker"], drawn["company"], drawn["company2"]}) == 3


def test_the_day_is_the_day_of_the_story() -> None:
    assert words(Random(1), START)["day"] == "Monday"
    assert words(Random(1), START + 86_400)["day"] == "Tuesday"


def test_a_person_has_a_first_and_a_last_name() -> None:
    assert re.fullmatch(r"[A-Z]\w+ [A-Z][\w-]+", person(Random(1)))

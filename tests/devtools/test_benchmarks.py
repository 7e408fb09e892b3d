"""The ratio of a comparison doesn't depend on which side runs first."""

import itertools

import pytest

from benchmarks.pairs import Taken, compare

COLDER = 1.5


def run_in_turns(milliseconds, paces=(1,)):
    """Return a function that creates runs; the first run of a pair takes longer, and the machine's speed varies.

    :param list milliseconds: list to which the durations of the runs are added
    :param tuple paces: factors by which the runs of successive pairs take longer
    """

    def make(own):
        def run():
            pair, is_second = divmod(len(milliseconds), 2)
            milliseconds.append(own * paces[pair % len(paces)] * (1 if is_second else COLDER))
            return Taken(milliseconds[-1], queries=round(own))

        return run

    return make


@pytest.mark.parametrize("repeats", (2, 3, 10, 11))
def test_coming_first_does_not_count(repeats):
    make = run_in_turns([])

    comparison = compare(make(11), make(10), repeats)

    assert comparison.ratio == pytest.approx(1.1)
    assert (comparison.ours.queries, comparison.other.queries) == (11, 10)


def test_the_pace_of_the_machine_does_not_count():
    make = run_in_turns([], paces=(1, 1, 1, 1, 9, 7, 8))

    assert compare(make(11), make(10), repeats=21).ratio == pytest.approx(1.1)


def test_what_warms_up_does_not_count():
    runs = itertools.chain([1000] * 6, itertools.repeat(1))

    comparison = compare(lambda: Taken(next(runs), 1), lambda: Taken(next(runs), 1), repeats=4, warm_up=3)

    assert (comparison.ours.ms, comparison.other.ms) == (1, 1)

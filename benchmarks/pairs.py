"""Compare the times of two functions by running them alternately."""

import statistics
from dataclasses import dataclass

WARM_UP = 3


@dataclass
class Taken:
    """The cost of a run.

    :param float ms: duration in milliseconds
    :param int queries: number of queries
    """

    ms: float
    queries: int


@dataclass
class Comparison:
    """The result of a comparison.

    :param Taken ours: medians of our function
    :param Taken other: medians of the other function
    :param float ratio: ratio of our time to the other time, computed from the pairs
    """

    ours: Taken
    other: Taken
    ratio: float


def compare(ours, other, repeats, warm_up=WARM_UP):
    """Run two functions alternately, so that other load on the machine affects both.

    Each is the first of a pair every other time, because the second one finds more in the machine's caches.

    :param ours: function that returns a :class:`Taken`
    :param other: function that returns a :class:`Taken`
    :param int repeats: number of measured pairs
    :param int warm_up: number of pairs that run before and don't count
    :rtype: Comparison
    """
    turns = [(ours, other) if repeat % 2 else (other, ours) for repeat in range(warm_up + repeats)]
    pairs = [{run: run() for run in turn} for turn in turns][warm_up:]
    return Comparison(
        ours=median([pair[ours] for pair in pairs]),
        other=median([pair[other] for pair in pairs]),
        ratio=_get_ratio(pairs, ours, other),
    )


def _get_ratio(pairs, ours, other):
    """Compute the ratio from the ratios of the pairs.

    The two runs of a pair follow each other directly. If the speed of the machine changes from minute to minute, the
    ratio of the overall medians varies more than the differences that most marks are about.

    The pairs in which our function ran first have one median, the others another; the result is the geometric mean of
    the two. The cost of running first is in both, once in the numerator and once in the denominator, and cancels out.
    The median of all pairs could lie anywhere between the two groups.

    :param list pairs: ``{run: Taken}``, in the order in which the two ran
    :rtype: float
    """
    ratios = {ours: [], other: []}
    for pair in pairs:
        ratios[next(iter(pair))].append(pair[ours].ms / pair[other].ms)
    return statistics.geometric_mean(map(statistics.median, filter(None, ratios.values())))


def median(taken):
    """Return the medians of several runs.

    :rtype: Taken
    """
    return Taken(statistics.median(one.ms for one in taken), round(statistics.median(one.queries for one in taken)))

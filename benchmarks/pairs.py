"""How two things are compared: by turns, and by the ratios of the pairs."""

import statistics
from dataclasses import dataclass

WARM_UP = 3


@dataclass
class Taken:
    """What one run took.

    :param float ms: milliseconds
    :param int queries: how many queries
    """

    ms: float
    queries: int


@dataclass
class Comparison:
    """Ours beside what it is compared to.

    :param Taken ours: medians of ours
    :param Taken other: medians of the other
    :param float ratio: ours to the other, as the pairs say
    """

    ours: Taken
    other: Taken
    ratio: float


def compare(ours, other, repeats, warm_up=WARM_UP):
    """Run two things by turns, so that a busy moment of the machine falls on both.

    Each comes first every other time: what follows finds more in the machine's caches.

    :param ours: gives a :class:`Taken` a call
    :param other: likewise
    :param int repeats: how often
    :param int warm_up: how often before that
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
    """Return the ratio that the pairs say.

    The two halves of a pair follow each other at once. Where the machine's pace changes from minute to minute, the
    ratio of all times' medians differs more from run to run than what most of the marks are about.

    The pairs in which ours came first and those in which it came second have a median each, and the result is the
    geometric mean of the two: what coming first costs is in both, once above the line and once below. The median of
    all pairs would be anywhere between the two heaps.

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

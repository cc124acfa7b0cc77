"""Which good pictures are held out, and thresholds from what the network makes of them."""

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from src.data.samples import Sample
from src.good_pictures import (
    REGION,
    ROUNDING,
    GoodPictures,
    conformal_threshold,
    divide,
    held_out_count,
    least_false_alarms,
    peaks,
    pictures_needed,
)


@pytest.mark.parametrize(
    ("count", "share", "wanted"),
    [
        (209, 0.1, 21),  # bottle
        (320, 0.1, 32),  # screw
        (200, 0.1, 20),
        (100, 0.1, 20),  # at least 20
        (60, 0.1, 20),  # a third
        (59, 0.1, 0),  # 20 are more than a third
        (12, 0.1, 0),
        (1, 0.1, 0),
        (1000, 0.001, 20),
        (1000, 0, 0),
        (40, 0.5, 20),  # more than a third where it is asked for
        (39, 0.5, 0),
        (391, 0.25, 98),
    ],
)
def test_how_many_are_held_out(count, share, wanted):
    assert held_out_count(count, share) == wanted


def samples(count):
    return [Sample(Path(f"{i:03}.png"), 0, "good", None, f"good/{i:03}") for i in range(count)]


def test_every_picture_is_trained_on_or_held_out_and_the_order_stays():
    every = samples(100)
    used, held_out = divide(every, 0.1, 1)
    assert (len(used), len(held_out)) == (80, 20)
    assert sorted([*used, *held_out], key=lambda sample: sample.name) == every
    for part in (used, held_out):
        assert part == sorted(part, key=lambda sample: sample.name)


def test_the_choice_depends_on_the_seed_and_the_names_only():
    every = samples(100)
    _, wanted = divide(every, 0.1, 1)
    _, shuffled = divide(every[::-1], 0.1, 1)
    assert shuffled == wanted[::-1]
    elsewhere = [Sample(Path("/else") / each.picture, 0, "good", None, each.name) for each in every]
    assert [each.name for each in divide(elsewhere, 0.1, 1)[1]] == [each.name for each in wanted]
    assert divide(every, 0.1, 2)[1] != wanted
    more = {each.name for each in divide(samples(110), 0.1, 1)[1]}
    assert len(more & {each.name for each in wanted}) >= 15  # few change sides


def test_a_larger_share_holds_out_the_same_and_more():
    _, few = divide(samples(300), 0.1, 1)
    _, more = divide(samples(300), 0.2, 1)
    assert {each.name for each in few} < {each.name for each in more}


def test_names_that_are_no_text_can_be_held_out():
    named = [Sample(Path(f"{i}"), 0, "good", None, f"good/\udcff{i}") for i in range(60)]
    assert len(divide(named, 0.1, 1)[1]) == 20


@pytest.mark.parametrize("none", [0.0, 0.1])
def test_where_none_is_held_out_all_are_trained_on(none):
    every = samples(300 if none == 0 else 50)
    assert divide(every, none, 1) == (every, [])


@pytest.mark.parametrize(
    ("count", "share", "place"),
    [
        (99, 0.01, 99),  # ceil(100 * 0.99)
        (199, 0.01, 198),
        (100, 0.01, 100),  # ceil(101 * 0.99) = ceil(99.99)
        (21, 0.01, 21),  # too few: the largest
        (19, 0.05, 19),
        (20, 0.05, 20),
        (39, 0.05, 38),
        (99, 0.07, 93),  # 0.07 * 100 is more than 7 in floating point
        (99, 0.29, 71),  # and 0.29 * 100 less than 29
        (9, 0.5, 5),
        (1, 0.01, 1),
    ],
)
def test_the_conformal_threshold_is_just_above_a_known_place(count, share, place):
    values = np.random.default_rng(0).permutation(np.arange(1, count + 1) / 256)
    assert conformal_threshold(values, share) == pytest.approx(place / 256 + ROUNDING, abs=1e-7)
    assert place == min(count, math.ceil((count + 1) * (1 - Fraction(str(share)))))


@pytest.mark.parametrize("share", [0.01, 0.05, 0.1, 0.25])
@pytest.mark.parametrize("count", [5, 21, 99, 100])
def test_it_is_where_the_p_value_reaches_the_share(count, share):
    """The definition: p = (1 + good values >= v) / (n + 1)."""
    values = np.random.default_rng(count).random(count)
    threshold = conformal_threshold(values, share)
    for value in [*np.linspace(-0.1, 1.1, 997), *values]:
        if abs(value - threshold) > 2 * ROUNDING:
            p = (1 + (values >= value).sum()) / (count + 1)
            assert (value >= threshold) == (p <= max(share, least_false_alarms(count)) + 1e-12)


def test_good_ones_call_no_more_alarms_than_promised():
    """Twenty thousand draws of 99 good values and a new one: 5 % false alarms, within four standard errors."""
    rng = np.random.default_rng(1)
    found = [rng.random() >= conformal_threshold(rng.random(99), 0.05) for _ in range(20000)]
    assert np.mean(found) == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / 20000))


@pytest.mark.parametrize("scale", [1e-3, 1, 1e6])
def test_the_highest_good_value_is_no_alarm_itself_also_when_it_is_rounded(scale):
    values = (scale * np.random.default_rng(0).random(21)).astype(np.float32)
    threshold = conformal_threshold(values.tolist(), 0.01)
    assert threshold == float(np.float32(threshold))
    highest = values.max()
    assert not highest >= threshold
    assert not np.nextafter(highest, np.float32(np.inf)) >= threshold
    assert conformal_threshold([0.5] * 30, 0.1) > 0.5


def test_what_a_number_of_pictures_allows():
    assert least_false_alarms(21) == pytest.approx(0.04545, abs=1e-5)
    assert [pictures_needed(share) for share in (0.01, 0.05, 0.07, 0.1, 0.5)] == [99, 19, 14, 9, 1]
    for share in (0.01, 0.03, 0.07, 0.1, 0.5):
        needed = pictures_needed(share)
        assert least_false_alarms(needed) <= share < least_false_alarms(needed - 1)


def test_a_peak_is_reached_by_a_share_of_a_pictures_pixels():
    maps = np.random.default_rng(0).random((3, 40, 40), np.float32)
    found = peaks(maps)
    for anomaly_map, peak in zip(maps, found):
        assert (anomaly_map >= np.float32(peak)).sum() == round(REGION * 1600) == 8
    assert peaks(np.zeros((1, 8, 8), np.float32)) == (0.0,)
    single = np.zeros((1, 8, 8), np.float32)
    single[0, 3, 3] = 1
    assert peaks(single) == (1.0,)  # at least one pixel
    good = GoodPictures.of("held out", maps, maps.max((1, 2)), 0.05)
    assert good == GoodPictures("held out", tuple(maps.max((1, 2)).tolist()), found, 0.05)

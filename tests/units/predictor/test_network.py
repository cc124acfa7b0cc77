"""A network in batches: which images it is given, and that nothing is said of values that are not finite."""

from pathlib import Path

import numpy as np
import pytest

from src.api import Model
from src.data.framing import framing_of
from src.encoder import ENCODERS
from src.predictor.network import Network, images_per_call, run_in_batches
from src.utils import UserError

SIZE = 4
IMAGES = np.arange(5, dtype=np.uint8).repeat(SIZE * SIZE * 3).reshape(5, SIZE, SIZE, 3)


def network(run):
    return Network(
        run=run,
        category="nut",
        framing=framing_of(SIZE),
        normalised_by=([0.0] * 3, [1.0] * 3),
        batch_size=2,
        any_batch=False,
        judge=None,
        good=None,
        thresholds=None,
        bit_depth=None,
        colour_scale=None,
        sha256="0" * 64,
    )


@pytest.mark.parametrize(("fill", "last"), [(True, [4, 4]), (False, [4])])
def test_the_last_batch_is_filled_up_where_it_must_be(fill, last):
    batches = []

    def run(images):
        batches.append(np.rint(255 * images[:, 0, 0, 0]).tolist())
        return images[:, :1], images[:, 0, 0, 0]

    maps, scores = run_in_batches(run, IMAGES, SIZE, 2, ([0.0] * 3, [1.0] * 3), fill=fill)
    assert batches == [[0, 1], [2, 3], last]
    assert maps.shape == (5, SIZE, SIZE)
    np.testing.assert_allclose(255 * scores, np.arange(5), atol=1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("output", ["map", "score"])
def test_nothing_is_said_of_values_that_are_not_finite(value, output):
    """Compared with a threshold, a score that is no number would be a good picture's."""

    def run(images):
        maps, scores = images[:, :1].copy(), images[:, 0, 0, 0].copy()
        if output == "map":
            maps[0, 0, 1, 2] = value
        else:
            scores[0] = value
        return maps, scores

    with pytest.raises(UserError, match="not finite; train again with a lower --lr"):
        network(run)(IMAGES)
    with pytest.raises(UserError, match="not finite"):
        Model(Path("x.onnx"), network(run)).predict(IMAGES[0])


@pytest.mark.parametrize(
    ("wanted", "suitable", "pictures", "count"),
    [(None, 8, None, 8), (None, 1, 100, 1), (None, 8, 3, 3), (5, 1, None, 5), (5, 8, 3, 3), (5, 1, 100, 5)],
)
def test_what_is_asked_for_comes_before_what_suits_and_no_more_than_there_is(wanted, suitable, pictures, count):
    assert images_per_call(wanted, suitable, pictures) == count


def test_cait_alone_is_given_one_image_at_a_time():
    assert {name for name, spec in ENCODERS.items() if spec.test_batch_size != 8} == {"cait_m48_448"}
    assert ENCODERS["cait_m48_448"].test_batch_size == 1

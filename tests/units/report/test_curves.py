"""The course of a training as one picture: a plot for what there is, and no empty one."""

import numpy as np
import pytest
from PIL import Image

from src.report.curves import Course, curves_of, save_curves

WIDTH = 495  # pixels of a plot
HISTORY = [
    {"epoch": 1, "pixel_auc": 0.5, "image_auc": 0.6, "aupro": None},
    {"epoch": 2, "pixel_auc": 0.9, "image_auc": None},
]
SCORES = {
    "held-out good pictures": (-0.8, -0.7),
    "good test pictures": [-0.75],
    "defective test pictures": np.array([-0.2, -0.3], np.float32),
}


@pytest.mark.parametrize(
    ("losses", "history", "scores", "plots"),
    [
        ([3.0, 2.0], HISTORY, SCORES, ["training loss", "on the test set, for looking", "scores of the last epoch"]),
        ([3.0], [], SCORES, ["training loss", "scores of the last epoch"]),
        ([3.0], HISTORY[1:], {name: [] for name in SCORES}, ["training loss", "on the test set, for looking"]),
        (
            [3.0],
            [{"epoch": 1, "pixel_auc": None}],
            {"training pictures": [-0.5]},
            ["training loss", "scores of the last epoch"],
        ),
        ([], [], {"training pictures": [-0.5]}, ["scores of the last epoch"]),
    ],
)
def test_there_is_a_plot_for_what_there_is(tmp_path, losses, history, scores, plots):
    course = Course(losses, 4, history, scores, -0.5)
    axes = curves_of(course).axes
    assert [each.get_title() for each in axes] == plots
    assert all(each.lines or each.patches for each in axes)
    save_curves(tmp_path / "run.png", course)
    with Image.open(tmp_path / "run.png") as image:
        assert image.width == WIDTH * len(plots)


def test_the_loss_is_per_dimension():
    loss, _ = curves_of(Course([8.0, 4.0], 4, [], SCORES, -0.5)).axes
    assert loss.lines[0].get_ydata().tolist() == [2, 1]


@pytest.mark.parametrize("threshold", [-0.5, None])
def test_scores_are_counted_by_what_the_pictures_are_and_the_threshold_is_a_line(threshold):
    *_, scores = curves_of(Course([8.0], 4, [], SCORES, threshold)).axes
    assert sum(patch.get_height() for patch in scores.patches) == 5
    names = [text.get_text() for text in scores.get_legend().get_texts()]
    held_out, *test = ("held-out good pictures (2)", "good test pictures (1)", "defective test pictures (2)")
    if threshold is None:
        assert names == [held_out, *test]
        assert not scores.lines
    else:
        assert set(names) == {held_out, *test, "threshold -0.500"}
        assert scores.lines[0].get_xdata() == [-0.5, -0.5]

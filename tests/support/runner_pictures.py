"""The C++ runner over plain pictures: run it, read what it says, and see that it refuses."""

import json
import os

import numpy as np
import pytest
from PIL import Image

from src import hidden
from src.report.colours import GREY, colour
from src.verdict import Judge
from tests.support.programs import program

LIMIT = 1e-4  # the largest difference between two runtimes


def judge(runner, model, pictures, output, *more, **options):
    """Run the runner over pictures."""
    return runner("--model", model, "--pictures", pictures, "--output_path", output, "--threads", 1, *more, **options)


def said(folder):
    """What is said of the pictures, by name, without the time that it took."""
    pictures = json.loads((folder / "scores.json").read_text())["pictures"]
    return {name: {k: v for k, v in each.items() if k != "milliseconds"} for name, each in pictures.items()}


def assert_refused(done, status, folder, *parts):
    """It ended with this status and one line that says these things, and left nothing."""
    assert (done.returncode, done.stderr.count("\n")) == (status, 1), done.stderr
    assert done.stderr.startswith("error: ")
    assert all(part in done.stderr for part in parts), done.stderr
    assert not folder.exists()
    assert [name for name in os.listdir(folder.parent) if name.endswith(".partial")] == []


def assert_same_heat(picture, anomaly_map, scale):
    """A heat map is a map's, but for a level where rounding differs; what is hidden is grey."""
    drawn = np.asarray(Image.open(picture))
    assert drawn.shape == (*anomaly_map.shape, 3)
    level, seen = np.rint(255 * scale(anomaly_map)).astype(int), hidden.seen(anomaly_map)
    near = [(drawn == colour(np.clip(level + step, 0, 255) / 255)).all(-1) for step in (-1, 0, 1)]
    assert np.where(seen, np.any(near, 0), (drawn == GREY).all(-1)).all()
    assert near[1][seen].mean() > 0.99


def assert_agree(runner, model, pictures, folder, *options, more=()):
    """The runner says what predict.py says, in words, regions and heat maps; what it says of each picture."""
    given = ("--model", model, "--input", pictures, "--output_dir", folder / "py", "--save_maps", "npy", *options)
    status = program("predict.py", *given).returncode
    done = judge(runner, model, pictures, folder / "cc", "--heat_maps", *options, *more)
    assert (done.returncode, done.stderr) == (status, "")
    scale = Judge.from_json(
        *(json.loads((folder / "py/scores.json").read_text())[k] for k in ("thresholds", "reading"))
    )
    wanted, found = said(folder / "py"), said(folder / "cc")
    assert list(found) == list(wanted)
    for name, each in found.items():
        if "error" in each:
            assert each == wanted[name]
            continue
        for key in ("score", "anomaly", "margin"):
            assert each.pop(key) == pytest.approx(wanted[name].pop(key), abs=LIMIT)
        peaks = [[region.pop("peak") for region in pictures[name]["regions"]] for pictures in (found, wanted)]
        assert peaks[0] == pytest.approx(peaks[1], abs=LIMIT)
        assert each == wanted[name]
        assert_same_heat(folder / f"cc/heat_maps/{name}.png", np.load(folder / f"py/{name}.npy"), scale.pixel)
    return said(folder / "cc")

"""serve.py over a folder: only whole pictures are judged, each once, whatever ends the program; nothing is moved."""

import csv
import json
import os
import shutil
import signal
import time

import pytest

from src import api
from tests.support.programs import error_of, files
from tests.support.serving import GREYS, Server, picture, wait_for
from tests.support.small_onnx import bright_is_defective


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return bright_is_defective(tmp_path_factory.mktemp("model") / "bright.onnx")


@pytest.fixture
def folders(tmp_path):
    (tmp_path / "in/a folder").mkdir(parents=True)
    return tmp_path / "in", tmp_path / "out"


def watching(model, folders, *more):
    return Server(model, "--watch", folders[0], "--out", folders[1], "--settle", "0.4", *more, http=None)


def results(folders):
    """What is in the journal."""
    path = folders[1] / "scores.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def table(folders):
    with (folders[1] / "scores.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_pictures_are_judged_as_they_come_and_stay_where_they_are(model, folders):
    given = {"there before.png": 255, "a folder/dark.jpg": 0, "=1+1.png": 0}
    (folders[0] / "notes.txt").write_text("no picture")
    (folders[0] / ".hidden.png").write_bytes(picture(255))
    server = watching(model, folders, "--save_imgs", "--save_maps", "npy")
    try:
        for name, grey in given.items():
            (folders[0] / name).write_bytes(picture(grey, kind="JPEG" if name.endswith("jpg") else "PNG"))
        wait_for(lambda: len(results(folders)) == 3)
        os.rename(shutil.copy(folders[0] / "there before.png", folders[1].parent / "x"), folders[0] / "renamed.png")
        wait_for(lambda: len(results(folders)) == 4)
    finally:
        assert server.end() == 0
    given["renamed.png"] = 255
    found = {each["name"]: each for each in results(folders)}
    predictor = api.load(model)
    for name, grey in given.items():
        said = predictor.predict(folders[0] / name).to_json()
        assert {key: found[name][key] for key in said if key != "milliseconds"} == {
            key: value for key, value in said.items() if key != "milliseconds"
        }
        assert found[name]["verdict"] == ("defective" if grey else "good")
        assert (found[name]["model_sha256"], found[name]["threshold"]) == (predictor.sha256, -0.25)
    rows = {row["name"].removeprefix("'"): row for row in table(folders)}
    assert set(rows) == set(given)
    for name, row in rows.items():
        assert (row["verdict"], float(row["score"])) == (found[name]["verdict"], found[name]["score"])
        assert row["regions"] == str(len(found[name]["regions"]))
    assert set(files(folders[0])) == {*given, "notes.txt", ".hidden.png"}
    drawn = {"=1+1.npy", "=1+1.png", "a folder/dark.jpg.npy", "a folder/dark.jpg.png", "renamed.npy", "renamed.png"}
    assert set(files(folders[1])) == drawn | {"there before.npy", "there before.png", "scores.csv", "scores.jsonl"}


def test_a_picture_is_judged_when_it_is_whole(model, folders):
    content = picture(255, (700, 500), "BMP")
    server = watching(model, folders)
    try:
        with (folders[0] / "slow.bmp").open("wb") as file:
            for start in range(0, len(content), len(content) // 12):
                file.write(content[start : start + len(content) // 12])
                file.flush()
                assert not results(folders)
                time.sleep(0.15)
        (said,) = wait_for(lambda: results(folders))
        assert (said["name"], said["verdict"], said["bytes"]) == ("slow.bmp", "defective", len(content))
    finally:
        assert server.end() == 0


@pytest.mark.thorough
def test_a_picture_whose_writer_pauses_is_not_called_unreadable(model, folders):
    content = picture(255, (300, 200), "BMP")
    server = watching(model, folders)
    try:
        with (folders[0] / "pausing.bmp").open("wb") as file:
            file.write(content[:5000])
            file.flush()
            server.wait_for_line("pausing.bmp: cannot read the picture")
            file.write(content[5000:])
        (said,) = wait_for(lambda: results(folders))
        assert (said["name"], said["verdict"]) == ("pausing.bmp", "defective")
        (folders[0] / "never whole.bmp").write_bytes(content[:5000])
        wait_for(lambda: len(results(folders)) == 2)
        said = results(folders)[1]
        assert said["name"] == "never whole.bmp"
        assert "cannot read the picture" in said["error"]
        assert "score" not in said
        (folders[0] / "never whole.bmp").write_bytes(content)
        wait_for(lambda: len(results(folders)) == 3)
        assert results(folders)[2]["verdict"] == "defective"
    finally:
        assert server.end() == 0
    assert [row["verdict"] for row in table(folders)] == ["defective", "", "defective"]
    assert "cannot read the picture" in table(folders)[1]["error"]


@pytest.mark.parametrize("number", [pytest.param(signal.SIGTERM, marks=pytest.mark.thorough), signal.SIGKILL])
def test_no_picture_is_judged_twice_or_lost_over_restarts(folders, tmp_path, number):
    """Ended again and again while it works; a killed one may have left half a line."""
    slow = bright_is_defective(tmp_path / "slow.onnx", burden=2)
    names = [f"{i:03}.png" for i in range(30)]
    for i, name in enumerate(names):
        (folders[0] / name).write_bytes(picture(GREYS["defective" if i % 3 else "good"]))
    for count in (3, 10, 17):
        server = watching(slow, folders)
        wait_for(lambda: len((folders[1] / "scores.jsonl").read_bytes().splitlines()) >= count)  # noqa: B023
        assert server.end(number) == (0 if number == signal.SIGTERM else -9)
        assert len(results(folders)) < 30
        if number == signal.SIGKILL:
            with (folders[1] / "scores.jsonl").open("a") as file:
                file.write('{"name": "half a li')
            with (folders[1] / "scores.csv").open("a") as file:
                file.write("half a li")
    server = watching(slow, folders)
    wait_for(lambda: len(results(folders)) >= 30)
    time.sleep(1.5)  # what would be judged twice would be so now
    assert server.end() == 0
    found = results(folders)
    assert sorted(each["name"] for each in found) == names
    assert [row["name"] for row in table(folders)] == [each["name"] for each in found]
    for each in found:
        assert each["verdict"] == ("defective" if int(each["name"][:3]) % 3 else "good")


def test_a_folder_that_goes_and_comes_back_is_not_judged_again(model, folders):
    (folders[0] / "a.png").write_bytes(picture(0))
    server = watching(model, folders)
    try:
        wait_for(lambda: results(folders))
        folders[0].rename(folders[0].with_name("away"))
        server.wait_for_line(f"the folder {folders[0]} is gone; looking again")
        folders[0].with_name("away").rename(folders[0])
        (folders[0] / "b.png").write_bytes(picture(255))
        wait_for(lambda: len(results(folders)) > 1)
    finally:
        assert server.end() == 0
    assert [each["name"] for each in results(folders)] == ["a.png", "b.png"]


def test_two_do_not_write_in_one_folder(model, folders):
    server = watching(model, folders)
    try:
        given = ("serve.py", "--model", model, "--watch", folders[0], "--out", folders[1])
        assert f"another serve.py writes in {folders[1]}; give another --out" in error_of(*given)
    finally:
        assert server.end() == 0


def test_a_folder_and_http_at_once(model, folders):
    server = Server(model, "--watch", folders[0], "--out", folders[1], "--settle", "0.4")
    try:
        (folders[0] / "a.png").write_bytes(picture(255))
        assert server.ask("POST", "/", picture(0))[2]["verdict"] == "good"
        wait_for(lambda: results(folders))
        assert server.figure('fastflow_pictures_total{source="watch",verdict="defective"}') == 1
        assert b"a.png" in server.ask("GET", "/")[2]
    finally:
        assert server.end() == 0

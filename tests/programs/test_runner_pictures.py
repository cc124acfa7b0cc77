"""The C++ runner from plain pictures to verdicts, in onnxruntime on this machine: what predict.py says of them."""

import csv
import json
import math
import os
import signal
import subprocess
import time

import numpy as np
import pytest
from PIL import Image

from src.data.pictures import open_rgb
from src.data.samples import Reading
from src.report.colours import heat_map
from src.verdict import Judge
from tests.support import odd_files, runner_models
from tests.support.pictures import speckled
from tests.support.programs import files, program
from tests.support.runner_pictures import assert_refused, judge, said

# What the runner does not read, and says so.
OTHERS = {".tga", ".gif", ".jp2", ".pam", ".pcx", ".ras", ".sgi", ".webp", ".avif", ".hdr"}
INCOMPLETE = 3


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """A folder of 100 odd pictures, and what each must come to."""
    folder = tmp_path_factory.mktemp("pictures") / "odd"
    values = np.kron(np.random.default_rng(0).integers(0, 256, (16, 16, 3)), np.ones((4, 4, 1)))
    return folder, odd_files.make(folder, Image.fromarray(values.astype(np.uint8)))


@pytest.fixture(scope="module")
def bright(tmp_path_factory):
    return runner_models.bright(tmp_path_factory.mktemp("model"))


@pytest.fixture
def plain(tmp_path):
    """Five pictures in two folders."""
    for index, name in enumerate(("a", "b", "more/c", "more/d", "e")):
        path = tmp_path / "in" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        speckled(50 + index, 40, index).save(path)
    return tmp_path / "in"


# Pixels


def pixels(runner, paths, bit_depth=16, height=40, width=56):
    """What the runner makes of files: (width, height, pixels [height, width, 3]) each, or the error's text."""
    folder = runner.program.parent
    subprocess.run(["cmake", "--build", folder, "--target", "read_picture"], check=True, capture_output=True)
    command = [folder / "read_picture", str(bit_depth), str(height), str(width), *map(str, paths)]
    left = subprocess.run(command, check=True, capture_output=True).stdout
    for _ in paths:
        line, _, left = left.partition(b"\n")
        if line.startswith(b"error: "):
            yield line.decode()
            continue
        size = tuple(map(int, line.split()[:2]))
        yield size, np.frombuffer(left[: height * width * 3], np.uint8).reshape(height, width, 3)
        left = left[height * width * 3 :]


def assert_same_pixels(runner, paths, bit_depth=16):
    for path, found in zip(paths, pixels(runner, paths, bit_depth), strict=True):
        assert not isinstance(found, str), (path, found)
        wanted = open_rgb(path, Reading(bit_depth))
        assert found[0] == wanted.size, path
        resized = np.asarray(wanted.resize((56, 40), Image.Resampling.BILINEAR)).astype(int)
        assert abs(found[1] - resized).max() <= 1, path


def test_odd_pictures_have_pythons_pixels(native, odd):
    folder, expected = odd
    readable = [path for path in sorted(folder.iterdir()) if path.suffix.lower() not in OTHERS]
    readable = [path for path in readable if path.name.endswith(".jfif") or expected[path.stem].reason is None]
    assert len(readable) > 70
    assert_same_pixels(native, readable)


def test_what_cameras_write_has_pythons_pixels(native, tmp_path):
    """JPEG of every sampling and quality, BMP and TIFF of every depth, sizes that are larger and smaller."""
    paths = []

    def save(name, image, **options):
        paths.append(tmp_path / name)
        image.save(paths[-1], **options)

    for width, height in ((333, 217), (31, 500), (17, 9), (56, 40), (1001, 40)):
        image = speckled(width, height)
        for subsampling in range(3):
            save(f"{width}_{subsampling}.jpg", image, quality=92, subsampling=subsampling)
        save(f"{width}_p.jpg", image, quality=60, progressive=True)
        save(f"{width}_g.jpg", image.convert("L"), quality=75)
        save(f"{width}.bmp", image)
        save(f"{width}_8.bmp", image.quantize(200))
        save(f"{width}_1.bmp", image.convert("1"))
        save(f"{width}_x.bmp", image.convert("RGBA"))
        save(f"{width}_i.png", image, optimize=True)
        for compression in ("raw", "tiff_lzw", "jpeg", "tiff_deflate"):
            save(f"{width}_{compression}.tif", image, compression=compression)
        save(f"{width}_16.tif", Image.fromarray((np.asarray(image.convert("L")).astype(np.uint16) << 8) + 77))
        save(f"{width}_p.tif", image.quantize(200))
    for turn in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = turn
        save(f"turned_{turn}.jpg", speckled(80, 61), quality=95, exif=exif)
    assert_same_pixels(native, paths)


@pytest.mark.parametrize("bit_depth", [8, 10, 12, 14])
def test_bits_of_16_bit_files(bit_depth, native, odd):
    deep = sorted(path for path in odd[0].iterdir() if path.stem.startswith(("deep", "full", "white", "extremes")))
    assert len(deep) == 11
    assert_same_pixels(native, deep, bit_depth)


# Verdicts


def test_odd_pictures_get_what_predict_says(native, bright, odd, tmp_path):
    folder, expected = odd
    done = program("predict.py", "--model", bright, "--input", folder, "--output_dir", tmp_path / "py")
    assert done.returncode == INCOMPLETE, done.stderr
    done = judge(native, bright, folder, tmp_path / "cc")
    assert (done.returncode, done.stderr) == (INCOMPLETE, "")
    wanted, found = said(tmp_path / "py"), said(tmp_path / "cc")
    assert set(found) == set(wanted) == set(expected)
    unread = {path.stem for path in folder.iterdir() if path.suffix in OTHERS}
    for name, each in found.items():
        if name in unread:
            assert "no known picture format" in each["error"]
        elif "error" in wanted[name]:
            assert each["file"] == wanted[name]["file"]
            assert each["error"].startswith("cannot read the picture ")
        else:
            assert each["score"] == pytest.approx(wanted[name]["score"], abs=1e-4)
            assert {**each, "score": 0, "anomaly": 0, "margin": 0} == {
                **wanted[name],
                "score": 0,
                "anomaly": 0,
                "margin": 0,
            }
    a, b = (json.loads((tmp_path / name / "scores.json").read_text()) for name in ("py", "cc"))
    assert list(a) == list(b)
    assert {k: a[k] for k in ("model", "model_sha256", "thresholds", "reading", "left")} == {
        k: b[k] for k in ("model", "model_sha256", "thresholds", "reading", "left")
    }
    assert list(a["found"]) == list(b["found"])
    assert a["found"]["types"] == b["found"]["types"]
    tables = [list(csv.DictReader((tmp_path / name / "scores.csv").open(newline=""))) for name in ("py", "cc")]
    assert list(tables[0][0]) == list(tables[1][0])
    lines = [{row["file"]: row for row in table} for table in tables]
    for file, row in lines[1].items():
        if not row["error"]:
            assert (row["verdict"], row["regions"]) == (lines[0][file]["verdict"], lines[0][file]["regions"])
    without = sum("error" in each for each in found.values())
    assert f"{without} of 100 pictures have no score:" in done.stdout
    assert done.stdout.splitlines()[-1].startswith(f"100 pictures, 74 defective, {without} unreadable, ")


def test_the_same_files_as_predict(native, bright, plain, tmp_path):
    """Sub-folders, hidden files, masks, links, other files, and the largest numbers of regions."""
    for name in ("a_mask.png", "masks/c.png", ".hidden.png", "@eaDir/x.png", "lonely_mask.png"):
        (plain / name).parent.mkdir(exist_ok=True)
        Image.new("L", (9, 9)).save(plain / name)
    (plain / "notes.txt").write_text("")
    (plain / "link").symlink_to(plain / "more")
    (plain / "up").symlink_to(plain)
    done = program("predict.py", "--model", bright, "--input", plain, "--output_dir", tmp_path / "py")
    assert done.returncode == 0, done.stderr
    done = judge(native, bright, plain, tmp_path / "cc")
    assert (done.returncode, done.stderr) == (0, "")
    a, b = (json.loads((tmp_path / name / "scores.json").read_text()) for name in ("py", "cc"))
    assert list(b["pictures"]) == list(a["pictures"]) == ["a", "b", "e", "lonely_mask", "more/c", "more/d"]
    assert b["found"] == a["found"]
    assert said(tmp_path / "cc") == said(tmp_path / "py")
    assert done.stdout.splitlines()[0].startswith("found 6 pictures: .png 6; 9x9 to 54x40 (6 sizes); 8 bits; 7 files")


def test_every_way_to_work_says_the_same(native, plain, tmp_path):
    (plain / "cut.png").write_bytes((plain / "a.png").read_bytes()[:200])
    model = runner_models.other(tmp_path, "plain", (24, 40))
    judge(native, model, plain, tmp_path / "wanted", "--readers", 0)
    wanted = said(tmp_path / "wanted")
    assert len({each["score"] for each in wanted.values() if "score" in each}) == 5
    for number, (kind, options) in enumerate(
        [
            ("plain", ("--readers", 4)),
            ("plain", ("--device_ids", "0,1,2")),
            ("pairs", ("--device_ids", "0,1")),
            ("dynamic", ("--batch_size", 4)),
            ("dynamic", ("--batch_size", 2, "--readers", 0)),
            ("uint8", ()),
        ]
    ):
        folder = tmp_path / str(number)
        done = judge(native, runner_models.other(tmp_path, kind, (24, 40)), plain, folder, *options)
        assert (done.returncode, done.stderr) == (INCOMPLETE, "")
        found = said(folder)
        assert list(found) == list(wanted)
        for name, each in found.items():
            assert each.get("score", 0) == pytest.approx(wanted[name].get("score", 0), abs=1e-5)
            assert each.get("error") == wanted[name].get("error")
    timing = json.loads((folder / "timing.json").read_text())
    assert timing["end_to_end"]["pictures"] == 6
    assert timing["pictures"] == 5
    assert timing["end_to_end"]["seconds"] > 0


def test_heat_maps_are_those_of_the_python_programs(native, bright, plain, tmp_path):
    done = judge(native, bright, plain, tmp_path / "out", "--heat_maps")
    assert done.returncode == 0, done.stderr
    assert files(tmp_path / "out/heat_maps") == ["a.png", "b.png", "e.png", "more/c.png", "more/d.png"]
    program("predict.py", "--model", bright, "--input", plain, "--output_dir", tmp_path / "py", "--save_maps", "npy")
    described = json.loads(bright.with_name("bright.onnx.json").read_text())
    scale = Judge.from_json(described["thresholds"], described["reading"]).pixel
    for name in ("a", "more/d"):
        wanted = heat_map(np.load(tmp_path / f"py/{name}.npy"), scale)
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / f"out/heat_maps/{name}.png")), wanted)


def test_bin_files_of_a_test_set_still_run(native, bright, tmp_path):
    (tmp_path / "bins").mkdir()
    image = np.random.default_rng(3).standard_normal((1, 3, 32, 32), np.float32)
    image.tofile(tmp_path / "bins/p.bin")
    done = native.infer(bright, tmp_path / "bins", tmp_path / "out")
    assert (done.returncode, done.stderr) == (0, "")
    score = np.fromfile(tmp_path / "out/p_score.bin", "<f4")
    assert score == pytest.approx((1 / (1 + np.exp(-2 * image.mean(1))) - 1).max(), abs=1e-5)


# Failures


def test_a_picture_whose_output_is_not_finite_is_named(native, plain, tmp_path):
    Image.new("RGB", (8, 8)).save(plain / "more/black\n.png")
    model = runner_models.other(tmp_path, "infinite")
    done = judge(native, model, plain, tmp_path / "out")
    assert_refused(done, 11, tmp_path / "out", "more/black\\n.png", "anomaly_map holds values that are not finite")


@pytest.mark.parametrize(
    ("change", "status", "part"),
    [
        ("no description", 3, "bright.onnx.json, is missing or cannot be read"),
        ("other description", 3, "is damaged or not export.py's"),
        ("changed model", 3, "is not the file that"),
        ("not a model", 4, "is not an ONNX file"),
        ("damaged model", 4, "onnxruntime cannot load it"),
        ("inside", 9, "is among the pictures of --pictures"),
        ("nothing", 7, "holds no pictures"),
        ("no such folder", 7, "No such file or directory"),
        ("same name", 7, "have the same name"),
        ("no reading", 2, "option --heat_maps, the model does not know"),
    ],
)
def test_refusals(change, status, part, native, plain, tmp_path):
    model, output, options = runner_models.bright(tmp_path), tmp_path / "out", ()
    described = model.with_name("bright.onnx.json")
    if change == "no description":
        described.unlink()
    elif change == "other description":
        described.write_text('{"thresholds": {}}')
    elif change == "changed model":
        model.write_bytes(model.read_bytes() + b"\0")
    elif change == "not a model":
        model.write_text("no")
    elif change == "damaged model":
        model.write_bytes(b"\x08" + os.urandom(500))
        runner_models.described(model)
    elif change == "inside":
        output = plain / "out"
    elif change == "nothing":
        plain = tmp_path / "empty"
        plain.mkdir()
    elif change == "no such folder":
        plain = tmp_path / "none"
    elif change == "same name":
        Image.new("L", (3, 3)).save(plain / "a.bmp")
    else:
        runner_models.described(model, thresholds={}, reading=None)
        options = ("--heat_maps",)
    assert_refused(judge(native, model, plain, output, *options), status, output, part)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (("--device_ids", "0,0"), "stands there twice"),
        (("--device_ids", ""), "is no list of devices"),
        (("--readers", "-1"), "is not a whole number"),
        (("--bit_depth", "7"), "from 8 to 16"),
        (("--heat_maps=no",), "choose true or false"),
        (("--dataset_path", "x"), "both are given"),
        (("--device", "Ascend"), "has the CPU only"),
    ],
)
def test_bad_options(options, part, native, bright, plain, tmp_path):
    done = judge(native, bright, plain, tmp_path / "out", *options)
    assert done.returncode in (2, 6)
    assert_refused(done, done.returncode, tmp_path / "out", part)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_run_and_leaves_nothing(number, native, tmp_path):
    (tmp_path / "in").mkdir()
    for index in range(40):
        speckled(60, 60, index).save(tmp_path / f"in/{index}.png")
    model = runner_models.bright(tmp_path, burden=40)
    command = [native.program, "--model", model, "--pictures", tmp_path / "in", "--output_path", tmp_path / "out"]
    started = subprocess.Popen([*map(str, command), "--heat_maps"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while started.stdout.readline().count(b"(anomaly") == 0:
        assert started.poll() is None
    started.send_signal(number)
    _, error = started.communicate(timeout=120)
    assert started.returncode == 130
    assert error == b"error: run, interrupted, start it again for its results\n"
    assert sorted(os.listdir(tmp_path)) == ["bright.onnx", "bright.onnx.json", "in"]


def test_a_killed_runs_files_are_removed_by_the_next(native, bright, plain, tmp_path):
    model = runner_models.bright(tmp_path, burden=60)
    command = [native.program, "--model", model, "--pictures", plain, "--output_path", tmp_path / "out"]
    started = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE)
    while not any(name.endswith(".partial") for name in os.listdir(tmp_path)):
        assert started.poll() is None
        time.sleep(0.01)
    started.kill()
    started.communicate()
    assert any(name.endswith(".partial") for name in os.listdir(tmp_path))
    assert judge(native, bright, plain, tmp_path / "out").returncode == 0
    assert sorted(os.listdir(tmp_path)) == ["bright.onnx", "bright.onnx.json", "in", "out"]


# Under sanitizers, and over many pictures


@pytest.mark.slow
def test_sanitizers_find_nothing(sanitized, odd, plain, tmp_path):
    model = runner_models.other(tmp_path, "dynamic")
    options = ("--batch_size", 3, "--device_ids", "0,1", "--readers", 4, "--heat_maps")
    done = judge(sanitized, model, odd[0], tmp_path / "odd", *options)
    assert (done.returncode, done.stderr) == (INCOMPLETE, "")
    random = np.random.default_rng(5)
    (tmp_path / "damaged").mkdir()
    for path in sorted(odd[0].iterdir()):
        if path.is_file() and 100 < path.stat().st_size < 100_000 and len(path.name) < 200:
            content = bytearray(path.read_bytes())
            for copy in range(4):
                for place in random.integers(0, min(len(content), 400 if copy < 2 else len(content)), 6):
                    content[place] = random.integers(256)
                (tmp_path / "damaged" / f"{copy}{path.name}").write_bytes(content)
    done = judge(sanitized, model, tmp_path / "damaged", tmp_path / "out", *options)
    assert (done.returncode, done.stderr) == (INCOMPLETE, "")
    infinite = runner_models.other(tmp_path, "infinite")
    Image.new("RGB", (8, 8)).save(plain / "black.png")
    done = judge(sanitized, infinite, plain, tmp_path / "none", "--device_ids", "0,1")
    assert_refused(done, 11, tmp_path / "none", "black.png")


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_pictures(native, bright, tmp_path):
    """10,000 pictures take little more than 500: what is said of each, and no pixels."""

    def most(count):
        folder = tmp_path / str(count)
        folder.mkdir()
        speckled(400, 300).save(tmp_path / "one.jpg")
        for index in range(count):
            os.link(tmp_path / "one.jpg", folder / f"{index}.jpg")
        command = [native.program, "--model", bright, "--pictures", folder, "--output_path", tmp_path / f"o{count}"]
        started = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(started.pid, 0)
        started.returncode = os.waitstatus_to_exitcode(status)
        assert started.returncode == 0
        assert len(said(tmp_path / f"o{count}")) == count
        return usage.ru_maxrss / 1024

    few, many = most(500), most(10_000)
    assert math.isfinite(few)
    assert many - few < 60, (few, many)  # MB; the pictures' pixels would be 3.6 GB

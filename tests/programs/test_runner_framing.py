"""The C++ runner's oblong, filled-up, tiled and partly hidden pictures: it says what predict.py says of them."""

import base64
import io
import json
import os
import subprocess

import numpy as np
import pytest
from PIL import Image

from tests.support.framed_models import framed
from tests.support.pictures import speckled
from tests.support.programs import succeed
from tests.support.runner_pictures import LIMIT, assert_agree, assert_refused, judge, said

INCOMPLETE = 3
SIZES = {"a": (90, 61), "b": (61, 90), "more/c": (130, 77), "more/d": (33, 200)}
WAYS = {
    "oblong": {"size": (32, 64)},
    "aspect": {"size": (32, 64), "keep_aspect": True},
    "interest": {"size": (32, 64), "roi": "one"},
    "each interest": {"size": (32, 32), "roi": "each"},
    "tiles": {"size": (32, 32), "tile": "24,32", "overlap": 8},
    "tiles of interest": {
        "size": (32, 32),
        "tile": "24,32",
        "overlap": 8,
        "roi": "one",
        "batch": 2,
        "score": "deviation",
    },
    "small pictures": {"size": (32, 64), "tile": "48,96", "overlap": 8, "keep_aspect": True, "batch": "N"},
    "pixels": {"size": (32, 32), "pixels": True, "keep_aspect": True},
    "all": {
        "size": (48, 64),
        "tile": "64,48",
        "overlap": 16,
        "keep_aspect": True,
        "roi": "each",
        "pixels": True,
    },
}
QUICK = ("oblong", "tiles of interest", "all")


def mask(height, width):
    """Marked but for its edge and a hole."""
    values = np.zeros((height, width), np.uint8)
    values[height // 10 : -height // 8, width // 7 : -width // 6] = 255
    values[height // 3 : height // 2, width // 3 : width // 2] = 0
    return values


@pytest.fixture
def pictures(tmp_path):
    """Colour and grey, upright and lying, in two folders."""
    for seed, (name, size) in enumerate(SIZES.items()):
        path = tmp_path / "in" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        speckled(*size, seed).save(path)
    speckled(90, 61, 9).convert("L").save(tmp_path / "in" / "grey.png")
    return tmp_path / "in"


@pytest.fixture
def masks(tmp_path):
    """A mask for all pictures, and a folder of one for each; by the words that stand for them in `WAYS`."""
    Image.fromarray(mask(50, 70)).save(tmp_path / "roi.png")
    for index, name in enumerate((*SIZES, "grey")):
        path = tmp_path / "rois" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(mask(31 + 9 * index, 80 - 7 * index)).save(path)
    return {"one": tmp_path / "roi.png", "each": tmp_path / "rois"}


def made(folder, way, masks):
    """The model of a way, and the options that it needs again."""
    changes = dict(WAYS[way])
    kind = changes.get("roi")
    if kind is not None:
        changes["roi"] = masks[kind]
    return framed(folder, **changes), ("--roi", masks["each"]) if kind == "each" else ()


@pytest.mark.parametrize("way", [pytest.param(way, marks=() if way in QUICK else pytest.mark.thorough) for way in WAYS])
def test_it_says_what_predict_says(way, native, pictures, masks, tmp_path):
    model, again = made(tmp_path, way, masks)
    more = ("--batch_size", 3) if WAYS[way].get("batch") == "N" else ()
    found = assert_agree(native, model, pictures, tmp_path, *again, more=more)
    assert {each["verdict"] for each in found.values()} >= {"defective"}
    assert all(each["regions"] for each in found.values())
    sizes = {name: Image.open(tmp_path / f"cc/heat_maps/{name}.png").size for name in SIZES}
    if "tile" in WAYS[way]:
        assert sizes == SIZES
    elif WAYS[way].get("keep_aspect"):
        assert len(set(sizes.values())) > 1
    else:
        assert set(sizes.values()) == {WAYS[way]["size"][::-1]}


def test_a_mask_that_is_given_comes_before_the_models(native, pictures, masks, tmp_path):
    model = framed(tmp_path, (32, 32), roi=masks["one"])
    Image.fromarray(255 - mask(50, 70)).save(tmp_path / "other.png")
    without = judge(native, model, pictures, tmp_path / "own")
    assert without.returncode == 0, without.stderr
    found = assert_agree(native, model, pictures, tmp_path, "--roi", tmp_path / "other.png")
    assert found != said(tmp_path / "own")
    assert judge(native, model, pictures, tmp_path / "same", "--roi", masks["one"]).returncode == 0
    assert said(tmp_path / "same") == said(tmp_path / "own")


@pytest.mark.parametrize("tile", [None, 32])
def test_what_is_hidden_changes_nothing(tile, native, tmp_path):
    """White, black and noise outside of the region of interest: scores, regions and heat maps to the byte."""
    Image.fromarray(mask(64, 96)).save(tmp_path / "roi.png")
    (tmp_path / "in").mkdir()
    rng = np.random.default_rng(0)
    shown = np.array(speckled(96, 64, 3))
    outside = mask(64, 96) == 0
    for name in ("as it is", "white", "black", "noise"):
        values = shown.copy()
        if name == "noise":
            values[outside] = rng.choice([0, 255], (outside.sum(), 3))
        elif name != "as it is":
            values[outside] = 255 if name == "white" else 0
        Image.fromarray(values).save(tmp_path / "in" / f"{name}.png")
    model = framed(tmp_path, (48, 32), roi=tmp_path / "roi.png", tile=tile, overlap=8 if tile else 0)
    done = judge(native, model, tmp_path / "in", tmp_path / "out", "--heat_maps")
    assert (done.returncode, done.stderr) == (0, "")
    found = {name: {**each, "file": None} for name, each in said(tmp_path / "out").items()}
    assert len({json.dumps(each) for each in found.values()}) == 1
    drawn = {name: (tmp_path / f"out/heat_maps/{name}.png").read_bytes() for name in found}
    assert len(set(drawn.values())) == 1
    whole = framed(tmp_path, (48, 32), tile=tile, overlap=8 if tile else 0)
    assert judge(native, whole, tmp_path / "in", tmp_path / "whole").returncode == 0
    scores = {name: each["score"] for name, each in said(tmp_path / "whole").items()}
    assert found["as it is"]["score"] <= scores["as it is"] < scores["white"]


def test_every_way_to_work_says_the_same(native, pictures, masks, tmp_path):
    (pictures / "cut.png").write_bytes((pictures / "a.png").read_bytes()[:200])
    wanted = None
    for number, (batch, options) in enumerate(
        [
            (1, ("--readers", 0)),
            (1, ("--readers", 4)),
            (3, ("--device_ids", "0,1")),
            ("N", ("--batch_size", 5, "--device_ids", "0,1,2")),
        ]
    ):
        model = framed(tmp_path, (32, 48), roi=masks["one"], tile="20,28", overlap=6, batch=batch)
        done = judge(native, model, pictures, tmp_path / str(number), *options)
        assert (done.returncode, done.stderr) == (INCOMPLETE, "")
        found = said(tmp_path / str(number))
        wanted = wanted or found
        assert found == wanted
    timing = json.loads((tmp_path / str(number) / "timing.json").read_text())
    assert (timing["pictures"], timing["end_to_end"]["pictures"]) == (5, 6)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_sanitizers_find_nothing(way, sanitized, pictures, masks, tmp_path):
    """Also of damaged pictures and masks, and of pictures that are smaller than a tile."""
    speckled(20, 20, 1).save(pictures / "small.png")
    random = np.random.default_rng(5)
    for path in [path for folder in (pictures, masks["each"]) for path in folder.rglob("*.png")]:
        content = bytearray(path.read_bytes())
        for place in random.integers(0, len(content), 3):
            content[place] = random.integers(256)
        path.with_name(f"damaged {path.name}").write_bytes(content)
    model, again = made(tmp_path, way, masks)
    more = ("--batch_size", 3) if WAYS[way].get("batch") == "N" else ()
    options = ("--device_ids", "0,1", "--readers", 4, "--heat_maps", *again, *more)
    done = judge(sanitized, model, pictures, tmp_path / "out", *options)
    assert (done.returncode, done.stderr) == (INCOMPLETE, "")
    assert not any("error" in said(tmp_path / "out")[name] for name in SIZES)


# What cannot be said


@pytest.mark.parametrize("tile", [None, "40,60"])
def test_pictures_without_a_score_are_told_as_predict_tells(tile, native, pictures, masks, tmp_path):
    """Without a mask, with a black one, one that is no picture, or that marks nothing at the picture's size; or smaller
    than a tile."""
    (masks["each"] / "a.png").unlink()
    Image.new("L", (9, 9)).save(masks["each"] / "more/c.png")
    speckled(20, 20, 1).save(pictures / "small.png")
    big = np.zeros((400, 400), np.uint8)
    big[1, 1] = 255
    Image.fromarray(big).save(masks["each"] / "small.png")
    model = framed(tmp_path, (32, 32), roi=masks["each"], tile=tile)
    found = assert_agree(native, model, pictures, tmp_path, "--roi", masks["each"])
    errors = {name: each["error"] for name, each in found.items() if "error" in each}
    assert set(errors) == {"a", "more/c", "small"} | ({"more/d"} if tile else set())
    assert errors["a"].startswith(f"--roi: no mask for {pictures / 'a.png'}; add one")
    assert errors["more/c"].endswith("c.png marks no pixel; what is looked at must be white, or any colour but black")
    if tile:
        assert "has 20x20 pixels, less than a tile of 60x40; give a smaller one" in errors["small"]
    else:
        assert errors["small"].startswith("--roi: the mask marks nothing of ")


@pytest.mark.parametrize("tile", [None, 200])
def test_a_picture_of_which_nothing_is_seen(tile, native, tmp_path):
    """A mask of one pixel vanishes when the picture is made smaller."""
    (tmp_path / "in").mkdir()
    speckled(200, 200, 1).save(tmp_path / "in/a.png")
    values = np.zeros((200, 200), np.uint8)
    values[0, 0] = 255
    Image.fromarray(values).save(tmp_path / "roi.png")
    model = framed(tmp_path, (32, 32), roi=tmp_path / "roi.png", tile=tile)
    done = judge(native, model, tmp_path / "in", tmp_path / "out")
    assert (done.returncode, done.stderr) == (INCOMPLETE, "")
    error = f"--roi: nothing of {tmp_path / 'in/a.png'} is seen at 32x32 pixels; mark more"
    assert said(tmp_path / "out")["a"]["error"] == error


@pytest.mark.thorough
def test_masks_of_every_kind_mark_what_python_sees(native, tmp_path):
    values = mask(64, 64)
    grey, colours = Image.fromarray(values), Image.fromarray(np.stack([values // 2, values * 0, values * 0], -1))
    seen = colours.convert("RGBA")
    seen.putalpha(Image.fromarray(mask(64, 64)[::-1].copy()))
    palette = colours.quantize(4)
    deep = Image.fromarray(values.astype(np.uint16) // 255)
    turned = Image.Exif()
    turned[0x0112] = 6
    kinds = {
        "grey.png": (grey, {}),
        "one.png": (grey.convert("1"), {}),
        "one.tif": (grey.convert("1"), {}),
        "deep.png": (deep, {}),
        "deep.tif": (deep, {}),
        "alpha.png": (seen, {}),
        "grey_alpha.png": (seen.convert("LA"), {}),
        "palette.png": (palette, {}),
        "clear_palette.png": (palette, {"transparency": 1}),
        "clear_grey.png": (grey, {"transparency": 255}),
        "clear_colour.png": (colours, {"transparency": (127, 0, 0)}),
        "blurred.jpg": (grey, {"quality": 60}),
        "turned.jpg": (grey, {"quality": 90, "exif": turned}),
        "turned.png": (colours, {"exif": turned}),
        "bitmap.bmp": (palette, {}),
        "plain.pbm": (grey.convert("1"), {}),
        "plain.ppm": (colours, {}),
    }
    (tmp_path / "in").mkdir()
    (tmp_path / "rois").mkdir()
    for name, (image, options) in kinds.items():
        stem = name.replace(".", "_")
        image.save(tmp_path / "rois" / f"{stem}.{name.rpartition('.')[2]}", **options)
        speckled(64, 64, 5).save(tmp_path / "in" / f"{stem}.png")
    model = framed(tmp_path, (64, 64), roi=tmp_path / "rois")
    found = assert_agree(native, model, tmp_path / "in", tmp_path, "--roi", tmp_path / "rois")
    assert [name for name, each in found.items() if "error" in each] == ["clear_colour_png"]  # all that is marked


def test_alpha_of_other_formats_is_refused_not_guessed(native, tmp_path):
    (tmp_path / "in").mkdir()
    speckled(32, 32, 5).save(tmp_path / "in/a.png")
    seen = Image.fromarray(np.full((32, 32, 4), 255, np.uint8))
    seen.save(tmp_path / "roi.tif")
    Image.new("L", (9, 9), 255).save(tmp_path / "m.png")
    model = framed(tmp_path, (32, 32), roi=tmp_path / "m.png")
    done = judge(native, model, tmp_path / "in", tmp_path / "out", "--roi", tmp_path / "roi.tif")
    assert_refused(done, 7, tmp_path / "out", "roi.tif: it has an alpha channel, which is read of PNG only")


def changed(model, **values):
    """Change the description beside a model; a key "input.hidden" is the key `hidden` of its `input`."""
    path = model.with_name(model.name + ".json")
    described = json.loads(path.read_text())
    for key, value in values.items():
        group, _, name = key.rpartition("__")
        target = described[group] if group else described
        if value is ...:
            del target[name]
        else:
            target[name] = value
    path.write_text(json.dumps(described))


WRONG = {
    "a tile without a number": {"architecture__tile": "big"},
    "a tile that is no number": {"architecture__tile": 32.5},
    "a tile of nothing": {"architecture__tile": 0},
    "a tile of three sides": {"architecture__tile": "32,32,32"},
    "a square in two": {"architecture__tile": "32,32"},
    "a tile that leads with zero": {"architecture__tile": "032,64"},
    "a huge tile": {"architecture__tile": 10**12},
    "an overlap of the tile": {"architecture__overlap": 32},
    "an overlap below zero": {"architecture__overlap": -1},
    "an overlap in words": {"architecture__overlap": "8"},
    "an overlap that is true": {"architecture__overlap": True},
    "an unknown rule": {"architecture__score": "lowest"},
    "an aspect in words": {"architecture__keep_aspect": "yes"},
    "an aspect that hides": {
        "architecture__keep_aspect": True,
        "architecture__roi": None,
        "roi": None,
        "input__hidden": None,
    },
    "an unknown kind": {"architecture__roi": "some"},
    "a mask without its kind": {"architecture__roi": None},
    "a kind without its mask": {"roi": None},
    "a mask that is no base64": {"roi": "no base64!"},
    "a mask that is no picture": {"roi": "Zm9vYmFy"},
    "a mask that is a digest": {"roi": "0" * 64},
    "a digest that is a mask": {"architecture__roi": "each"},
    "a mask that is a number": {"roi": 7},
    "another value of what is hidden": {"input__hidden": -999.0},
    "nothing hidden": {"input__hidden": None},
    "hidden in words": {"input__hidden": "-1000"},
    "an architecture in words": {"architecture": "resnet18"},
}


@pytest.mark.parametrize("values", [pytest.param(values, id=name) for name, values in WRONG.items()])
def test_a_description_is_not_believed(values, native, pictures, masks, tmp_path):
    model = framed(tmp_path, (32, 32), roi=masks["one"], tile=32, overlap=8)
    changed(model, **values)
    done = judge(native, model, pictures, tmp_path / "out")
    assert_refused(done, 3, tmp_path / "out", f"{model}.json, is damaged or not export.py's, export the model again")


def test_a_mask_that_marks_nothing_is_no_models(native, pictures, masks, tmp_path):
    model = framed(tmp_path, (32, 32), roi=masks["one"])
    black = io.BytesIO()
    Image.new("1", (9, 9)).save(black, "PNG")
    changed(model, roi=base64.b64encode(black.getvalue()).decode())
    done = judge(native, model, pictures, tmp_path / "out")
    assert_refused(done, 3, tmp_path / "out", "is damaged or not export.py's")


def test_a_description_of_an_older_version_is_of_whole_pictures(native, pictures, tmp_path):
    model = framed(tmp_path, (32, 64))
    assert judge(native, model, pictures, tmp_path / "new").returncode == 0
    changed(model, roi=..., architecture__roi=..., input__hidden=...)
    assert judge(native, model, pictures, tmp_path / "old").returncode == 0
    assert said(tmp_path / "old") == said(tmp_path / "new")


@pytest.mark.parametrize(
    ("given", "status", "part"),
    [
        ("of whole pictures", 2, "framed.onnx was trained on whole pictures, train with --roi, or leave it out"),
        ("none for each", 2, "was trained with a mask for each picture, give those of these pictures: --roi FOLDER"),
        ("missing", 7, "option --roi, cannot read the picture none.png"),
        ("black", 7, "black.png marks no pixel; what is looked at must be white"),
        ("empty", 7, "no masks in empty, give a mask, or a folder of one per picture"),
        ("other channels", 5, "has 3 channels, and its description tells of 4"),
        ("with .bin files", 2, "option --roi, is of --pictures"),
    ],
)
def test_refusals(given, status, part, native, pictures, masks, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    Image.new("L", (9, 9)).save("black.png")
    roi = {"of whole pictures": None, "none for each": masks["each"], "other channels": None}.get(given, masks["one"])
    model = framed(tmp_path, (32, 32), roi=roi, pixels=given == "other channels")
    options = {"of whole pictures": masks["one"], "missing": "none.png", "black": "black.png", "empty": "empty"}
    if given == "other channels":
        changed(model, architecture__keep_aspect=True, input__hidden=-1000.0)
    if given == "with .bin files":
        done = native.infer(model, pictures, tmp_path / "out", "--roi", masks["one"])
    else:
        done = judge(
            native, model, pictures, tmp_path / "out", *(["--roi", options[given]] if given in options else [])
        )
    assert_refused(done, status, tmp_path / "out", part)


@pytest.mark.thorough
def test_bin_files_of_filled_up_pixels(native, data, tmp_path):
    """preprocess.py, the runner, postprocess.py: RGBA as uint8 goes through, with predict.py's scores."""
    model = framed(tmp_path, (32, 64), keep_aspect=True, pixels=True)
    given = ("--mindir_path", model, "--dataset_path", data, "--category", "fabric", "--img_dir", tmp_path / "bins")
    succeed("preprocess.py", *given)
    assert {path.stat().st_size for path in (tmp_path / "bins").glob("*.bin")} == {32 * 64 * 4}
    done = native.infer(model, tmp_path / "bins", tmp_path / "out")
    assert (done.returncode, done.stderr) == (0, "")
    succeed("predict.py", "--model", model, "--input", data / "fabric/test", "--output_dir", tmp_path / "py")
    wanted = {name.replace("/", "_"): each["score"] for name, each in said(tmp_path / "py").items()}
    found = {
        path.name[len("000000_") : -len("_score.bin")]: float(np.fromfile(path, "<f4")[0])
        for path in (tmp_path / "out").glob("*_score.bin")
    }
    assert found == pytest.approx(wanted, abs=LIMIT)


@pytest.mark.slow
def test_memory_holds_a_few_large_pictures(native, masks, tmp_path):
    """Of 16 pictures of 6 million pixels, in tiles, it holds no more than of 6."""
    model = framed(tmp_path, (128, 128), roi=masks["one"], tile=256, overlap=32, batch=4)
    speckled(3000, 2000).save(tmp_path / "one.jpg")

    def most(count):
        folder = tmp_path / str(count)
        folder.mkdir()
        for index in range(count):
            os.link(tmp_path / "one.jpg", folder / f"{index}.jpg")
        command = [native.program, "--model", model, "--pictures", folder, "--output_path", tmp_path / f"o{count}"]
        started = subprocess.Popen([*map(str, command), "--heat_maps"], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(started.pid, 0)
        started.returncode = os.waitstatus_to_exitcode(status)
        assert started.returncode == 0
        return usage.ru_maxrss / 1024

    few, many = most(6), most(16)
    assert many - few < 60, (few, many)  # MB; ten more pictures and their maps would be 400

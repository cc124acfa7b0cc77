"""Which files are pictures, which mask belongs to which picture, and how good pictures are divided by the seed."""

from pathlib import Path

import pytest

from src.data.listing import list_pictures, named, subfolders
from src.data.roles import pair_masks, without_mask_ending
from src.data.samples import Sample, has_masks, split_good
from src.utils import UserError
from tests.support.pictures import picture


def test_pixel_level_figures_need_a_mask_for_every_defective_picture():
    path = Path("a.png")
    good, unmarked = Sample(path, 0, "good", None, "a"), Sample(path, 1, "cut", None, "b")
    marked = Sample(path, 1, "cut", path, "c")
    assert has_masks([good, marked])
    assert not has_masks([good])
    assert not has_masks([good, unmarked])
    assert not has_masks([good, marked, unmarked])


def test_pictures_are_told_by_their_suffix_and_sorted(tmp_path):
    for name in ("b.PNG", "a.jpg", "sub/c.Tiff", ".hidden.png", ".hidden/d.png"):
        picture(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "drawing.svg").write_text("no picture")
    (tmp_path / "gone.bmp").symlink_to(tmp_path / "nowhere.bmp")
    assert [path.name for path in list_pictures(tmp_path)] == ["a.jpg", "b.PNG", "gone.bmp"]
    everything = [path.relative_to(tmp_path).as_posix() for path in list_pictures(tmp_path, recursive=True)]
    assert everything == ["a.jpg", "b.PNG", "gone.bmp", "sub/c.Tiff"]
    assert subfolders(tmp_path) == [tmp_path / "sub"]
    assert list_pictures(tmp_path / "missing") == subfolders(tmp_path / "missing") == []


def test_names_are_paths_without_suffix():
    paths = [Path("cut/new/1.png"), Path("cut/2.jpg")]
    assert named(paths, Path("cut"), "x/") == {"x/new/1": paths[0], "x/2": paths[1]}
    assert named(paths, None) == {"1": paths[0], "2": paths[1]}
    with pytest.raises(UserError, match=r"^a/001.bmp and a/001.png have the same name; rename or remove one of them$"):
        named([Path("a/001.bmp"), Path("a/001.png")], Path("a"))


def test_ending_of_masks():
    endings = [without_mask_ending(name) for name in ("000", "000_mask", "000-MASK", "000mask", "mask_000")]
    assert endings == ["000", "000", "000", "000mask", "mask_000"]


def test_masks_are_paired_by_name():
    pictures = {"cut/1": Path("1.png"), "cut/2_mask": Path("2_mask.png")}
    masks = [("cut/1_mask", Path("m1.png")), ("cut/2_mask", Path("m2.png"))]
    assert pair_masks(pictures, masks, Path("masks")) == {"cut/1": Path("m1.png"), "cut/2_mask": Path("m2.png")}


def test_pairing_errors_name_the_file():
    pictures = {"cut/1": Path("cut/1.png")}
    own = ("cut/1", Path("masks/1.png"))
    with pytest.raises(
        UserError,
        match=r"^no mask for the defective picture cut/1.png; add 1_mask.png under masks, or take all masks away to get"
        " image-level figures only$",
    ):
        pair_masks(pictures, [], Path("masks"))
    with pytest.raises(UserError, match=r"^no picture for the mask masks/2.png; add the defective picture or remove"):
        pair_masks(pictures, [own, ("cut/2", Path("masks/2.png"))], Path("masks"))
    with pytest.raises(UserError, match=r"^two masks for cut/1.png: masks/1.png and masks/1_mask.png; remove one$"):
        pair_masks(pictures, [own, ("cut/1_mask", Path("masks/1_mask.png"))], Path("masks"))


def test_a_seed_divides_good_pictures_four_to_one():
    good = {f"good/{i}": Path(f"{i}.png") for i in range(10)}
    training, rest = split_good(good, 3)
    assert (len(training), len(rest)) == (8, 2)
    assert training | rest == good
    assert split_good(dict(reversed(good.items())), 3) == (training, rest)
    assert sorted(rest) == ["good/3", "good/9"]  # must never change: a checkpoint remembers only the seed
    assert len({tuple(sorted(split_good(good, seed)[1])) for seed in range(5)}) > 1
    assert [len(part) for part in split_good({"good/0": Path("0.png")}, 0)] == [1, 0]


def test_an_added_picture_moves_few_others():
    good = {f"good/{i}": Path(f"{i}.png") for i in range(100)}
    before, after = split_good(good, 0)[0], split_good(good | {"good/new": Path("new.png")}, 0)[0]
    assert len(set(before) - set(after)) <= 1

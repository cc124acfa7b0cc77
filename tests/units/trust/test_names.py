"""Names from outside stay in their folder."""

from pathlib import Path

import pytest

from src.trust.names import file_name, path_in
from src.utils import UserError, shown

LEAVE = ["../x", "a/../../x", "/etc/passwd", "..", "a/..", "", ".", "./", "//x", "a\0b"]


@pytest.mark.parametrize("name", LEAVE)
def test_what_would_leave_the_folder_is_refused(name):
    with pytest.raises(UserError, match=r"^picture '.*' leads out of out; give it a path in that folder$"):
        path_in(Path("out"), name, "picture", ".png")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a/b", "out/a/b.png"),
        ("..a", "out/..a.png"),
        ("a b", "out/a b.png"),
        ("a.", "out/a..png"),
        ("./a", "out/a.png"),
    ],
)
def test_all_others_are_paths_in_it(name, path):
    assert path_in(Path("out"), name, "picture", ".png") == Path(path)


@pytest.mark.parametrize("name", [*LEAVE, "a/b", "a\nerror: forged", "\x1b[2J", "a\u202eb", "\udcff"])
def test_what_cannot_name_a_file(name):
    with pytest.raises(UserError) as caught:
        file_name(name, "category")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["nut", "..nut", "Öse 3", "a.b-c"])
def test_what_can(name):
    assert file_name(name, "category") == name


def test_what_is_shown_is_one_line():
    assert shown("Öse 3") == "Öse 3"
    assert shown("a\nerror: b\x1b\udcff\u202e") == "a\\nerror: b\\x1b\\udcff\\u202e"

"""Outputs take nothing from the user: no input, no other output, no device, no file of another kind."""

import os

import pytest

from src.trust.outputs import check_outputs
from src.utils import UserError, atomic_path, write_json

OURS = {"x.ckpt": b"\x0a\x05hello", "x.png": b"\x89PNG\r\n", "x.json": b'{"versions": {}}', "x.mindir": b"\x0a\x051"}
OURS |= {"scores.csv": b"file,score", "table.csv": b"category,", "x.npy": b"\x93NUMPY", "x.tiff": b"II*\0"}
OURS |= {"x.html": b"<!DOCTYPE html>\n<!-- fastflow_mindspore -->\n<html>"}
OTHERS = {"x.ckpt": b"PK\x03\x04", "x.png": b"GIF89a", "x.json": b"notes", "x.mindir": b"text", "x.txt": b"notes"}
OTHERS |= {"scores.csv": b"name,points", "x.npy": b"notes", "x.tiff": b"notes"}
OTHERS |= {"x.html": b"<!DOCTYPE html>\n<html>"}


def refused(text, outputs, inputs=()):
    with pytest.raises(UserError, match=text):
        check_outputs(outputs, inputs)


@pytest.mark.parametrize(("name", "content"), OURS.items())
def test_what_we_have_written_is_written_again(tmp_path, name, content):
    for before in (content, b""):
        (tmp_path / name).write_bytes(before)
        check_outputs([tmp_path / name])
        assert (tmp_path / name).read_bytes() == before


@pytest.mark.parametrize(("name", "content"), OTHERS.items())
def test_what_others_have_written_stays(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    refused("is there and is not what would be written; remove it, or give another name$", [tmp_path / name])
    assert (tmp_path / name).read_bytes() == content


def test_a_json_of_other_software_stays_and_a_damaged_one_of_ours_goes(tmp_path):
    (tmp_path / "package.json").write_text('{"name": "x", "version": "1"}')
    refused("is there and is not what", [tmp_path / "package.json"])
    (tmp_path / "x.json").write_text('{"versions": {')
    check_outputs([tmp_path / "x.json"])


def test_no_output_is_an_input_by_whatever_name(tmp_path):
    (tmp_path / "model.ckpt").write_bytes(OURS["x.ckpt"])
    (tmp_path / "link.ckpt").symlink_to("model.ckpt")
    os.link(tmp_path / "model.ckpt", tmp_path / "hard.ckpt")
    (tmp_path / "folder").mkdir()
    for name in ("model.ckpt", "link.ckpt", "hard.ckpt", "folder/../model.ckpt"):
        refused("is read and would be overwritten", [tmp_path / name], [tmp_path / "model.ckpt"])


def test_no_two_outputs_are_one_file(tmp_path):
    (tmp_path / "a").mkdir()
    refused("would be written twice", [tmp_path / "x.json", tmp_path / "a" / ".." / "x.json"])


def test_no_device_no_pipe_and_no_folder(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "folder.json").mkdir()
    for path in (tmp_path / "pipe.json", "/dev/null"):
        refused("is not a regular file; give the name of a file", [type(tmp_path)(path)])
        with pytest.raises(UserError, match="is not a regular file"):
            write_json(path, {})
    refused("is a folder; give the name of a file", [tmp_path / "folder.json"])


def test_a_link_is_followed(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "x.json").symlink_to("disk/real.json")
    for value in ({"versions": 1}, {"versions": 2}):  # also where the file is not there yet
        check_outputs([tmp_path / "x.json"])
        write_json(tmp_path / "x.json", value)
        assert (tmp_path / "x.json").is_symlink()
        assert str(value["versions"]) in (tmp_path / "disk" / "real.json").read_text()
    assert os.listdir(tmp_path / "disk") == ["real.json"]


def test_a_link_to_itself_is_refused(tmp_path):
    (tmp_path / "x.json").symlink_to("x.json")
    with pytest.raises(UserError, match="is not a regular file"), atomic_path(tmp_path / "x.json"):
        pass
    refused("is not a regular file", [tmp_path / "x.json"])

"""What decoding libraries write of their own accord becomes one warning for the file that it is about."""

import logging
import os
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from PIL import Image

from src.data.decoding import decode
from src.data.noise import Listener
from src.data.samples import Reading
from src.utils import UserError, WarnedOnce
from tests.support.pictures import picture

VALUES = np.random.default_rng(0).integers(0, 4096, (64, 64, 3), dtype=np.uint16)


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def profile_of_libpng(path):
    """A 12-bit colour PNG with two broken parts beside its pixels: libpng writes a line on each."""
    cv2.imwrite(str(path), VALUES)
    content = path.read_bytes()
    more = chunk(b"iCCP", b"icc\0\0" + zlib.compress(b"x" * 200)) + chunk(b"cHRM", bytes(32))
    path.write_bytes(content[:33] + more + content[33:])
    return "libpng warning: iCCP: too short (and 1 more)"


def line_of_libtiff(path):
    """A fax page with a wrong code word: libtiff writes a line, and reads on."""
    Image.fromarray(VALUES[..., 0] > 2000).save(path, compression="group4")
    content = bytearray(path.read_bytes())
    content[300:310] = b"\x12" * 10
    path.write_bytes(content)
    return "Fax4Decode: Bad code word at line "


def warning_of_pillow(path):
    """A JPEG whose EXIF ends too early."""
    Image.fromarray((VALUES >> 4).astype(np.uint8)).save(path, exif=b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01\x03\0\x01")
    return "Corrupt EXIF data. Expecting to read 12 bytes but only got 5."


def test_each_noisy_file_has_one_warning_and_no_other_file_has_any(tmp_path, caplog, capfd):
    noisy = {"a.png": profile_of_libpng, "b.tif": line_of_libtiff, "c.jpg": warning_of_pillow}
    expected = [f"warning: {tmp_path / name}: {make(tmp_path / name)}" for name, make in noisy.items()]
    quiet = [picture(tmp_path / f"{number}.png") for number in range(40)]
    paths = [tmp_path / name for name in noisy] + quiet
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda path: decode(path, Reading(12)), paths * 2))
    for said, line in zip(sorted(caplog.messages), sorted(2 * expected), strict=True):
        assert said.startswith(line)
    assert capfd.readouterr() == ("", "")


def test_a_file_that_cannot_be_read_has_its_error_only(tmp_path, caplog, capfd):
    Image.fromarray((VALUES >> 4).astype(np.uint8)).save(tmp_path / "a.tif", compression="tiff_lzw")
    content = bytearray((tmp_path / "a.tif").read_bytes())
    content[600:640] = b"\xff" * 40
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(UserError, match=r"^cannot read the picture .*a\.tif: decoder error -2; replace or remove it$"):
        decode(tmp_path / "a.tif")
    assert caplog.messages == []
    assert capfd.readouterr() == ("", "")


def test_standard_error_is_given_back(capfd):
    def fail():
        os.write(2, b"noise\n")
        raise ValueError("broken")

    listener = Listener()
    assert listener.hear(lambda: 7) == (7, None)
    assert listener.hear(lambda: os.write(2, b"one\n\ntwo\n")) == (9, "one (and 1 more)")
    with pytest.raises(ValueError, match="broken"):
        listener.hear(fail)
    os.write(2, b"still there\n")
    assert capfd.readouterr().err == "still there\n"
    assert logging.getLogger("PIL").propagate


def test_a_warning_is_said_once():
    once = WarnedOnce()

    def passes(level, text):
        return once.filter(logging.LogRecord("x", level, "", 0, "%s", (text,), None))

    said = [(logging.WARNING, "a"), (logging.WARNING, "a"), (logging.WARNING, "b"), (logging.INFO, "a")]
    assert [passes(*each) for each in said] == [True, False, True, True]

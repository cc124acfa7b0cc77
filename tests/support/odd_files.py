"""A folder of 100 odd but honest files: formats, modes, depths, orientations, names and sizes that people have."""

import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, PngImagePlugin

BACK = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transposition that undoes each EXIF orientation


@dataclass(frozen=True)
class Odd:
    """What a file must come to.

    Attributes:
        same: the picture whose score it must have, by name; None: any score.
        reason: words of the error that it must have instead.
    """

    same: str | None = None
    reason: str | None = None


class Maker:
    """Writes the files; `expected` says by picture's name what each must come to.

    Args:
        picture: colour, 64 x 64; the files that hold the same are to have the same score.
    """

    def __init__(self, folder: Path, picture: Image.Image):
        self.folder, self.colour = folder, picture.convert("RGB")
        self.expected: dict[str, Odd] = {}
        self.values = np.asarray(self.colour)
        self.grey = self.colour.convert("L")
        self.levels = np.asarray(self.grey)
        self.palette = self.colour.quantize(64)

    def add(self, name: str, write: Callable[[Path], object], same: str | None = None, reason: str | None = None):
        """Write one file."""
        write(self.folder / name)
        self.expected[Path(name).stem] = Odd(same, reason)

    def save(self, name: str, image: Image.Image, same: str | None = None, **options: object) -> None:
        """Write one file with Pillow."""
        self.add(name, lambda path: image.save(path, **options), same)

    def cv(self, name: str, values: np.ndarray, same: str | None = None, reason: str | None = None) -> None:
        """Write one file with OpenCV; colours as red, green, blue."""
        self.add(
            name, lambda path: cv2.imwrite(str(path), values[..., ::-1] if values.ndim == 3 else values), same, reason
        )

    def bytes(self, name: str, content: bytes, same: str | None = None, reason: str | None = None) -> None:
        """Write one file as it is."""
        self.add(name, lambda path: path.write_bytes(content), same, reason)

    def read(self, name: str) -> bytes:
        """What is in a file that was written."""
        return (self.folder / name).read_bytes()


def make(folder: Path, picture: Image.Image) -> dict[str, Odd]:
    """Write the files into a new folder; what each must come to, by picture's name."""
    folder.mkdir()
    maker = Maker(folder, picture)
    for part in (formats, modes, depths, orientations, tiffs, sizes, names, unreadable):
        part(maker)
    return maker.expected


def formats(m: Maker) -> None:
    """The picture in every lossless format, and in lossy ones."""
    m.save("colour.png", m.colour)
    for suffix in ("bmp", "tga", "ppm", "pcx", "sgi", "jp2", "tif", "apng", "webp"):
        options = {"lossless": True} if suffix == "webp" else {"irreversible": False} if suffix == "jp2" else {}
        m.save(f"as_{suffix}.{suffix}", m.colour, "colour", **options)
    m.save("dots.in.a.name.PNG", m.colour, "colour")
    m.save("as_gif.gif", m.palette, "palette")
    for suffix in ("jpg", "JPEG", "jfif", "avif", "mpo"):
        more = {"save_all": True, "append_images": [m.colour]} if suffix == "mpo" else {}
        m.save(f"lossy_{suffix}.{suffix}", m.colour, **more)
    m.save("progressive.jpg", m.colour, progressive=True, quality=100, subsampling=0)
    m.save("animated.gif", m.palette, "palette", save_all=True, append_images=[m.palette.rotate(90)])
    m.cv("as_pam.pam", m.values, "colour")
    m.cv("as_ras.ras", m.values, "colour")
    text = PngImagePlugin.PngInfo()
    text.add_text("history", "x" * 3_000_000)
    m.save("much_text.png", m.colour, "colour", pnginfo=text)
    m.save("no_such_ending.jpg", m.colour, "colour", format="PNG")


def modes(m: Maker) -> None:
    """Grey, one bit, palettes, alpha and inks."""
    m.save("grey.png", m.grey)
    for suffix in ("bmp", "pgm", "tif"):
        m.save(f"grey_{suffix}.{suffix}", m.grey, "grey")
    m.save("grey_as_colour.png", Image.merge("RGB", [m.grey] * 3), "grey")
    bit = Image.fromarray(m.levels > 128)
    m.save("bit.png", bit)
    m.save("bit_as_grey.png", bit.convert("L"), "bit")
    for suffix in ("pbm", "tif"):
        m.save(f"bit_{suffix}.{suffix}", bit, "bit")
    m.save("palette.png", m.palette)
    m.save("palette_as_colour.bmp", m.palette.convert("RGB"), "palette")
    m.save("palette_transparent.png", m.palette, "palette", transparency=bytes([0, 128] + 62 * [255]))
    clear = m.colour.copy()
    clear.putalpha(Image.linear_gradient("L").resize((64, 64)))
    for suffix in ("png", "tif", "tga"):
        m.save(f"alpha_{suffix}.{suffix}", clear, "colour")
    m.save("grey_alpha.png", clear.convert("LA"), "grey")
    for suffix in ("jpg", "tif"):
        m.save(f"inks_{suffix}.{suffix}", m.colour.convert("CMYK"), **({"quality": 95} if suffix == "jpg" else {}))
    m.save("luma.jpg", m.grey)


def depths(m: Maker) -> None:
    """16 bits a value, all of them used."""
    deep = m.values.astype(np.uint16) << 8
    for suffix in ("png", "tif", "ppm"):
        m.cv(f"deep_{suffix}.{suffix}", deep, None if suffix == "ppm" else "colour")
        if suffix != "ppm":
            m.cv(f"deep_grey_{suffix}.{suffix}", m.levels.astype(np.uint16) << 8, "grey")
    m.cv("deep_alpha.png", np.dstack([m.values, m.levels])[..., [2, 1, 0, 3]][..., ::-1].astype(np.uint16) << 8)
    m.cv("full_range.png", np.full((64, 64), 65535, np.uint16))


def orientations(m: Maker) -> None:
    """The picture stored turned, with the tag that says so."""
    for turn, back in BACK.items():
        exif = Image.Exif()
        exif[0x0112] = turn
        stored = m.colour.transpose(back)
        for suffix in ("png", "tif"):
            m.save(f"turned_{turn}_{suffix}.{suffix}", stored, "colour", exif=exif)


def tiffs(m: Maker) -> None:
    """TIFFs of many kinds."""
    for method in ("tiff_lzw", "tiff_adobe_deflate", "packbits"):
        m.save(f"{method}.tif", m.colour, "colour", compression=method)
    m.save("fax.tif", Image.fromarray(m.levels > 128), "bit", compression="group4")
    m.save("pages.tif", m.colour, "colour", save_all=True, append_images=[m.colour.rotate(90)])
    m.save("big.tif", m.colour, "colour", big_tiff=True)
    for bits, values in ((8, 255 - m.levels), (16, 65535 - (m.levels.astype(np.uint16) << 8))):
        m.bytes(f"white_is_zero_{bits}.tif", tiff(values, 0), "grey")
    for bits, values in ((8, m.levels), (16, m.levels.astype(np.uint16) << 8)):
        m.bytes(f"extremes_{bits}.tif", tiff(values, 1, {280: 20 << bits - 8, 281: 90 << bits - 8}), "grey")


def tiff(values: np.ndarray, photometric: int, more: dict[int, int] | None = None) -> bytes:
    """A plain TIFF of grey values [H, W] uint8 or uint16, with `more` tags."""
    height, width = values.shape
    bits, size = 8 * values.itemsize, values.nbytes
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: photometric, 273: 0, 277: 1, 278: height, 279: size}
    tags |= more or {}
    tags[273] = 8 + 2 + 12 * len(tags) + 4
    content = b"II*\0" + struct.pack("<IH", 8, len(tags))
    for tag, value in sorted(tags.items()):
        content += struct.pack("<HHII", tag, 4, 1, value)
    return content + bytes(4) + values.astype(f"<u{values.itemsize}").tobytes()


def sizes(m: Maker) -> None:
    """From one pixel to many, and very narrow ones."""
    for width, height in ((1, 1), (2, 3), (1, 3000), (3000, 1), (1500, 1500)):
        m.save(f"size_{width}x{height}.png", m.colour.resize((width, height)))


def names(m: Maker) -> None:
    """Names that shells, encodings and file systems make hard; the last has 250 bytes, another no valid letter."""
    for name in ("a b", "käse", "写真", "😀", "it's", 'say "x"', "50%", "-h", "a\nb"):
        m.save(f"{name}.png", m.colour, "colour")
    m.save(f"{os.fsdecode(bytes([0xFF, 0xFE]))}.png", m.colour, "colour")
    m.save(f"{'n' * 246}.png", m.colour, "colour")


def unreadable(m: Maker) -> None:
    """Files of which the reason why they have no score must be said."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for suffix in ("png", "jpg", "tif"):
        Image.fromarray(noise).save(m.folder / f"cut_off.{suffix}")
        content = m.read(f"cut_off.{suffix}")
        (m.folder / f"cut_off.{suffix}").unlink()
        m.bytes(f"cut_off_{suffix}.{suffix}", content[: len(content) // 2], reason="cannot read the picture")
    m.bytes("empty.png", b"", reason="it is empty")
    m.bytes("page.jpg", b"<!DOCTYPE html><title>404</title>", reason="no known picture format, or damaged")
    m.bytes("phone.jpg", b"\0\0\0\x18ftypheic" + bytes(500), reason="no known picture format, or damaged")
    m.save("float.tif", Image.fromarray(m.levels / np.float32(255)))
    m.expected["float"] = Odd(reason="its pixels are float; save it with 8 or 16 bits")
    m.save("wide.tif", Image.fromarray(m.levels.astype(np.int32) * 70000))
    m.expected["wide"] = Odd(reason="its pixels have 32 bits; save it with 8 or 16 bits")
    m.cv("light.hdr", m.values / np.float32(255), reason="its pixels are float32")
    m.add("gone.png", lambda path: path.symlink_to("nowhere.png"), reason="No such file or directory")
    parts = {b"IHDR": struct.pack(">IIBBBBB", 30000, 30000, 8, 2, 0, 0, 0), b"IDAT": zlib.compress(bytes(100))}
    chunks = [struct.pack(">I", len(c)) + k + c + struct.pack(">I", zlib.crc32(k + c)) for k, c in parts.items()]
    m.bytes("bomb.png", b"\x89PNG\r\n\x1a\n" + b"".join(chunks), reason="30000x30000 pixels, more than 500 million")

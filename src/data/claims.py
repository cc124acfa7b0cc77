"""What a picture's header may claim before memory is taken for it, and the error for a picture that cannot be read."""

from PIL import Image, PngImagePlugin

from src.data.content import File, length_of
from src.data.samples import Reading
from src.utils import UserError

# Pillow's own limits: of pixels, in the place of which stands `Reading.max_megapixels`, and of the texts in a PNG.
Image.MAX_IMAGE_PIXELS = None
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY

MOST_PIXELS_PER_BYTE = 10_000  # of a file; PNG has 1,032 at the most, and a camera's picture less than 100
FEW_PIXELS = 1 << 22  # that any file may have; 16 MB of memory


def unreadable(path: str | File, reason: object) -> UserError:
    """The error for a picture that cannot be read, with the decoder's reason in one line."""
    if isinstance(reason, OSError) and reason.strerror:
        reason = reason.strerror
    return UserError(f"cannot read the picture {path}: {' '.join(str(reason).split())}; replace or remove it")


def check_claim(image: Image.Image, path: File, reading: Reading) -> None:
    """Refuse an opened picture whose header claims more pixels than the user allows, or than its bytes can hold."""
    check_limit(image.width, image.height, path, reading)
    if image.width * image.height > max(FEW_PIXELS, MOST_PIXELS_PER_BYTE * length_of(path)):
        raise unreadable(path, f"it claims {image.width}x{image.height} pixels, too many for its size")


def check_limit(width: int, height: int, path: File, reading: Reading) -> None:
    """Refuse a picture of more pixels than the user allows."""
    if width * height > reading.max_megapixels * 1e6:
        raise UserError(
            f"the picture {path} has {width}x{height} pixels, more than {reading.max_megapixels:g} million;"
            " reduce or remove it"
        )

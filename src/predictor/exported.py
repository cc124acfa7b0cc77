"""What the networks of all exported files have in common."""

from src.deploy.description import Description
from src.predictor.network import Network, Run


def network_of(description: Description, run: Run, batch_size: int, sha256: str, roi: str | None = None) -> Network:
    """The network that a description describes.

    Args:
        batch_size: images per call where the file leaves that open.
        roi: see the option.
    """
    return Network(
        run=run,
        category=description.category,
        framing=description.framing(roi),
        normalised_by=None if description.input.takes_pixels else (description.input.mean, description.input.std),
        batch_size=batch_size if description.dynamic_batch else description.input.shape[0],
        any_batch=description.dynamic_batch,
        judge=description.judge,
        good=None,
        thresholds=description.thresholds,
        bit_depth=description.bit_depth,
        colour_scale=None,
        sha256=sha256,
    )

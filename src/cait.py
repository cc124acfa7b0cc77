"""CaiT-M48 at 448 pixels (arXiv 2103.17239), up to its 41st block, and its published weights."""

import re
from collections.abc import Mapping
from functools import partial

import numpy as np

from src.encoder_spec import IMAGENET_MEAN, IMAGENET_STD, EncoderSpec, PublishedWeights, TransformerNaming
from src.transformer import VisionTransformer

WIDTH, HEADS, GRID = 768, 16, 28  # of a picture of 448 pixels: 28 x 28 patches


def is_cait(state: Mapping[str, np.ndarray]) -> bool:
    """It alone has talking heads beside so many positions of this width; no special token is among its patches."""
    positions = state.get("pos_embed")
    has_size = positions is not None and positions.shape == (1, GRID**2, WIDTH)
    return "blocks.0.attn.proj_l.weight" in state and has_size


def cait(depth: int = 41) -> EncoderSpec:
    """What CaiT-M48 says of itself.

    Args:
        depth: after how many of its 48 blocks the features are taken; 41 is the choice of FastFlow's paper (table 6).
    """
    later = "|".join(map(str, range(depth, 48)))
    return EncoderSpec(
        build=partial(VisionTransformer, width=WIDTH, heads=HEADS, depth=depth, special=0, talking=True),
        channels=(WIDTH,),
        strides=(16,),
        standardize=False,
        grid=GRID,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        weights=(
            PublishedWeights(
                "M48_448.pth", "Meta", sha256="", address="https://dl.fbaipublicfiles.com/deit/M48_448.pth"
            ),
        ),
        naming=TransformerNaming(
            re.compile(rf"(cls_token$|(head|blocks_token_only|blocks\.({later}))\.)"), (), HEADS, layer_scale=True
        ),
        recognises=is_cait,
        im_resize=448,
        flow_step=20,
        hidden_ratio=0.16,
        most_at_once=1,  # its attention maps take some 8 GB
    )


CAIT_M48_448 = cait()

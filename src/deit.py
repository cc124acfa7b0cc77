"""DeiT-B at 384 pixels, distilled (arXiv 2012.12877), up to its 8th block, and its published weights."""

import re
from collections.abc import Mapping
from functools import partial

import numpy as np

from src.encoder_spec import IMAGENET_MEAN, IMAGENET_STD, EncoderSpec, PublishedWeights, TransformerNaming
from src.transformer import VisionTransformer

WIDTH, HEADS, GRID = 768, 12, 24  # of a picture of 384 pixels: 24 x 24 patches
TOKENS = ("cls_token", "dist_token")


def is_deit(state: Mapping[str, np.ndarray]) -> bool:
    """It alone has a distillation token beside so many positions of this width."""
    positions = state.get("pos_embed")
    return "dist_token" in state and positions is not None and positions.shape == (1, len(TOKENS) + GRID**2, WIDTH)


def deit(depth: int = 8) -> EncoderSpec:
    """What DeiT-B says of itself.

    Args:
        depth: after how many of its 12 blocks the features are taken; 8 is the choice of FastFlow's paper (table 6).
    """
    later = "|".join(map(str, range(depth, 12)))
    return EncoderSpec(
        build=partial(VisionTransformer, width=WIDTH, heads=HEADS, depth=depth, special=len(TOKENS), talking=False),
        channels=(WIDTH,),
        strides=(16,),
        standardize=False,
        grid=GRID,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        weights=(
            PublishedWeights(
                "deit_base_distilled_patch16_384-d0272ac0.pth",
                "Meta",
                sha256="d0272ac0",
                address="https://dl.fbaipublicfiles.com/deit/deit_base_distilled_patch16_384-d0272ac0.pth",
            ),
        ),
        naming=TransformerNaming(re.compile(rf"(head|head_dist|blocks\.({later}))\."), TOKENS, HEADS),
        recognises=is_deit,
        im_resize=384,
        flow_step=20,
        hidden_ratio=0.16,
    )


DEIT_BASE_DISTILLED_PATCH16_384 = deit()

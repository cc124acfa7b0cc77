"""The network of the tests' PyTorch reference, as one would write it for speed: permutations by index."""

import torch
from torch import Tensor

from tests.support import torch_reference


class IndexBlock(torch_reference.AllInOneBlock):
    """The block with its permutation as a gather instead of a dense 1x1 convolution."""

    def permute(self, y: Tensor) -> Tensor:
        return y.index_select(1, self.index)


def by_index(model: torch_reference.FastFlow) -> torch_reference.FastFlow:
    """The model with `IndexBlock`s in the place of its blocks, of the same weights; the dense matrices are dropped."""
    for flow in model.fast_flow_blocks:
        for block in flow.module_list:
            block.register_buffer("index", block.w_perm[:, :, 0, 0].argmax(1), persistent=False)
            block.__class__ = IndexBlock
            del block.w_perm, block.w_perm_inv
    return model


def adam(model: torch_reference.FastFlow) -> torch.optim.Adam:
    """Adam as train.py's, over the norms and flows."""
    parts = (model.norms, model.fast_flow_blocks)
    parameters = [p for part in parts for p in part.parameters() if p.requires_grad]
    return torch.optim.Adam(parameters, lr=1e-3, weight_decay=1e-5)

"""The PyTorch network of the benchmarks, as the software whose files we convert saves it."""

import functools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks import torch_fastflow


class AllInOneBlock(torch_fastflow.Block):
    """FrEIA's block: it permutes with a dense matrix, and saves the matrix and its inverse.

    Args:
        channels, kernel, hidden_ratio: as in `torch_fastflow.Block`.
        zero_pad_cells: whether the subnet pads in cells of their own, as anomalib does from 2023 on. This moves its
            convolutions from `subnet.0` and `subnet.2` to `subnet.1` and `subnet.4`.
        slope: as in `torch_fastflow.Block`.
    """

    def __init__(self, channels: int, kernel: int, hidden_ratio: float, zero_pad_cells: bool, slope: float = 2.0):
        super().__init__(channels, kernel, hidden_ratio, slope)
        if zero_pad_cells:
            conv1, relu, conv2 = self.subnet
            conv1.padding = conv2.padding = (0, 0)
            pad = nn.ZeroPad2d(kernel // 2)
            self.subnet = nn.Sequential(pad, conv1, relu, pad, conv2)
        matrix = torch.eye(channels)[self.permutation].reshape(channels, channels, 1, 1)
        self.w_perm = nn.Parameter(matrix, requires_grad=False)
        self.w_perm_inv = nn.Parameter(matrix.transpose(0, 1).contiguous(), requires_grad=False)

    def permute(self, y: Tensor) -> Tensor:
        return F.conv2d(y, self.w_perm)


class FastFlow(torch_fastflow.FastFlow):
    """anomalib's and gathierry/FastFlow's model; `options` are those of `torch_fastflow.FastFlow`."""

    def __init__(
        self,
        backbone: str,
        channels: tuple[int, ...],
        size: int,
        zero_pad_cells: bool = True,
        slope: float = 2.0,
        **options: object,
    ):
        block = functools.partial(AllInOneBlock, zero_pad_cells=zero_pad_cells, slope=slope)
        super().__init__(backbone, channels, size, block=block, **options)

    def shake(self, amount: float = 0.1) -> "FastFlow":
        """Move the parameters off their initial values, so that no test rests on a scale of 1 or a shift of 0."""
        with torch.no_grad():
            for parameter in [*self.norms.parameters(), *self.fast_flow_blocks.parameters()]:
                if parameter.requires_grad:
                    parameter += amount * torch.randn_like(parameter)
        return self

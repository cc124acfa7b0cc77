"""What the vision transformers share: a picture's patches become tokens, attend to each other, and are a map again.

What is constant in a frozen encoder is folded into its layers by `src.convert.transformer`: the affine parts of the
LayerNorms before a layer, the scales behind one (LayerScale), the factor of the queries. Special tokens have no patch:
where they stand, the embedded patches are 0, and their positions are token and position together.
"""

from collections.abc import Mapping

import numpy as np
from mindspore import Parameter, Tensor, nn, ops
from PIL import Image

from src.kernels.operations import Spread
from src.layers import GELU, Standardize
from src.utils import log

PATCH = 16  # pixels per side
EPSILON = 1e-6  # of timm's LayerNorms
_TOKENS = (2,)  # the axis of the channels of tokens (B, N, C)


class HeadExchange(nn.Cell):
    """A linear map over the heads (talking heads, arXiv 2003.02436): (B, heads, N, N) -> the same shape.

    As a matrix product, and not as a 1 x 1 convolution: with those between others, MindSpore Lite 2.0 loads no file.
    """

    def __init__(self, heads: int):
        super().__init__()
        self.weight = Parameter(Tensor(np.eye(heads, dtype=np.float32)))
        self.bias = Parameter(Tensor(np.zeros(heads, np.float32)))
        self.product, self.spread = ops.BatchMatMul(), Spread()

    def construct(self, x: Tensor) -> Tensor:
        batch, heads, rows, columns = x.shape
        weights = ops.tile(self.weight.reshape(1, heads, heads), (batch, 1, 1))  # version 1 broadcasts no matrix
        y = self.product(weights, x.reshape(batch, heads, rows * columns))
        return (y + self.spread(self.bias.reshape(heads, 1), y)).reshape(batch, heads, rows, columns)


class Attention(nn.Cell):
    """Multi-head self-attention (arXiv 1706.03762): tokens (B, N, C) -> the same shape.

    Args:
        width: C.
        talking: the heads exchange their weights before and after the softmax.
    """

    def __init__(self, width: int, heads: int, talking: bool):
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Dense(width, 3 * width), nn.Dense(width, width)
        self.products, self.average = ops.BatchMatMul(transpose_b=True), ops.BatchMatMul()
        self.softmax = ops.Softmax(-1)
        self.proj_l, self.proj_w = (HeadExchange(heads) if talking else nn.Identity() for _ in range(2))

    def construct(self, x: Tensor) -> Tensor:
        batch, count, width = x.shape
        parts = self.qkv(x).reshape(batch, count, 3 * self.heads, width // self.heads).transpose(0, 2, 1, 3)
        q, k, v = parts[:, : self.heads], parts[:, self.heads : 2 * self.heads], parts[:, 2 * self.heads :]
        weights = self.proj_w(self.softmax(self.proj_l(self.products(q, k))))  # (B, heads, N, N)
        return self.proj(self.average(weights, v).transpose(0, 2, 1, 3).reshape(batch, count, width))


class MLP(nn.Cell):
    """Tokens (B, N, C) -> the same shape, each by itself, over 4 C hidden channels."""

    def __init__(self, width: int):
        super().__init__()
        self.fc1, self.fc2, self.gelu = nn.Dense(width, 4 * width), nn.Dense(4 * width, width), GELU()

    def construct(self, x: Tensor) -> Tensor:
        return self.fc2(self.gelu(self.fc1(x)))


class Block(nn.Cell):
    """A pre-norm block: tokens (B, N, C) -> the same shape. Its arguments are those of `Attention`."""

    def __init__(self, width: int, heads: int, talking: bool):
        super().__init__()
        self.standardize = Standardize(_TOKENS, EPSILON)
        self.attn, self.mlp = Attention(width, heads, talking), MLP(width)

    def construct(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.standardize(x))
        return x + self.mlp(self.standardize(x))


class Affine(nn.Cell):
    """A scale and an offset per channel of tokens (B, N, C)."""

    def __init__(self, width: int):
        super().__init__()
        self.weight, self.bias = (Parameter(Tensor(make(width, np.float32))) for make in (np.ones, np.zeros))
        self.spread = Spread()

    def construct(self, x: Tensor) -> Tensor:
        return x * self.spread(self.weight, x) + self.spread(self.bias, x)


class VisionTransformer(nn.Cell):
    """The first blocks of a vision transformer (arXiv 2010.11929), and its last LayerNorm on what they give.

    Args:
        grid: rows and columns of patches in a picture.
        width: channels of a token.
        heads, talking: as in `Attention`.
        depth: the number of blocks.
        special: the number of tokens before the patches'.

    Inputs: normalised RGB (B, 3, 16 rows, 16 columns). Outputs: one map (B, width, rows, columns), stride 16.
    """

    def __init__(self, grid: tuple[int, int], width: int, heads: int, depth: int, special: int, talking: bool):
        super().__init__()
        self.grid, self.special = grid, special
        self.patch_embed = nn.Conv2d(3, width, PATCH, PATCH, pad_mode="valid", has_bias=True)
        self.positions = Parameter(Tensor(np.zeros((1, special + grid[0] * grid[1], width), np.float32)))
        self.blocks = nn.CellList([Block(width, heads, talking) for _ in range(depth)])
        self.standardize, self.norm, self.spread = Standardize(_TOKENS, EPSILON), Affine(width), Spread()

    def construct(self, image: Tensor) -> tuple[Tensor]:
        patches = self.patch_embed(image)
        batch, width, rows, columns = patches.shape
        x = patches.reshape(batch, width, rows * columns).transpose(0, 2, 1)
        # Where no special token stands before the patches, a row of zeros does for a moment: MindSpore Lite 2.0 follows
        # the order of axes through the graph, and without this step loses it where pooled features are whitened.
        x = ops.concat((ops.zeros((batch, self.special or 1, width), x.dtype), x), 1)
        if not self.special:
            x = x[:, 1:]
        x = x + self.spread(self.positions, x)
        for block in self.blocks:
            x = block(x)
        x = self.norm(self.standardize(x[:, self.special :]))
        return (x.transpose(0, 2, 1).reshape(batch, width, rows, columns),)

    def fitted(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The arrays of weights for square pictures of any size, with the positions of this network's grid."""
        positions = arrays.get("positions")
        wanted = tuple(self.positions.shape)
        if positions is None or positions.ndim != 3 or positions.shape[::2] != wanted[::2]:
            return dict(arrays)  # what does not fit is named where the arrays are assigned
        size = round((positions.shape[1] - self.special) ** 0.5)
        if size < 1 or size * size != positions.shape[1] - self.special:
            return dict(arrays)
        rows, columns = self.grid
        if rows == columns == size:
            return dict(arrays)
        log.info("the encoder's positions are interpolated from %d x %d to %d x %d patches", size, size, rows, columns)
        return {**arrays, "positions": resampled(positions, self.special, self.grid)}


def resampled(positions: np.ndarray, special: int, grid: tuple[int, int]) -> np.ndarray:
    """Positional embeddings (1, special + n * n, C) of a square grid -> those of another grid, float32.

    Bicubic with antialiasing, as timm does it; those of special tokens stay.
    """
    old = round((positions.shape[1] - special) ** 0.5)
    planes = positions[0, special:].T.reshape(-1, old, old).astype(np.float32)
    rows, columns = grid
    new = np.stack([np.asarray(Image.fromarray(p).resize((columns, rows), Image.Resampling.BICUBIC)) for p in planes])
    return np.concatenate((positions[:, :special], new.reshape(len(new), -1).T[None]), 1)

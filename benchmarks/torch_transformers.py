"""DeiT-B and CaiT-M48 in PyTorch, as what the tests compare this project's with.

Nothing here is taken from `src/`, so that equal features mean something. Parameters have timm's names and shapes, those
of the published files; nothing is folded.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTH = 768


class Attention(nn.Module):
    """Self-attention; with `talking`, its heads exchange logits and weights."""

    def __init__(self, heads: int, talking: bool):
        super().__init__()
        self.heads, self.talking = heads, talking
        self.qkv, self.proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        if talking:
            self.proj_l, self.proj_w = nn.Linear(heads, heads), nn.Linear(heads, heads)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.qkv(x).chunk(3, -1))
        if not self.talking:
            return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        logits = torch.einsum("bhnd,bhmd->bnmh", q, k) / (WIDTH // self.heads) ** 0.5
        weights = self.proj_w(self.proj_l(logits).softmax(2))  # over the keys
        return self.proj(torch.einsum("bnmh,bhmd->bnhd", weights, v).flatten(2))


class ClassAttention(nn.Module):
    """The attention of CaiT's last two blocks; only its parameters are needed here."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.proj = (nn.Linear(WIDTH, WIDTH) for _ in range(4))


class MLP(nn.Module):
    """Two layers and the exact GELU."""

    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    """Attention and MLP, each behind a LayerNorm; with `layer_scale`, each before a scale per channel."""

    def __init__(self, attention: nn.Module, layer_scale: bool):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH, eps=1e-6), nn.LayerNorm(WIDTH, eps=1e-6)
        self.attn, self.mlp = attention, MLP()
        if layer_scale:
            self.gamma_1, self.gamma_2 = nn.Parameter(torch.empty(WIDTH)), nn.Parameter(torch.empty(WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        x = x + getattr(self, "gamma_1", 1) * self.attn(self.norm1(x))
        return x + getattr(self, "gamma_2", 1) * self.mlp(self.norm2(x))


class PatchEmbed(nn.Module):
    """Patches of 16 x 16 pixels."""

    def __init__(self):
        super().__init__()
        self.proj = nn.Conv2d(3, WIDTH, 16, 16)


class VisionTransformer(nn.Module):
    """All blocks, so that published weights load strictly; the forward pass stops after some of them.

    Args:
        grid: rows (= columns) of the positions. For pictures of other sizes they are interpolated, as timm does it.
        special: the names of the tokens before the patches'.
        heads, talking: as in `Attention`.
        blocks: how many there are.
        depth: after how many of them the features are taken.
    """

    def __init__(self, grid: int, special: tuple[str, ...], heads: int, talking: bool, blocks: int, depth: int):
        super().__init__()
        self.grid, self.special, self.depth = grid, special, depth
        self.patch_embed = PatchEmbed()
        for token in special:
            setattr(self, token, nn.Parameter(torch.empty(1, 1, WIDTH)))
        self.pos_embed = nn.Parameter(torch.empty(1, len(special) + grid**2, WIDTH))
        self.blocks = nn.ModuleList([Block(Attention(heads, talking), talking) for _ in range(blocks)])
        self.norm, self.head = nn.LayerNorm(WIDTH, eps=1e-6), nn.Linear(WIDTH, 1000)

    def forward(self, x: Tensor) -> tuple[Tensor]:
        x = self.patch_embed.proj(x)
        size, count = x.shape[2:], len(self.special)
        x = x.flatten(2).transpose(1, 2)
        tokens = [getattr(self, token).expand(len(x), -1, -1) for token in self.special]
        positions = self.pos_embed[:, count:].transpose(1, 2).unflatten(2, (self.grid, self.grid))
        if size != positions.shape[2:]:
            positions = F.interpolate(positions, size, mode="bicubic", antialias=True)
        x = torch.cat([*tokens, x], 1) + torch.cat([self.pos_embed[:, :count], positions.flatten(2).transpose(1, 2)], 1)
        for block in self.blocks[: self.depth]:
            x = block(x)
        return (self.norm(x)[:, count:].transpose(1, 2).unflatten(2, size),)


def deit(blocks: int = 12, depth: int = 8) -> nn.Module:
    """DeiT-B for 384 pixels, distilled."""
    model = VisionTransformer(24, ("cls_token", "dist_token"), 12, False, blocks, depth)
    model.head_dist = nn.Linear(WIDTH, 1000)
    return drawn(model)


def cait(blocks: int = 48, depth: int = 41) -> nn.Module:
    """CaiT-M48 for 448 pixels."""
    model = VisionTransformer(28, (), 16, True, blocks, depth)
    model.cls_token = nn.Parameter(torch.empty(1, 1, WIDTH))
    model.blocks_token_only = nn.ModuleList([Block(ClassAttention(), True) for _ in range(2)])
    return drawn(model)


def drawn(model: nn.Module) -> nn.Module:
    """The model with random weights, none of them at a value that hides a mistake."""
    for name, parameter in model.named_parameters():
        leaf = name.rpartition(".")[2]
        if "norm" in name and leaf == "weight":
            nn.init.uniform_(parameter, 0.5, 1.5)
        elif parameter.ndim == 1 and not leaf.startswith("gamma"):
            nn.init.normal_(parameter, 0, 0.2)
        elif leaf.startswith("gamma"):
            nn.init.uniform_(parameter, 0.1, 0.4)
        elif name.endswith(("proj_l.weight", "proj_w.weight")):
            nn.init.normal_(parameter, 0, 0.3)
        elif parameter.ndim == 3:
            nn.init.normal_(parameter, 0, 0.5)
    return model.eval()

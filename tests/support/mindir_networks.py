"""Small frozen networks in the styles that FastFlow is built of, to try export, rewrite and runner on."""

import os
from pathlib import Path

os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")  # before mindspore: else convolutions are 100 times slower

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops
from mindspore.train import mind_ir_pb2 as ir

from src import anomaly_map, encoder, layers
from src.kernels.operations import Spread
from src.transformer import VisionTransformer


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1, pad: int = 0, group: int = 1, bias: bool = False):
    return nn.Conv2d(
        inputs, outputs, kernel, stride, pad_mode="pad", padding=pad, group=group, has_bias=bias,
        weight_init="he_normal", bias_init="normal",
    )  # fmt: skip


def _batch_norm(channels: int) -> nn.BatchNorm2d:
    """A batch norm as training leaves it: no statistic or weight at its default."""
    rng = np.random.default_rng(channels)
    draw = {name: rng.uniform(0.5, 1.5, channels).astype(np.float32) for name in ("gamma", "beta", "mean", "var")}
    return nn.BatchNorm2d(
        channels, eps=1e-5, gamma_init=Tensor(draw["gamma"]), beta_init=Tensor(draw["beta"]),
        moving_mean_init=Tensor(draw["mean"]), moving_var_init=Tensor(draw["var"]),
    )  # fmt: skip


class BasicBlock(nn.Cell):
    """Two 3x3 convolutions with batch norm, and a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.SequentialCell(
            _conv(inputs, outputs, 3, stride, 1), _batch_norm(outputs), nn.ReLU(),
            _conv(outputs, outputs, 3, 1, 1), _batch_norm(outputs),
        )  # fmt: skip
        self.shortcut = nn.SequentialCell(_conv(inputs, outputs, 1, stride), _batch_norm(outputs))
        self.relu = nn.ReLU()

    def construct(self, x: Tensor) -> Tensor:
        return self.relu(self.body(x) + self.shortcut(x))


class ResNetStyle(nn.Cell):
    """(N,3,S,S) -> (N,8,S/4,S/4), (N,16,S/8,S/8): stem, zero padding before an unpadded pool, two blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.SequentialCell(_conv(3, 8, 7, 2, 3), _batch_norm(8), nn.ReLU())
        self.pool = nn.MaxPool2d(3, 2, pad_mode="valid")
        self.block1 = BasicBlock(8, 8, 1)
        self.block2 = BasicBlock(8, 16, 2)

    def construct(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = self.pool(ops.pad(self.stem(x), (1, 1, 1, 1)))
        first = self.block1(y)
        return first, self.block2(first)


class InvertedResidual(nn.Cell):
    """Expand, depthwise, project, with ReLU6; the shortcut where the shape stays.

    A stride of 2 pads as TensorFlow does: nothing above and left, one row and column below and right.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        hidden = 4 * inputs
        self.expand = nn.SequentialCell(_conv(inputs, hidden, 1), _batch_norm(hidden), nn.ReLU6())
        self.depthwise = _conv(hidden, hidden, 3, stride, 1 if stride == 1 else 0, group=hidden)
        self.after = nn.SequentialCell(_batch_norm(hidden), nn.ReLU6())
        self.project = nn.SequentialCell(_conv(hidden, outputs, 1), _batch_norm(outputs))
        self.pads = stride == 2
        self.shortcut = stride == 1 and inputs == outputs

    def construct(self, x: Tensor) -> Tensor:
        y = self.expand(x)
        if self.pads:
            y = ops.pad(y, (0, 1, 0, 1))
        y = self.project(self.after(self.depthwise(y)))
        return x + y if self.shortcut else y


class EfficientNetStyle(nn.Cell):
    """(N,3,S,S) -> (N,8,S/4,S/4)."""

    def __init__(self, asymmetric_conv: bool = False) -> None:
        super().__init__()
        self.asymmetric_conv = asymmetric_conv
        pad = (0, 1, 0, 1) if asymmetric_conv else 0
        self.stem = _conv(3, 4, 3, 2, pad)
        self.after = nn.SequentialCell(_batch_norm(4), nn.ReLU6())
        self.blocks = nn.SequentialCell(InvertedResidual(4, 8, 2), InvertedResidual(8, 8, 1))

    def construct(self, x: Tensor) -> Tensor:
        if not self.asymmetric_conv:
            x = ops.pad(x, (0, 1, 0, 1))
        return self.blocks(self.after(self.stem(x)))


class LayerNorm(nn.Cell):
    """Over (C,H,W), as mean and variance."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__()
        rng = np.random.default_rng(0)
        self.weight = Parameter(Tensor(rng.uniform(0.5, 1.5, shape).astype(np.float32)), name="weight")
        self.bias = Parameter(Tensor(rng.normal(0, 0.1, shape).astype(np.float32)), name="bias")

    def construct(self, x: Tensor) -> Tensor:
        centred = x - x.mean((1, 2, 3), keep_dims=True)
        variance = ops.square(centred).mean((1, 2, 3), keep_dims=True)
        return centred / ops.sqrt(variance + 1e-5) * self.weight + self.bias


class FlowStep(nn.Cell):
    """One coupling of the flow without its log-determinant."""

    def __init__(self, channels: int, kernel: int, use_split: bool = False) -> None:
        super().__init__()
        rng = np.random.default_rng(channels)
        self.left = channels - channels // 2
        self.right = channels // 2
        pad = kernel // 2
        self.subnet = nn.SequentialCell(
            _conv(self.left, self.left, kernel, 1, pad, bias=True), nn.ReLU(),
            _conv(self.left, 2 * self.right, kernel, 1, pad, bias=True),
        )  # fmt: skip
        self.global_scale = Parameter(Tensor(rng.normal(9, 1, (1, channels, 1, 1)), ms.float32), name="scale")
        self.global_offset = Parameter(Tensor(rng.normal(0, 0.1, (1, channels, 1, 1)), ms.float32), name="offset")
        self.permutation = Tensor(rng.permutation(channels).astype(np.int32))
        self.use_split = use_split

    def construct(self, x: Tensor) -> Tensor:
        if self.use_split:
            x1, x2 = ops.split(x, (self.left, self.right), axis=1)
        else:
            x1, x2 = x[:, : self.left], x[:, self.left :]
        a = 0.1 * self.subnet(x1)
        s = 2.0 * ops.tanh(a[:, : self.right])
        y = ops.concat((x1, x2 * ops.exp(s) + a[:, self.right :]), axis=1)
        scale = 0.2 * ops.log(1.0 + ops.exp(0.5 * self.global_scale))
        return ops.gather(y * scale + self.global_offset, self.permutation, 1)


def upsampling(source: int, target: int) -> np.ndarray:
    """(target, source) float32: bilinear interpolation with half-pixel centres as a matrix."""
    position = np.clip((np.arange(target) + 0.5) * source / target - 0.5, 0, source - 1)
    below = np.floor(position).astype(int)
    above = np.minimum(below + 1, source - 1)
    matrix = np.zeros((target, source), np.float32)
    np.add.at(matrix, (np.arange(target), below), 1 - (position - below))
    np.add.at(matrix, (np.arange(target), above), position - below)
    return matrix


class AnomalyMap(nn.Cell):
    """Latents (N,C_i,S_i,S_i) -> map (N,1,S,S) and score (N). All matrix products are of two plain matrices."""

    def __init__(self, sizes: tuple[int, ...], target: int) -> None:
        super().__init__()
        self.target = target
        self.matrices = [Tensor(upsampling(size, target).T.copy()) for size in sizes]

    def _upsample_rows(self, x: Tensor, matrix: Tensor) -> Tensor:
        """(N,A,B) -> (N,T,A): the last axis interpolated, then the axes exchanged."""
        n, a, b = x.shape
        y = ops.matmul(ops.reshape(x, (n * a, b)), matrix)
        return ops.transpose(ops.reshape(y, (n, a, self.target)), (0, 2, 1))

    def construct(self, latents: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        total = 0.0
        for i in range(len(latents)):
            density = -ops.exp(-0.5 * ops.square(latents[i]).mean(1))
            total = total + self._upsample_rows(self._upsample_rows(density, self.matrices[i]), self.matrices[i])
        anomaly_map = ops.expand_dims(total / len(latents), 1)
        return anomaly_map, anomaly_map.max((1, 2, 3))


def vision_transformer(talking: bool) -> VisionTransformer:
    """(N,3,32,32) -> (N,16,2,2): with special tokens as DeiT has them, or with talking heads as CaiT has."""
    cell = VisionTransformer((2, 2), 16, 4, 1, special=0 if talking else 2, talking=talking)
    rng = np.random.default_rng(7)
    for parameter in cell.get_parameters():
        parameter.set_data(Tensor(rng.normal(0, 0.3, parameter.shape).astype(np.float32)))
    for _, part in cell.cells_and_names():
        if isinstance(part, Spread):
            part.plain = True  # as export.py has it
    return cell


class BroadcastMatMul(nn.Cell):
    """(N,1,A,A) -> (N,1,T,T) by matrix products that broadcast a matrix over the stack."""

    def __init__(self, size: int, target: int) -> None:
        super().__init__()
        self.rows = Tensor(upsampling(size, target))
        self.columns = Tensor(upsampling(size, target).T.copy())

    def construct(self, x: Tensor) -> Tensor:
        return ops.matmul(ops.matmul(self.rows, x), self.columns)


class SmallDetector(nn.Cell):
    """(N,3,S,S) -> anomaly_map (N,1,S,S), score (N): everything above together; S a multiple of 8."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.encoder = ResNetStyle()
        self.norms = nn.CellList([LayerNorm((8, size // 4, size // 4)), LayerNorm((16, size // 8, size // 8))])
        self.flows = nn.CellList([nn.SequentialCell(FlowStep(c, 3), FlowStep(c, 1), FlowStep(c, 3)) for c in (8, 16)])
        self.map = AnomalyMap((size // 4, size // 8), size)

    def construct(self, image: Tensor) -> tuple[Tensor, Tensor]:
        first, second = self.encoder(image)
        return self.map((self.flows[0](self.norms[0](first)), self.flows[1](self.norms[1](second))))


class Judgement(nn.Cell):
    """(N,6,8,8) -> a smoothed anomaly map (N,1,32,32) and scores (N) by the rules of deviation, as the detector's.

    Half of the map is of pooled features less their means, whitened.
    """

    def __init__(self) -> None:
        super().__init__()
        rng = np.random.default_rng(7)
        self.pools = nn.CellList([encoder.MeanPool(size, 3) for size in (8, 4)])
        self.centrings = nn.CellList([encoder.Centring(6, size) for size in (8, 4)])
        for centring in self.centrings:
            centring.spread.plain = True  # as export.py compiles it
        self.whitenings = nn.CellList([encoder.Whitening(6) for _ in range(2)])
        for cell in (*self.centrings, *self.whitenings):
            for parameter in cell.get_parameters():
                parameter.set_data(Tensor(rng.normal(size=parameter.shape).astype(np.float32)))
        self.map = anomaly_map.AnomalyMap((8, 4), 32, sigma=2.0, temperature=2.0)
        self.score = anomaly_map.ImageScore("deviation")
        self.score.level.set_data(Tensor(np.array([-0.6], np.float32)))
        self.log_energy = anomaly_map.LogEnergy((8, 4))
        self.log_score = anomaly_map.ImageScore("log_deviation")
        self.log_score.level.set_data(Tensor(np.array([0.1], np.float32)))

    def construct(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        latents = (x, x[:, :, :4, :4])
        features = ()
        for latent, pool, centre, whiten in zip(latents, self.pools, self.centrings, self.whitenings):
            features += (whiten(centre(pool(latent))),)
        found = 0.5 * self.map(latents) + 0.5 * self.map(features)
        return found, self.score(found), self.log_score(self.log_energy(latents))


class Whitened(nn.Cell):
    """(N,6,8,8) -> twice the same shape: whitened, scaled and moved; the second pooled before."""

    def __init__(self) -> None:
        super().__init__()
        rng = np.random.default_rng(8)
        self.pool, self.whitening, self.affine = encoder.MeanPool(8, 3), encoder.Whitening(6), layers.Affine((6, 8, 8))
        for parameter in self.get_parameters():
            parameter.set_data(Tensor(rng.normal(size=parameter.shape).astype(np.float32)))
        self.affine.spread.plain = True  # as export.py compiles it

    def construct(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.affine(self.whitening(x)), self.affine(self.whitening(self.pool(x)))


def frozen(cell: nn.Cell) -> nn.Cell:
    """The cell as export wants it: graph mode, inference, no gradients."""
    ms.set_context(mode=ms.GRAPH_MODE)
    cell.set_train(False)
    for parameter in cell.get_parameters():
        parameter.requires_grad = False
    return cell


def export(cell: nn.Cell, path: Path, *shape: int) -> Path:
    """Write a cell with an input of this shape as MindIR version 3; returns the path."""
    ms.export(frozen(cell), Tensor(np.zeros(shape, np.float32)), file_name=str(path), file_format="MINDIR")
    return path


def operations(model: ir.ModelProto) -> list[str]:
    """The names of the operations that a model's nodes call, in order."""
    names = {primitive.name: primitive.op_type for primitive in model.primitives}
    return [names[node.op_type.removeprefix("REF::")] for node in model.graph.node if node.op_type != "Constant"]

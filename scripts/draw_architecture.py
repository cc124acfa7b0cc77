"""Draw the README's picture of the network, from a real network and what it makes of a real picture.

    bash scripts/quickstart.sh
    python scripts/draw_architecture.py

Writes fastflow.png and fastflow_dark.png, for light and dark pages, to --output_dir (picture/). All shapes, kernels,
maps and figures are read from the checkpoint's network.
"""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # the project's root in the place of scripts/

import argparse
import tempfile
from dataclasses import dataclass

import numpy as np

from src.config import Parser
from src.runtime.program import run_program
from src.utils import UserError, atomic_path, check_writable, log

WIDTH, HEIGHT = 880, 506  # in units, of which one is a pixel where a README is 880 pixels wide
ROWS = (112, 224, 318)  # the middle of each scale's row
TILES = (84, 66, 50)  # the side of a scale's tiles
MINUS = "\N{MINUS SIGN}"
FLOW = (392, 604)  # the left and right end of the flows


@dataclass(frozen=True)
class Theme:
    """The colours of one variant."""

    paper: str
    ink: str
    faint: str  # lines, and text that is read second
    box: str
    encoder: str
    kernels: dict[int, str]  # of a flow step, by the size of its subnet's kernels
    good: str
    bad: str


LIGHT = Theme("#ffffff", "#1f2328", "#59636e", "#f6f8fa", "#d1d9e0", {3: "#0969da", 1: "#54aeff"}, "#1a7f37", "#cf222e")
DARK = Theme("#0d1117", "#e6edf3", "#9198a1", "#161b22", "#3d444d", {3: "#1f6feb", 1: "#79c0ff"}, "#3fb950", "#f85149")


@dataclass(frozen=True)
class Facts:
    """What the network is, and what it makes of the picture.

    Attributes:
        picture, heat, overlay: [S, S, 3] uint8.
        prepared: what is done to the features, in words.
        gaussian: share of the features' own likelihood in the maps.
        features: of each scale [C, H, W]; maps: of each scale [H, W, 3] uint8, as the heat map is coloured.
        kernels: of each scale the size of every flow step's kernels.
        verdict: `score`, `anomaly`, `verdict` of the picture.
    """

    backbone: str
    prepared: str
    gaussian: float
    picture: np.ndarray
    features: list[np.ndarray]
    kernels: list[list[int]]
    maps: list[np.ndarray]
    heat: np.ndarray
    overlay: np.ndarray
    verdict: dict


def gather(checkpoint_path: Path, picture_path: Path) -> Facts:
    """Run the network over the picture.

    Raises:
        UserError: a file is missing or unusable, or the checkpoint knows no good pictures.
    """
    from mindspore import Tensor

    from src import checkpoint
    from src.anomaly_map import AnomalyMap
    from src.data.samples import Sample
    from src.dataset import load_images, normalize
    from src.encoder import ENCODERS
    from src.report.colours import heat_map, overlay
    from src.verdict import Judge

    detector, trained = checkpoint.load_detector(checkpoint_path)
    if trained.good_pictures is None:
        raise UserError(f"{checkpoint_path} knows no good pictures, so it gives no verdict; train it with train.py")
    judge, architecture = Judge.of(trained.good_pictures), detector.architecture
    (picture,) = load_images([Sample(picture_path, 0, "unknown", None, "picture")], architecture.framing)
    spec = ENCODERS[architecture.backbone]
    image = Tensor(normalize(picture[None], spec.mean, spec.std))
    features = detector.encoder(image)
    latents = detector.fastflow.latents(*features)
    anomaly_map, score = (tensor.asnumpy() for tensor in detector(image))
    weight, pooling = architecture.gaussian_weight, architecture.feature_pooling
    maps = []
    for size, z, x in zip(architecture.sizes, latents, features):
        one = AnomalyMap((size,), size, 0.0, architecture.map_temperature)
        maps.append(((1 - weight) * one((z,)) + weight * one((x,))).asnumpy()[0, 0])
    prepared = [f"pooled {shape(pooling, pooling)}"] if pooling > 1 else []
    prepared += ["whitened"] if architecture.whitening else []
    return Facts(
        architecture.backbone,
        ", ".join(prepared),
        weight,
        picture,
        [feature.asnumpy()[0] for feature in features],
        [[step.conv1.kernel_size[0] for step in flow.steps] for flow in detector.fastflow.flows],
        [heat_map(one, judge.pixel) for one in maps],
        heat_map(anomaly_map[0, 0], judge.pixel),
        overlay(picture, anomaly_map[0, 0], judge.pixel, judge.pixel.threshold),
        judge.of_picture(float(score[0])),
    )


class Canvas:
    """A drawing in units, y downwards."""

    def __init__(self, theme: Theme):
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.theme = theme
        self.figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), facecolor=theme.paper)
        FigureCanvasAgg(self.figure)
        self.axes = self.figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(HEIGHT, 0))
        self.axes.axis("off")

    def save(self, path: Path) -> None:
        """Write the drawing as a PNG, at two pixels a unit and with 256 colours, which keeps the file small."""
        from PIL import Image

        with tempfile.TemporaryFile() as file:
            self.figure.savefig(file, dpi=200, facecolor=self.theme.paper)
            Image.open(file).convert("RGB").quantize(256).save(path, "PNG", optimize=True)

    def text(self, x: float, y: float, text: str, size: float = 11.5, colour: str = "", **style) -> None:
        """Text around (x, y), `size` units high."""
        style = {"ha": "center", "va": "center"} | style
        self.axes.text(x, y, text, size=0.72 * size, color=colour or self.theme.ink, **style)

    def box(
        self, x: float, y: float, width: float, height: float, colour: str, edge: str = "none", round_: float = 4
    ) -> None:
        """A rectangle with round corners around (x, y)."""
        from matplotlib.patches import FancyBboxPatch

        style = f"round,pad=0,rounding_size={round_}"
        corner = (x - width / 2, y - height / 2)
        self.axes.add_patch(
            FancyBboxPatch(corner, width, height, style, facecolor=colour, edgecolor=edge, linewidth=0.8)
        )

    def tile(self, x: float, y: float, side: float, image: np.ndarray, **style) -> None:
        """An image as a square around (x, y), with a thin frame."""
        place = (x - side / 2, x + side / 2, y + side / 2, y - side / 2)
        self.axes.imshow(image, extent=place, aspect="auto", zorder=2, **style)
        self.axes.plot(*zip(*self._corners(place)), color=self.theme.faint, linewidth=0.6, zorder=2)
        self.axes.set(xlim=(0, WIDTH), ylim=(HEIGHT, 0))

    @staticmethod
    def _corners(place: tuple) -> list[tuple[float, float]]:
        left, right, bottom, top = place
        return [(left, bottom), (right, bottom), (right, top), (left, top), (left, bottom)]

    def arrow(self, *points: tuple[float, float]) -> None:
        """A line through the points, with a head at the last one."""
        style = {"color": self.theme.faint, "linewidth": 1.1, "zorder": 1}
        if len(points) > 2:
            self.axes.plot(*zip(*points[:-1]), **style, solid_joinstyle="round")
        head = {"arrowstyle": "-|>,head_width=0.18,head_length=0.36", "shrinkA": 0, "shrinkB": 0}
        self.axes.annotate("", points[-1], points[-2], arrowprops=head | style)


def shape(*sizes: int | str) -> str:
    """Sizes as a person writes a shape."""
    return " \N{MULTIPLICATION SIGN} ".join(map(str, sizes))


def strongest(feature: np.ndarray, count: int = 3) -> list[np.ndarray]:
    """The channels [H, W] of a feature map [C, H, W] that a defect shows in most: those with the highest peak."""
    peaks = (np.abs(feature) / feature.std((1, 2), keepdims=True)).max((1, 2))
    return [feature[channel] for channel in np.argsort(-peaks)[:count]]


def draw_network(canvas: Canvas, facts: Facts) -> None:
    """From the picture to the verdict."""
    theme, size = canvas.theme, facts.picture.shape[0]
    for x, title, note in (
        (62, "picture", shape(3, size, size)),
        (178, "encoder", "frozen"),
        (304, "features", facts.prepared or shape("C", "H", "W")),
        (sum(FLOW) / 2, "normalizing flow per scale", f"{len(facts.kernels[0])} flow steps each, trained"),
        (666, "maps", f"{MINUS}exp({MINUS}½ mean z²)"),
        (806, "anomaly map", shape(size, size)),
    ):
        canvas.text(x, 18, title, 13, weight="bold")
        canvas.text(x, 36, note, 10.5, theme.faint)
    canvas.tile(62, ROWS[0], 100, facts.picture)
    canvas.arrow((114, ROWS[0]), (134, ROWS[0]))
    canvas.box(178, sum(ROWS[::2]) / 2, 84, ROWS[2] - ROWS[0] + 108, theme.box, theme.faint, 8)
    for i, (y, tile, feature, kernels, one) in enumerate(zip(ROWS, TILES, facts.features, facts.kernels, facts.maps)):
        stride = size // feature.shape[1]
        canvas.box(178, y, 66, 42, theme.encoder)
        canvas.text(178, y, f"stride {stride}")
        if i:
            canvas.arrow((178, ROWS[i - 1] + 21), (178, y - 21))
        canvas.arrow((211, y), (304 - tile / 2 - 12, y))
        for back, channel in reversed(list(enumerate(strongest(feature)))):
            low, high = np.percentile(channel, (1, 99.7))
            canvas.tile(304 - 6 + 6 * back, y - 4 + 4 * back - 4, tile, channel, cmap="cividis", vmin=low, vmax=high)
        canvas.text(304, y + tile / 2 + 14, shape(*feature.shape))
        draw_steps(canvas, y, kernels)
        canvas.arrow((304 + tile / 2 + 12, y), (FLOW[0] - 6, y))
        canvas.arrow((FLOW[1] + 6, y), (666 - tile / 2 - 4, y))
        if facts.gaussian:  # the features' own likelihood passes the flow by
            above = y - 38
            canvas.arrow((304 + tile / 2 + 22, y), (304 + tile / 2 + 22, above), (618, above), (618, y - 2))
        canvas.tile(666, y, tile, one, interpolation="nearest")
        canvas.text(666, y + tile / 2 + 10, shape(*one.shape[:2]))
        end = ROWS[0]
        canvas.arrow((666 + tile / 2 + 2, y), (728, y), (728, end), (750, end))
    canvas.text(178, ROWS[0] - 37, facts.backbone, 9.5, theme.faint)
    canvas.text(178, ROWS[2] + 37, "ImageNet", 9.5, theme.faint)
    canvas.text(62, ROWS[1] - 20, "flow step with", 10.5, theme.faint)
    draw_legend(canvas, sorted({kernel for kernels in facts.kernels for kernel in kernels}, reverse=True))
    canvas.text(735, ROWS[0] - 12, "mean", 10.5, theme.faint)
    if facts.gaussian:
        note = f"the features themselves: {facts.gaussian:.0%} of the map"
        canvas.text(sum(FLOW) / 2, ROWS[0] - 48, note, 10.5, theme.faint)
    draw_verdict(canvas, facts)


def draw_steps(canvas: Canvas, y: float, kernels: list[int]) -> None:
    """The flow steps of a scale, coloured by their kernels."""
    pitch = (FLOW[1] - FLOW[0]) / len(kernels)
    for i, kernel in enumerate(kernels):
        x = FLOW[0] + pitch * (i + 0.5)
        canvas.box(x, y, 0.72 * pitch, 52, canvas.theme.kernels[kernel])
        if i:
            canvas.arrow((x - 0.64 * pitch, y), (x - 0.36 * pitch, y))


def draw_legend(canvas: Canvas, kernels: list[int]) -> None:
    for i, kernel in enumerate(kernels):
        y = ROWS[1] + 24 * i
        canvas.box(32, y, 14, 18, canvas.theme.kernels[kernel], round_=3)
        canvas.text(46, y, f"{shape(kernel, kernel)} kernels", 10.5, ha="left")


def draw_verdict(canvas: Canvas, facts: Facts) -> None:
    """Map, score, verdict, and what people see of them."""
    theme, said = canvas.theme, facts.verdict
    canvas.tile(806, ROWS[0], 108, facts.heat)
    canvas.arrow((806, ROWS[0] + 56), (806, ROWS[0] + 76))
    canvas.text(806, ROWS[0] + 88, f"score {said['score']:.3f}".replace("-", MINUS))
    canvas.text(806, ROWS[0] + 105, f"anomaly {said['anomaly']:.2f}")
    colour = theme.bad if said["verdict"] == "defective" else theme.good
    canvas.box(806, ROWS[0] + 129, 84, 24, colour, round_=12)
    canvas.text(806, ROWS[0] + 129, said["verdict"], 12, "#ffffff", weight="bold")
    canvas.tile(806, ROWS[0] + 204, 108, facts.overlay)


def draw_step(canvas: Canvas, facts: Facts) -> None:
    """What is inside of a flow step of the first scale."""
    theme, middle, up, down = canvas.theme, 454, 440, 476
    channels, kernel = facts.features[0].shape[0], shape("k", "k")
    canvas.box(WIDTH / 2, 446, WIDTH - 16, 108, theme.box, theme.faint, 8)
    canvas.text(24, 408, "one flow step", 13, weight="bold", ha="left")
    canvas.text(30, middle, "x")
    canvas.arrow((38, middle), (56, middle))
    canvas.box(80, middle, 48, 30, theme.encoder)
    canvas.text(80, middle, "split")
    canvas.arrow((104, middle), (116, middle), (116, up), (196, up))
    canvas.text(150, up - 10, f"x₁ ({channels - channels // 2})", 10.5, theme.faint)
    canvas.arrow((116, middle), (116, down), (432, down))
    canvas.text(150, down + 11, f"x₂ ({channels // 2})", 10.5, theme.faint)
    canvas.box(286, up, 180, 30, theme.kernels[3])
    canvas.text(286, up, "  ·  ".join((f"conv {kernel}", "ReLU", f"conv {kernel}")), 10, "#ffffff")
    canvas.arrow((376, up), (488, up), (488, down - 16))
    canvas.text(433, up - 10, "log-scale s, shift t", 10.5, theme.faint)
    canvas.box(488, down, 110, 30, theme.encoder)
    canvas.text(488, down, "x₂ · exp(s) + t")
    canvas.arrow((182, up), (182, up - 28), (596, up - 28), (596, middle - 16))
    canvas.text(608, up - 16, "x₁", 10.5, theme.faint)
    canvas.arrow((543, down), (556, down), (556, middle), (568, middle))
    canvas.box(597, middle, 56, 30, theme.encoder)
    canvas.text(597, middle, "concat")
    canvas.arrow((625, middle), (641, middle))
    canvas.box(705, middle, 126, 30, theme.encoder)
    canvas.text(705, middle, "scale and offset", 11)
    canvas.arrow((768, middle), (784, middle))
    canvas.box(816, middle, 62, 30, theme.encoder)
    canvas.text(816, middle, "permute", 11)
    canvas.arrow((847, middle), (864, middle))


def main() -> None:
    parser = Parser(
        prog="scripts/draw_architecture.py",
        description=__doc__,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    quick = Path("quickstart")
    add = parser.add_argument
    add(
        "--ckpt_path",
        type=Path,
        default=quick / "ckpt/fastflow_fabric.ckpt",
        help="network (default: the quick start's)",
    )
    picture = quick / "data/fabric/test/thread/001.png"
    add("--picture", type=Path, default=picture, help="picture (default: one of the quick start's)")
    add("--output_dir", type=Path, default=Path("picture"), help="folder (default: picture)")
    options = parser.parse_args()
    for path in (options.ckpt_path, options.picture):
        if not path.is_file():
            raise UserError(f"no file {path}; run scripts/quickstart.sh, or give --ckpt_path and --picture")
    themes = {
        options.output_dir / name: theme for name, theme in {"fastflow.png": LIGHT, "fastflow_dark.png": DARK}.items()
    }
    for path in themes:
        check_writable(path)

    from src.runtime import device

    device.prepare("CPU")
    facts = gather(options.ckpt_path, options.picture)
    for path, theme in themes.items():
        canvas = Canvas(theme)
        draw_network(canvas, facts)
        draw_step(canvas, facts)
        with atomic_path(path) as temporary:
            canvas.save(temporary)
        log.info("%s", path)


if __name__ == "__main__":
    run_program(main)

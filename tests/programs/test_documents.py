"""The documents' pictures."""

import numpy as np
from PIL import Image

from tests.support.programs import error_of, succeed

DRAW = "scripts/draw_architecture.py"


def test_the_networks_picture_is_drawn_for_light_and_dark_pages(trained, data, tmp_path):
    picture = next((data / "fabric/test").glob("[!g]*/*.png"))
    given = ("--ckpt_path", trained[0] / "fastflow_fabric.ckpt", "--picture", picture, "--output_dir", tmp_path)
    assert succeed(DRAW, *given) == f"{tmp_path}/fastflow.png\n{tmp_path}/fastflow_dark.png\n"
    light, dark = (
        np.asarray(Image.open(tmp_path / name).convert("L"), float) for name in ("fastflow.png", "fastflow_dark.png")
    )
    assert light.shape == dark.shape == (1012, 1760)
    assert np.median(light) > 240  # paper
    assert np.median(dark) < 30
    # The picture itself is in both, at its place.
    place = np.s_[140:310, 40:210]
    assert np.abs(light[place] - dark[place]).mean() < 8
    assert light[place].std() > 5


def test_a_picture_of_the_network_needs_a_network(tmp_path):
    message = error_of(DRAW, "--ckpt_path", tmp_path / "none.ckpt", "--output_dir", tmp_path)
    assert message.startswith(f"error: no file {tmp_path}/none.ckpt; run scripts/quickstart.sh")
    assert list(tmp_path.iterdir()) == []

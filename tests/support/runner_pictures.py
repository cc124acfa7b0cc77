"""The C++ runner over plain pictures: run it, read what it says, and see that it refuses."""

import json
import os


def judge(runner, model, pictures, output, *more, **options):
    """Run the runner over pictures."""
    return runner("--model", model, "--pictures", pictures, "--output_path", output, "--threads", 1, *more, **options)


def said(folder):
    """What is said of the pictures, by name, without the time that it took."""
    pictures = json.loads((folder / "scores.json").read_text())["pictures"]
    return {name: {k: v for k, v in each.items() if k != "milliseconds"} for name, each in pictures.items()}


def assert_refused(done, status, folder, *parts):
    """It ended with this status and one line that says these things, and left nothing."""
    assert (done.returncode, done.stderr.count("\n")) == (status, 1), done.stderr
    assert done.stderr.startswith("error: ")
    assert all(part in done.stderr for part in parts), done.stderr
    assert not folder.exists()
    assert [name for name in os.listdir(folder.parent) if name.endswith(".partial")] == []

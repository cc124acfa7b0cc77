"""Where the server listens, and what requests must bring."""

import contextlib

import pytest

from src.serve.access import Access, address_of, is_loopback, listen


@pytest.mark.parametrize(
    ("address", "loopback"),
    [("127.0.0.1:0", True), ("localhost:0", True), ("127.1.2.3:0", True), ("0.0.0.0:0", False)],
)
def test_a_socket_knows_who_reaches_it(address, loopback):
    with contextlib.closing(listen(address)) as bound:
        assert is_loopback(bound) == loopback
        assert address_of(bound).startswith("http://")
        assert int(address_of(bound).rpartition(":")[2]) > 0


@pytest.mark.parametrize(
    ("header", "welcome"),
    [
        ("Bearer secret", True),
        ("bearer secret", True),
        ("Bearer secret ", True),
        ("Bearer Secret", False),
        ("Bearer secre", False),
        ("Bearer secrets", False),
        ("Bearer", False),
        ("secret", False),
        ("Basic secret", False),
        ("Bearer \u00e9", False),
        ("", False),
    ],
)
def test_a_token_must_be_the_same(header, welcome):
    refused = Access("secret").refuses({"authorization": header, "host": "anything"})
    assert refused is None if welcome else refused[0] == 401


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8080", "LOCALHOST:1", "127.0.0.1:8080", "[::1]:8080", "[::1]"]
)
def test_without_a_token_this_machines_names_are_welcome(host):
    assert Access(None).refuses({"host": host}) is None


@pytest.mark.parametrize(
    "host", ["", "evil.example", "localhost.evil.example:8080", "127.0.0.1.evil.example", "10.0.0.1:8080"]
)
def test_without_a_token_other_names_are_not(host):
    assert Access(None).refuses({"host": host})[0] == 421

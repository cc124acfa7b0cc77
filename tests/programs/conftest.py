"""What the tests of programs share."""

import pytest


@pytest.fixture(autouse=True)
def elsewhere(tmp_path_factory, monkeypatch):
    """Programs start in an empty folder, so that the results that they write there by default are nobody's."""
    monkeypatch.chdir(tmp_path_factory.mktemp("here"))

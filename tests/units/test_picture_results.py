"""The table of scores, and the files that grow."""

import csv
import io
import json

from src import picture_results
from src.picture_results import COLUMNS, Scores, scores_table


def test_a_line_per_picture_also_for_hostile_names_and_unreadable_files():
    read = {"file": "=cmd()|a.png", "score": -0.25, "anomaly": None, "verdict": "good", "margin": None}
    read |= {"regions": [{"x": 1}, {"x": 2}], "largest_area": 7, "milliseconds": 1.5, "truth": "good"}
    broken = {"file": 'a,b\n"c\udc80.png', "error": "cannot read it"}
    text = scores_table([read, broken])
    assert text.splitlines()[0] == "file,score,anomaly,verdict,margin,regions,largest_area,milliseconds,truth,error"
    first, second = csv.DictReader(io.StringIO(text))
    assert (first["file"], first["regions"], first["anomaly"], first["score"]) == ("'=cmd()|a.png", "2", "", "-0.25")
    assert (second["file"], second["error"], second["score"]) == ('a,b\\n"c\\udc80.png', "cannot read it", "")
    assert scores_table([]) == ",".join(COLUMNS) + "\n"


def test_scores_are_written_for_a_share_of_the_time_only_and_whole_at_the_end(tmp_path, monkeypatch):
    now = iter([0, 1, 20, 22, 23, 24, 25])  # a call of `add` asks before and, if it writes, after writing
    monkeypatch.setattr(picture_results.time, "monotonic", lambda: next(now))
    scores, held = Scores(tmp_path, {"thresholds": {}, "reading": None}, 4), []
    for name in "abcd":
        scores.add({name: {"file": f"{name}.png", "score": 0.5}})
        held.append(len(json.loads((tmp_path / "scores.json").read_text())["pictures"]))
        assert len((tmp_path / "scores.csv").read_text().splitlines()) == 1 + held[-1]
    assert held == [1, 1, 3, 4]

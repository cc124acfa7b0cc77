"""VisA: the rows of the published split decide, and the errors name what does not fit them."""

import pytest

from src.data.layouts import categories, samples_for_testing, samples_for_training
from src.utils import UserError
from tests.support.pictures import mask, names, picture


def visa(root, rows: list[str]) -> None:
    (root / "split_csv").mkdir(exist_ok=True)
    (root / "split_csv" / "1cls.csv").write_text("object,split,label,image,mask\n" + "\n".join(rows) + "\n")


def test_visa(tmp_path):
    rows = []
    for i in (3, 1, 2):
        path = picture(tmp_path / "pcb1" / "Data" / "Images" / "Normal" / f"{i:04d}.JPG")
        rows.append(f"pcb1,{'test' if i == 2 else 'train'},normal,{path.relative_to(tmp_path)},")
    picture(tmp_path / "pcb1" / "Data" / "Images" / "Anomaly" / "000.JPG")
    mask(tmp_path / "pcb1" / "Data" / "Masks" / "Anomaly" / "000.png")
    bad = "pcb1,test,anomaly,pcb1/Data/Images/Anomaly/000.JPG,pcb1/Data/Masks/Anomaly/000.png"
    visa(tmp_path, [*rows, bad])
    assert categories(tmp_path, "visa") == ["pcb1"]
    assert names(samples_for_training(tmp_path, "pcb1", "visa")) == ["good/0001", "good/0003"]
    test = samples_for_testing(tmp_path, "pcb1", "visa")
    assert names(test) == ["good/0002", "anomaly/000"]
    assert test[1].mask == tmp_path / "pcb1" / "Data" / "Masks" / "Anomaly" / "000.png"

    visa(tmp_path, [*rows, bad.replace("000.png", "009.png")])
    with pytest.raises(UserError, match=r"1cls.csv names .*Masks/Anomaly/009.png, which is missing; complete"):
        samples_for_testing(tmp_path, "pcb1", "visa")
    visa(tmp_path, [*rows, bad.replace("test,anomaly", "train,anomaly")])
    with pytest.raises(UserError, match=r"1cls.csv trains on the defective .*000.JPG; give the 1cls split"):
        samples_for_training(tmp_path, "pcb1", "visa")
    visa(tmp_path, ["pcb1,middle,normal,x.png,"])
    with pytest.raises(UserError, match=r"1cls.csv line 2 is not object,split,label,image,mask with train\|test"):
        categories(tmp_path, "visa")
    (tmp_path / "split_csv" / "1cls.csv").unlink()
    with pytest.raises(UserError, match=r"cannot read .*1cls.csv: No such file or directory; put VisA's file"):
        categories(tmp_path, "visa")

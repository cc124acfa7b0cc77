"""BTAD (beanTech anomaly detection). It has MVTec's folders with other names, so MVTec's code reads it:

{01,02,03}/train/ok/            good pictures to train on
{01,02,03}/test/ok/             good pictures to test on
{01,02,03}/test/ko/             defective pictures, without types of defects
{01,02,03}/ground_truth/ko/     their masks, named as the pictures
"""

from functools import partial

from src.data import mvtec
from src.data.layout import Layout

LAYOUT = Layout(
    name="btad",
    description="BTAD as published: 01/train/ok, 01/test/{ok,ko}, 01/ground_truth/ko",
    find_categories=mvtec.find_categories,
    find_training=partial(mvtec.find_training, good=("ok",)),
    find_testing=partial(mvtec.find_testing, good=("ok",)),
    sign="folders with train/ok and test/{ok,ko}",
    train_folder="{category}/train/ok",
    test_folder="{category}/test/<ok or ko>",
)

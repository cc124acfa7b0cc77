#!/usr/bin/env bash
# Train and evaluate all categories on GPU: in the background with a log, or with -f in the foreground.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage="bash scripts/run_all_mvtec_gpu.sh [-f] DATASET_PATH PRE_CKPT_PATH [DEVICE_ID ...] [OPTIONS of run_all.py]"
all_categories_run GPU "$usage" "$@"

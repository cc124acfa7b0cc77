#!/usr/bin/env bash
# Evaluate a checkpoint on CPU: in the background with a log, or with -f in the foreground.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage="bash scripts/run_eval_cpu.sh [-f] DATASET_PATH CKPT_PATH CATEGORY [DEVICE_ID] [OPTIONS of eval.py]"
one_device_run CPU eval.py "$usage" "$@"

#!/usr/bin/env bash
# Train and evaluate all categories on CPU: in the background with a log, or with -f in the foreground.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage="bash scripts/run_all_mvtec_cpu.sh [-f] DATASET_PATH PRE_CKPT_PATH [--jobs N] [OPTIONS of run_all.py]"
all_categories_run CPU "$usage" "$@"

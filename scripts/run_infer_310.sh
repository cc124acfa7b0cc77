#!/usr/bin/env bash
# An exported model on an Ascend device: over a test set (preprocess, C++ runner, postprocess), or over plain pictures.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$(dirname "${BASH_SOURCE[0]}")/infer.sh"

usage="LITE_HOME=DIR (or MINDSPORE_HOME=DIR) bash scripts/run_infer_310.sh MINDIR_PATH DATASET_PATH [CATEGORY] [DEVICE_ID] [OPTIONS of the runner or postprocess.py]"
usage+=", or ... run_infer_310.sh MODEL --pictures PATH [--output_dir DIR] [OPTIONS of the runner]"
infer_pipeline Ascend "$usage" "$@"

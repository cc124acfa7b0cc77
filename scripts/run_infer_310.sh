#!/usr/bin/env bash
# An exported model over a test set on an Ascend device: preprocess, C++ runner, postprocess.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$(dirname "${BASH_SOURCE[0]}")/infer.sh"

usage="LITE_HOME=DIR (or MINDSPORE_HOME=DIR) bash scripts/run_infer_310.sh MINDIR_PATH DATASET_PATH [CATEGORY] [DEVICE_ID] [OPTIONS of postprocess.py]"
infer_pipeline Ascend "$usage" "$@"

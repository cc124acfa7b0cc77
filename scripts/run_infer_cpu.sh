#!/usr/bin/env bash
# An exported model (--mindir_version 1) over a test set on the CPU: preprocess, C++ runner, postprocess.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$(dirname "${BASH_SOURCE[0]}")/infer.sh"

usage="bash scripts/run_infer_cpu.sh MINDIR_PATH DATASET_PATH [CATEGORY] [OPTIONS of postprocess.py]"
lite=$root/build/mindspore-lite-2.0.0/mindspore_lite # where install_runner_toolchain.sh puts it
[[ -z ${LITE_HOME:-} && -d $lite ]] && export LITE_HOME=$lite
infer_pipeline CPU "$usage" "$@"

#!/usr/bin/env bash
# An exported model on the CPU: a MindIR (--mindir_version 1) over a test set (preprocess, C++ runner, postprocess), or a
# MindIR or ONNX file over plain pictures.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$(dirname "${BASH_SOURCE[0]}")/infer.sh"

usage="bash scripts/run_infer_cpu.sh MINDIR_PATH DATASET_PATH [CATEGORY] [OPTIONS of the runner or postprocess.py]"
lite=$root/build/mindspore-lite-2.0.0/mindspore_lite # where install_runner_toolchain.sh puts it
if [[ ${1:-} == *.onnx ]]; then
    unset LITE_HOME MINDSPORE_HOME
    export ONNXRUNTIME_HOME=${ONNXRUNTIME_HOME:-$root/build/onnxruntime}
elif [[ -z ${LITE_HOME:-} && -d $lite ]]; then
    export LITE_HOME=$lite
fi
usage+=", or ... run_infer_cpu.sh MODEL --pictures PATH [--output_dir DIR] [OPTIONS of the runner]"
infer_pipeline CPU "$usage" "$@"

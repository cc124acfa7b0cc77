#!/usr/bin/env bash
# Train one category on several GPU devices: in the background with a log, or with -f in the foreground.
#
# What follows -- goes to msrun. On several machines, run this on each with the same WORKER_NUM (of all together) and
#   -- --local_worker_num N --master_addr FIRST_MACHINE --master_port 8118 --node_rank 0 (then 1, ...)
# and with --ckpt_dir on a disk that all of them see.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage="bash scripts/run_distribute_train_gpu.sh [-f] DATASET_PATH PRE_CKPT_PATH CATEGORY WORKER_NUM"
usage+=" [OPTIONS of train.py] [-- OPTIONS of msrun: on several machines --local_worker_num N --master_addr FIRST_MACHINE"
usage+=" --master_port 8118 --node_rank 0 (then 1, ...), and a --ckpt_dir that all of them see]"
distributed_run GPU "$usage" "$@"

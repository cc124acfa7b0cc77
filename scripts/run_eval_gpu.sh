#!/usr/bin/env bash
# Evaluate a checkpoint on GPU: in the background with a log, or with -f in the foreground.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

one_device_run GPU eval.py "$@"

#!/usr/bin/env bash
# Train one category on several CPU processes: in the background with a log, or with -f in the foreground.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

distributed_run CPU "$@"

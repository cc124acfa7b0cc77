#!/usr/bin/env bash
# Train and evaluate all categories on the devices that the machine has: in the background with a log, or with -f in the
# foreground.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

all_categories_run "" "$@"

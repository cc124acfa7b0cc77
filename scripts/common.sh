# shellcheck shell=bash
# What the scripts share; to be sourced. Shell settings are the sourcing script's.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# die TEXT: one error line, exit status 2.
die() {
    printf 'error: %s\n' "$*" >&2
    exit 2
}

# find_python: the interpreter to use: $PYTHON, an active environment's, the project's .venv, else python3.
find_python() {
    if [[ -n ${PYTHON:-} ]]; then
        printf '%s\n' "$PYTHON"
    elif [[ -n ${VIRTUAL_ENV:-} ]]; then
        printf '%s\n' "$VIRTUAL_ENV/bin/python"
    elif [[ -x $root/.venv/bin/python ]]; then
        printf '%s\n' "$root/.venv/bin/python"
    else
        printf 'python3\n'
    fi
}

venv_has_pip() {
    "$root/.venv/bin/python" -m pip --version &>/dev/null
}

# make_venv REQUIREMENTS...: the project's .venv with these files installed (nothing is done twice).
make_venv() {
    local base=${PYTHON:-python3} stamp=$root/.venv/installed arguments=() file
    "$base" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' ||
        die "$base is not Python 3.10 to 3.12, which MindSpore needs; set PYTHON to one that is"
    for file in "$@"; do arguments+=(-r "$root/$file"); done
    if [[ ! -e $root/.venv ]] && { ! "$base" -m venv "$root/.venv" &>/dev/null || ! venv_has_pip; }; then
        rm -rf "$root/.venv" # half made
        die "$base -m venv cannot make .venv; install its venv module (Debian, Ubuntu: apt-get install python3-venv)"
    fi
    venv_has_pip || die "$root/.venv has no working pip; remove that folder and run this again"
    if [[ $(cat "$stamp" 2>/dev/null) != "$(cd "$root" && cat "$@" requirements.txt | cksum)" ]]; then
        echo "installing into .venv ..."
        "$root/.venv/bin/python" -m pip install --quiet --disable-pip-version-check "${arguments[@]}"
        (cd "$root" && cat "$@" requirements.txt | cksum) >"$stamp"
    fi
}

# works LOG: whether the program has said something there other than an error, and MindSpore's own warnings.
works() {
    ! grep -qE '^(error: |Traceback )' "$1" && grep -qvE '^\[(INFO|WARNING|ERROR|CRITICAL)\] ' "$1"
}

# launch NAME PROGRAM ARGUMENTS...: run a program of the project's root. With FOREGROUND=1 it runs here, and its
# status is ours. Otherwise it goes on in the background with a log that ends in its exit status. It is watched until
# it has been at work for two seconds, or has said nothing for 15 (MindSpore alone takes some to import); one that ends
# in that time is reported with its log and status.
launch() {
    local name=${1//\//_} program=$2 python pid status=0 tick at_work=0
    local log=$PWD/logs/$name.log
    shift 2
    python=$(find_python)
    if [[ ${FOREGROUND:-0} == 1 ]]; then
        "$python" "$root/$program" "$@"
        return
    fi
    mkdir -p "$PWD/logs"
    # shellcheck disable=SC2016 # the inner shell expands it
    nohup bash -c '"$@"; status=$?; echo "exit status $status"; exit "$status"' "$program" \
        "$python" -u "$root/$program" "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    for ((tick = 0; tick < 75 && at_work < 10; tick++)); do
        sleep 0.2
        if ! kill -0 "$pid" 2>/dev/null; then
            wait "$pid" || status=$?
            cat "$log"
            return "$status"
        fi
        if works "$log"; then at_work=$((at_work + 1)); fi
    done
    echo "$name: started, process $pid; follow it with: tail -f '$log'"
}

# read_flag USAGE ARGUMENT: sets FOREGROUND to 1 for -f, else 0; for -h prints the usage and ends.
read_flag() {
    FOREGROUND=0
    case $2 in
        -f | --foreground) FOREGROUND=1 ;;
        -h | --help)
            echo "usage: $1"
            exit 0
            ;;
    esac
}

# one_device_run DEVICE PROGRAM USAGE ARGUMENTS...: what the run_standalone_train_* and run_eval_* scripts do.
# ARGUMENTS: [-f|--foreground] DATASET_PATH CHECKPOINT CATEGORY [DEVICE_ID] [more options of the program]
one_device_run() {
    local device=$1 program=$2 usage=$3 option=--ckpt_path device_id=0
    shift 3
    [[ $program == train.py ]] && option=--pre_ckpt_path
    read_flag "$usage" "${1:-}"
    shift "$FOREGROUND"
    [[ $# -ge 3 ]] || die "three arguments are needed: $usage"
    local dataset=$1 checkpoint=$2 category=$3
    shift 3
    if [[ ${1:-} =~ ^[0-9]+$ ]]; then
        device_id=$1
        shift
    fi
    launch "${program%.py}_$category" "$program" --dataset_path "$dataset" "$option" "$checkpoint" \
        --category "$category" --device_target "$device" --device_id "$device_id" "$@"
}

# distributed_run DEVICE USAGE ARGUMENTS...: what the run_distribute_train_* scripts do.
# ARGUMENTS: [-f|--foreground] DATASET_PATH PRE_CKPT_PATH CATEGORY WORKER_NUM [options of train.py] [-- options of msrun]
distributed_run() {
    local device=$1 usage=$2 options=()
    shift 2
    read_flag "$usage" "${1:-}"
    shift "$FOREGROUND"
    [[ $# -ge 4 ]] || die "four arguments are needed: $usage"
    local dataset=$1 checkpoint=$2 category=$3 workers=$4
    [[ $workers =~ ^[1-9][0-9]*$ ]] || die "$workers is not a number of processes: $usage"
    shift 4
    while [[ $# -gt 0 && $1 != -- ]]; do
        options+=("$1")
        shift
    done
    [[ $# -eq 0 ]] || shift
    launch "train_distributed_$category" scripts/train_distributed.py --worker_num "$workers" "$@" -- \
        --dataset_path "$dataset" --pre_ckpt_path "$checkpoint" --category "$category" --device_target "$device" \
        ${options[@]+"${options[@]}"}
}

# all_categories_run DEVICE USAGE ARGUMENTS...: what the run_all_mvtec_* scripts do.
# ARGUMENTS: [-f|--foreground] DATASET_PATH PRE_CKPT_PATH [DEVICE_ID ...] [more options of run_all.py]
all_categories_run() {
    local device=$1 usage=$2 devices=
    shift 2
    read_flag "$usage" "${1:-}"
    shift "$FOREGROUND"
    [[ $# -ge 2 ]] || die "two arguments are needed: $usage"
    local dataset=$1 checkpoint=$2
    shift 2
    while [[ ${1:-} =~ ^[0-9]+$ ]]; do
        devices+=${devices:+,}$1
        shift
    done
    launch run_all scripts/run_all.py --dataset_path "$dataset" --pre_ckpt_path "$checkpoint" \
        --device_target "$device" --device_ids "${devices:-0}" "$@"
}

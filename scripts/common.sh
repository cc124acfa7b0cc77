# shellcheck shell=bash
# What the scripts share. A script sources this file after it has made its own shell settings.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Started in scripts/ itself, as the README of 2022 says, a script works in the project's folder: what it writes is then where
# the next command looks for it. Arguments that are paths from scripts/ stay that: those that begin with ./ or ../, and those
# that are there.
if [[ $PWD -ef $root/scripts ]]; then
    for argument in "$@"; do
        shift
        path=${argument#--*=}
        if [[ $path =~ ^\.\.?(/|$) || ($path != [/-]* && ($path == */* || -f $path) && -e $path) ]]; then
            argument=${argument%"$path"}$PWD/$path
        fi
        set -- "$@" "$argument"
    done
    unset argument path
    cd "$root" || exit
fi

# die TEXT: end with exit status 2 and the line "error: TEXT". The text says what is wrong, where, and what to do, with
# commas between the three.
die() {
    printf 'error: %s\n' "$*" >&2
    exit 2
}

# find_python [MODULE]: print the interpreter to use. It is the first of $PYTHON, the active environment's, the
# project's .venv's, and python3; with MODULE given, the first of them that has this module.
find_python() {
    local module=${1:-} candidates=() candidate
    [[ -z ${PYTHON:-} ]] || candidates+=("$PYTHON")
    [[ -z ${VIRTUAL_ENV:-} ]] || candidates+=("$VIRTUAL_ENV/bin/python")
    [[ ! -x $root/.venv/bin/python ]] || candidates+=("$root/.venv/bin/python")
    candidates+=(python3)
    for candidate in "${candidates[@]}"; do
        if [[ -z $module ]] || "$candidate" -m "$module" --version &>/dev/null; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    die "Python with $module, not found, install python3-$module or set PYTHON to a Python that has it"
}

# apt_install COMMAND:PACKAGE...: install the packages whose commands, or files given by their paths, are missing.
apt_install() {
    local missing=() as_root=() pair
    for pair in "$@"; do
        [[ -e ${pair%%:*} ]] || command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
    done
    [[ ${#missing[@]} -gt 0 ]] || return 0
    command -v apt-get >/dev/null || die "packages ${missing[*]}, missing and there is no apt-get, install them by hand"
    if [[ $(id -u) -ne 0 ]]; then
        command -v sudo >/dev/null ||
            die "packages ${missing[*]}, missing and this is neither root nor has sudo, let an administrator install them"
        as_root=(sudo)
    fi
    "${as_root[@]}" apt-get update || die "apt-get update, failed, check the network and the apt sources"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" ||
        die "packages ${missing[*]}, apt-get could not install them, see its message above"
}

# make_work_folder PARENT PREFIX: make a folder PARENT/PREFIX.PROCESS.XXXXXX for this script, and remove those that scripts
# have left that were killed. Sets the variable `work`, and removes the folder at this script's end.
make_work_folder() {
    local left process
    for left in "$1/$2".*.??????; do
        process=${left#"$1/$2".}
        process=${process%.*}
        if [[ -d $left && ! -L $left && -O $left && $process =~ ^[0-9]+$ ]] && ! kill -0 "$process" 2>/dev/null; then
            rm -rf "$left"
        fi
    done
    work=$(mktemp -d "$1/$2.$$.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

venv_has_pip() {
    "$root/.venv/bin/python" -m pip --version &>/dev/null
}

# make_venv REQUIREMENTS...: make the project's .venv and install what these files list, unless that is done already.
make_venv() {
    local base=${PYTHON:-python3} stamp=$root/.venv/installed arguments=() file
    "$base" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' ||
        die "Python $base, not 3.10 to 3.12 as MindSpore needs, set PYTHON to one that is"
    for file in "$@"; do arguments+=(-r "$root/$file"); done
    if [[ ! -e $root/.venv ]] && { ! "$base" -m venv "$root/.venv" &>/dev/null || ! venv_has_pip; }; then
        rm -rf "$root/.venv" # it is half made
        die "Python $base, has no working venv module, install it (Debian, Ubuntu: apt-get install python3-venv)"
    fi
    venv_has_pip || die "folder $root/.venv, has no working pip, remove it and run this again"
    if [[ $(cat "$stamp" 2>/dev/null) != "$(cd "$root" && cat "$@" requirements*.txt | cksum)" ]]; then
        echo "installing into .venv ..."
        "$root/.venv/bin/python" -m pip install --quiet --disable-pip-version-check "${arguments[@]}"
        (cd "$root" && cat "$@" requirements*.txt | cksum) >"$stamp"
    fi
}

# is_at_work LOG: whether the program has written something there that is neither an error nor one of MindSpore's own
# messages.
is_at_work() {
    ! grep -qE '^(error: |Traceback )' "$1" && grep -qvE '^\[(INFO|WARNING|ERROR|CRITICAL)\] ' "$1"
}

# launch NAME PROGRAM ARGUMENTS...: run a program of the project. With FOREGROUND=1 it runs in the foreground, and its
# exit status is returned. Otherwise it runs in the background, with a log that ends in its exit status. It is watched
# until it has been at work for 2 seconds, or for 15 seconds in all, since importing MindSpore alone takes some. If it
# ends in that time, its log is shown and its exit status returned.
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
    # shellcheck disable=SC2016 # these variables are the inner shell's
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
        if is_at_work "$log"; then at_work=$((at_work + 1)); fi
    done
    echo "$name: started, process $pid; follow it with: tail -f '$log'"
}

# read_flag USAGE ARGUMENT: set FOREGROUND to 1 for -f and to 0 otherwise; for -h print the usage and end.
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

# The functions below do the work of the run_* scripts. Each takes the script's own arguments after the device (and the
# program), and says in `usage` what they are.

# one_device_run DEVICE PROGRAM ARGUMENTS...: for run_standalone_train_* and run_eval_*.
one_device_run() {
    local device=$1 program=$2 option=ckpt_path device_id=0 usage
    shift 2
    [[ $program != train.py ]] || option=pre_ckpt_path
    usage="bash scripts/${0##*/} [-f] DATASET_PATH ${option^^} CATEGORY [DEVICE_ID] [OPTIONS of $program]"
    read_flag "$usage" "${1:-}"
    shift "$FOREGROUND"
    [[ $# -ge 3 ]] || die "arguments, three are needed, usage: $usage"
    local dataset=$1 checkpoint=$2 category=$3
    shift 3
    if [[ ${1:-} =~ ^[0-9]+$ ]]; then
        device_id=$1
        shift
    fi
    launch "${program%.py}_$category" "$program" --dataset_path "$dataset" "--$option" "$checkpoint" \
        --category "$category" --device_target "$device" --device_id "$device_id" "$@"
}

# distributed_run DEVICE ARGUMENTS...: for run_distribute_train_*. To train on several machines, the script is run on
# each of them with the same WORKER_NUM (the processes of all machines together) and the options of msrun that the usage
# names, with a --node_rank of its own.
distributed_run() {
    local device=$1 options=() usage
    shift
    usage="bash scripts/${0##*/} [-f] DATASET_PATH PRE_CKPT_PATH CATEGORY WORKER_NUM"
    usage+=" [OPTIONS of train.py] [-- OPTIONS of msrun: on several machines --local_worker_num N --master_addr FIRST_MACHINE"
    usage+=" --master_port 8118 --node_rank 0 (then 1, ...), and a --ckpt_dir that all of them see]"
    read_flag "$usage" "${1:-}"
    shift "$FOREGROUND"
    [[ $# -ge 4 ]] || die "arguments, four are needed, usage: $usage"
    local dataset=$1 checkpoint=$2 category=$3 workers=$4
    [[ $workers =~ ^[1-9][0-9]*$ ]] || die "WORKER_NUM $workers, not a number of processes, usage: $usage"
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

# all_categories_run DEVICE ARGUMENTS...: for run_all_mvtec.sh, whose DEVICE is empty (what the machine has), and run_all_mvtec_*.
all_categories_run() {
    local device=$1 parallel="[DEVICE_ID ...]" devices="" usage
    shift
    [[ -n $device ]] || parallel="[DEVICE_ID ...] [--jobs N]"
    [[ $device != CPU ]] || parallel="[--jobs N]"
    usage="bash scripts/${0##*/} [-f] DATASET_PATH PRE_CKPT_PATH $parallel [OPTIONS of run_all.py]"
    read_flag "$usage" "${1:-}"
    shift "$FOREGROUND"
    [[ $# -ge 2 ]] || die "arguments, two are needed, usage: $usage"
    local dataset=$1 checkpoint=$2
    shift 2
    while [[ ${1:-} =~ ^[0-9]+$ ]]; do
        devices+=${devices:+,}$1
        shift
    done
    launch run_all scripts/run_all.py --dataset_path "$dataset" --pre_ckpt_path "$checkpoint" \
        ${device:+--device_target "$device"} --device_ids "${devices:-0}" "$@"
}

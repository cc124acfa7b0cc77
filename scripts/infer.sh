# shellcheck shell=bash
# The deployment pipeline of run_infer_310.sh and run_infer_cpu.sh. They source this file after common.sh, which sets:
: "${root:?}"

# runner_program: print the path of the C++ runner, which is $FASTFLOW_INFER, or is built where that is not set.
runner_program() {
    if [[ -n ${FASTFLOW_INFER:-} ]]; then
        [[ -x $FASTFLOW_INFER ]] || die "FASTFLOW_INFER=$FASTFLOW_INFER, not a program, build it with ascend310_infer/build.sh"
        printf '%s\n' "$FASTFLOW_INFER"
        return
    fi
    local log
    log=$(bash "$root/ascend310_infer/build.sh") || return
    printf '%s\n' "$log" | tail -n 1
}

# refuse_foreign_files FOLDER: end where a part of an earlier run's folder, which is to be replaced, holds a file that no
# run has written.
refuse_foreign_files() {
    local part foreign=""
    for part in input output panels; do
        [[ ! -L $1/$part ]] || die "$1/$part, is a link, remove it or work in another folder"
        [[ ! -d $1/$part ]] || foreign+=$(find "$1/$part" ! -type d ! -name '*.bin' ! -name '*.png' ! -name manifest.json \
            ! -name timing.json ! -name scores.csv ! -name '*.npy' ! -name '*.tiff' -print -quit)
        [[ -z $foreign ]] || die "$foreign, is not of an earlier run and would be removed, move it elsewhere"
    done
}

# replace_results WORK FOLDER NAME: put the new results in the place of the earlier ones; other files in the folder stay.
replace_results() {
    local part
    mkdir -p "$2"
    refuse_foreign_files "$2"
    for part in input output panels "acc_$3.json" "acc_$3.log"; do
        [[ ! -e $2/$part ]] || mv "$2/$part" "$1/earlier $part"
        [[ ! -e $1/$part ]] || mv "$1/$part" "$2/$part"
    done
}

# infer_pipeline DEVICE USAGE MINDIR_PATH DATASET_PATH [CATEGORY] [DEVICE_ID] [OPTIONS of postprocess.py]: preprocess,
# run and postprocess in a new folder, whose files replace the earlier ones of infer/<category> when all went well.
infer_pipeline() {
    local device=$1 usage=$2 mindir dataset category="" device_id=0
    shift 2
    case ${1:-} in -h | --help)
        echo "usage: $usage"
        return 0
        ;;
    esac
    [[ $# -ge 2 ]] || die "arguments, two are needed, usage: $usage"
    mindir=$1 dataset=$2
    shift 2
    if [[ $# -gt 0 && $1 != -* ]]; then
        category=$1
        shift
    fi
    if [[ ${1:-} =~ ^[0-9]+$ ]]; then
        device_id=$1
        shift
    fi
    local python program name target emulator=()
    python=$(find_python)
    program=$(runner_program) || return
    if [[ $(od -An -tx1 -j18 -N1 "$program" | tr -d ' ') == b7 && $(uname -m) != aarch64 ]]; then
        emulator=(qemu-aarch64 -L /usr/aarch64-linux-gnu) # the program is for aarch64, as the runtime on PyPI is
    fi
    mkdir -p "$PWD/infer"
    make_work_folder "$PWD/infer" .run
    : "${work:?}"

    "$python" "$root/preprocess.py" --mindir_path "$mindir" --dataset_path "$dataset" --img_dir "$work/input" \
        ${category:+--category "$category"}
    name=$("$python" -c 'import json, sys; print(json.load(open(sys.argv[1]))["category"])' "$work/input/manifest.json")
    target=$PWD/infer/$name
    refuse_foreign_files "$target" # before the work that would be in vain after it
    GLOG_v=${GLOG_v:-4} "${emulator[@]}" "$program" --mindir_path "$mindir" --dataset_path "$work/input" \
        --output_path "$work/output" --device "$device" --device_id "$device_id"
    "$python" "$root/postprocess.py" --label_dir "$work/input" --result_dir "$work/output" \
        --output_dir "$work/panels" --result_path "$work/acc_$name.json" "$@" | tee "$work/acc_$name.log"

    replace_results "$work" "$target" "$name"
    echo "figures: $target/acc_$name.log, times: $target/output/timing.json"
}

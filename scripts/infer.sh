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

# files_in FOLDER PART...: the files of these parts of a folder, sorted, each with a zero byte behind it.
files_in() {
    local folder=$1 part
    shift
    (cd "$folder" && for part in "$@"; do [[ ! -e $part ]] || find "$part" ! -type d -print0; done) | LC_ALL=C sort -z
}

# refuse_foreign_files FOLDER PART...: end where a part of an earlier run's folder, which is to be replaced, holds a file
# that no run has written: one that is not in the list that `replace_results` wrote, or, in a folder of a version without
# the list, one of another ending than such files have.
refuse_foreign_files() {
    local folder=$1 part foreign=""
    shift
    for part in "$@"; do
        [[ ! -L $folder/$part ]] || die "$folder/$part, is a link, remove it or work in another folder"
    done
    [[ -d $folder ]] || return 0
    if [[ -f $folder/$own_files ]]; then
        foreign=$(files_in "$folder" "$@" | LC_ALL=C comm -z -23 - "$folder/$own_files" | tr '\0' '\n')
    else
        foreign=$(files_in "$folder" "$@" | { grep -zvE "$ours" || true; } | tr '\0' '\n')
    fi
    foreign=${foreign%%$'\n'*}
    [[ -z $foreign ]] || die "$folder/$foreign, is not of an earlier run and would be removed, move it elsewhere"
}
ours='\.(bin|png|npy|tiff)$|^(input/manifest|output/timing)\.json$|^panels/scores\.(csv|json)$|^acc_[^/]*\.(json|log)$'
own_files=.fastflow_files # in a folder of results: the names of the files that the runs wrote

# replace_results WORK FOLDER PART...: put the new results in the place of the earlier ones; other files in the folder stay.
replace_results() {
    local work=$1 folder=$2 part
    shift 2
    mkdir -p "$folder"
    refuse_foreign_files "$folder" "$@"
    for part in "$@"; do
        [[ ! -e $folder/$part ]] || mv "$folder/$part" "$work/earlier ${part//\//_}"
        [[ ! -e $work/$part ]] || mv "$work/$part" "$folder/$part"
    done
    files_in "$folder" "$@" >"$work/$own_files"
    mv "$work/$own_files" "$folder/$own_files"
}

# The runner's options that say how it computes; those that say what are the pipeline's.
runner_options="--precision --op_select_implmode --buffer_optimize --aipp_config --config_file --threads --warmup --batch_size"

preprocess_options="--description --roi"

# split_options ARGUMENTS...: the options of the runner and of preprocess.py into the arrays `for_runner` and
# `for_preprocess`, all others into `for_postprocess`.
split_options() {
    for_runner=() for_preprocess=() for_postprocess=()
    local words
    while [[ $# -gt 0 ]]; do
        local -n list=for_postprocess
        words=("$1")
        [[ " $runner_options " != *" ${1%%=*} "* ]] || local -n list=for_runner
        [[ " $preprocess_options " != *" ${1%%=*} "* ]] || local -n list=for_preprocess
        if [[ " $runner_options $preprocess_options " == *" $1 "* ]]; then
            [[ $# -gt 1 ]] || die "option $1, has no value, give one"
            words+=("$2")
            shift
        fi
        list+=("${words[@]}")
        shift
    done
}

# load_cann: load the environment of CANN, by which MindSpore finds the device's libraries, unless it is loaded.
load_cann() {
    local base folder
    [[ -z ${ASCEND_OPP_PATH:-} ]] || return 0
    for base in /usr/local/Ascend "${HOME:-/root}/Ascend"; do
        for folder in "$base"/{cann,ascend-toolkit,nnrt,nnae}; do
            if [[ -f $folder/set_env.sh ]]; then
                set +eu # it is not ours
                # shellcheck disable=SC1091 # of the machine
                source "$folder/set_env.sh"
                set -eu
                return
            fi
        done
    done
}

# run_runner PROGRAM...: run the runner. Of what MindSpore itself says, errors are shown, and only when it fails; with
# GLOG_v set, everything at once.
run_runner() {
    local status=0
    : "${work:?}"
    if [[ -n ${GLOG_v:-} ]]; then
        "$@"
        return
    fi
    GLOG_v=3 "$@" 2>"$work/runner.log" || status=$?
    [[ $status -eq 0 ]] || cat "$work/runner.log" >&2
    return "$status"
}

# find_emulator PROGRAM: the words that make a program run on this machine, into the array `emulator`.
find_emulator() {
    emulator=()
    if [[ $(od -An -tx1 -j18 -N1 "$1" | tr -d ' ') == b7 && $(uname -m) != aarch64 ]]; then
        emulator=(qemu-aarch64 -L /usr/aarch64-linux-gnu) # the program is for aarch64, as the runtime on PyPI is
    fi
}

# in_place_of OLD NEW: pass lines on, in which each OLD becomes NEW.
in_place_of() {
    local line
    while IFS= read -r line; do printf '%s\n' "${line//"$1"/"$2"}"; done
}

# pictures_pipeline DEVICE MODEL ARGUMENTS...: judge plain pictures. The results replace the earlier ones of
# infer/<model>, or of --output_dir, when all went well. Returns the runner's status, 3 where pictures have no score.
pictures_pipeline() {
    local device=$1 model=$2 name target program status=0 emulator arguments=() parts=(scores.json scores.csv timing.json heat_maps)
    shift 2
    name=${model##*/}
    target=$PWD/infer/${name%.*}
    while [[ $# -gt 0 ]]; do
        case $1 in
            --output_dir)
                [[ $# -gt 1 ]] || die "option --output_dir, has no value, give one"
                target=$2
                shift
                ;;
            --output_dir=*) target=${1#*=} ;;
            *) arguments+=("$1") ;;
        esac
        shift
    done
    [[ $device != Ascend ]] || load_cann
    program=$(runner_program) || return
    find_emulator "$program"
    refuse_foreign_files "$target" "${parts[@]}"
    mkdir -p "$(dirname "$target")"
    make_work_folder "$(dirname "$target")" .run
    : "${work:?}"
    run_runner "${emulator[@]}" "$program" --model "$model" --device "$device" --output_path "$work/results" \
        "${arguments[@]}" || status=$?
    [[ -e $work/results/scores.json ]] || return "$status" # a status of 3 is also that of a model's file
    replace_results "$work/results" "$target" "${parts[@]}"
    echo "verdicts: $target/scores.csv, times: $target/timing.json"
    return "$status"
}

# infer_pipeline DEVICE USAGE MINDIR_PATH DATASET_PATH [CATEGORY] [DEVICE_ID] [OPTIONS of the runner or postprocess.py]:
# preprocess, run and postprocess in a new folder, whose files replace the earlier ones of infer/<category> when all went
# well.
infer_pipeline() {
    local device=$1 usage=$2 mindir dataset category="" device_id=0
    shift 2
    case ${1:-} in -h | --help)
        echo "usage: $usage"
        return 0
        ;;
    esac
    [[ $# -ge 2 ]] || die "arguments, two are needed, usage: $usage"
    if [[ $2 == --pictures || $2 == --pictures=* ]]; then
        pictures_pipeline "$device" "$@"
        return
    fi
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
    local python program name target parts emulator=() for_runner for_preprocess for_postprocess
    split_options "$@"
    [[ $device != Ascend ]] || load_cann
    python=$(find_python)
    program=$(runner_program) || return
    find_emulator "$program"
    mkdir -p "$PWD/infer"
    make_work_folder "$PWD/infer" .run
    : "${work:?}"

    "$python" "$root/preprocess.py" --mindir_path "$mindir" --dataset_path "$dataset" --img_dir "$work/input" \
        ${category:+--category "$category"} "${for_preprocess[@]}"
    name=$("$python" -c 'import json, sys; print(json.load(open(sys.argv[1]))["category"])' "$work/input/manifest.json")
    target=$PWD/infer/$name
    parts=(input output panels "acc_$name.json" "acc_$name.log")
    refuse_foreign_files "$target" "${parts[@]}" # before the work that would be in vain after it
    run_runner "${emulator[@]}" "$program" --mindir_path "$mindir" --dataset_path "$work/input" \
        --output_path "$work/output" --device "$device" --device_id "$device_id" "${for_runner[@]}"
    "$python" "$root/postprocess.py" --label_dir "$work/input" --result_dir "$work/output" \
        --output_dir "$work/panels" --result_path "$work/acc_$name.json" "${for_postprocess[@]}" | in_place_of "$work" "$target" |
        tee "$work/acc_$name.log"

    replace_results "$work" "$target" "${parts[@]}"
    echo "figures: $target/acc_$name.log, times: $target/output/timing.json"
}

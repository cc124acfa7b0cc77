"""The shell scripts with a recorder in the interpreter's place: what they pass on, what they say, what they leave."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time

import pytest

from tests.support.programs import ROOT, files, program

RECORDER = f"""#!{sys.executable} -S
import json, os, sys, time
if sys.argv[1] == "-c":  # not a program of the project
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
with open(os.environ["CALLS"], "a") as file:
    file.write(json.dumps([os.getpid(), os.getcwd(), *sys.argv[1:]]) + "\\n")
if sys.argv[1].endswith("preprocess.py"):
    folder = sys.argv[sys.argv.index("--img_dir") + 1]
    os.mkdir(folder)
    with open(folder + "/manifest.json", "w") as file:
        json.dump({{"category": "a nut"}}, file)
time.sleep(float(os.environ.get("BEFORE", 0)))
print(os.environ.get("SAYS", "pixel_auc: 1.00000"), flush=True)
time.sleep(float(os.environ.get("AFTER", 0)))
sys.exit(int(os.environ.get("STATUS", 0)))
"""
DEVICES = {"ascend": "Ascend", "gpu": "GPU", "cpu": "CPU"}
KINDS = {
    "run_standalone_train": "arguments, three are needed",
    "run_eval": "arguments, three are needed",
    "run_distribute_train": "arguments, four are needed",
    "run_all_mvtec": "arguments, two are needed",
}
SCRIPTS = {f"{kind}_{device}.sh": text for kind, text in KINDS.items() for device in DEVICES}
SCRIPTS |= dict.fromkeys(("run_all_mvtec.sh", "run_infer_310.sh", "run_infer_cpu.sh"), "arguments, two are needed")
GIVEN = ("/data of mine", "/weights of mine/a.ckpt", "a nut")


class Stage:
    """A current folder with a space, a recorder in the interpreter's place, and what it was called with."""

    def __init__(self, root):
        self.here = root / "current folder"
        self.home = root / "home"
        for folder in (self.here, self.home, self.home / "tmp"):
            folder.mkdir()
        self.recorder = root / "recording python"
        self.recorder.write_text(RECORDER)
        self.recorder.chmod(0o755)
        self.calls = root / "calls.json"

    def run(self, script, *given, **environment):
        """Run a script of the project from the current folder."""
        fixed = {"PYTHON": str(self.recorder), "CALLS": str(self.calls), "HOME": str(self.home)}
        fixed["TMPDIR"] = str(self.home / "tmp")
        return subprocess.run(
            ["bash", str(ROOT / "scripts" / script), *given],
            cwd=self.here,
            env=os.environ | fixed | environment,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def called(self):
        """The recorded calls: (process, current folder, program, its arguments)."""
        calls = [json.loads(line) for line in self.calls.read_text().splitlines()] if self.calls.exists() else []
        rows = [(pid, folder, [word for word in words if word != "-u"]) for pid, folder, *words in calls]
        return [(pid, folder, os.path.relpath(words[0], ROOT), words[1:]) for pid, folder, words in rows]

    def only_call(self):
        ((_, folder, name, words),) = self.called()
        assert folder == str(self.here)
        return name, words


@pytest.fixture
def stage(tmp_path):
    def listing():
        found = [path.name for folder in (ROOT, ROOT / "scripts") for path in folder.iterdir()]
        return sorted(name for name in found if not name.endswith("_cache"))  # of tools that run beside this test

    before = listing()
    made = Stage(tmp_path)
    yield made
    assert files(made.home) == []
    assert listing() == before


def wait_for(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("kind", "option"), [("standalone_train", "--pre_ckpt_path"), ("eval", "--ckpt_path")])
def test_one_device(stage, kind, option, device):
    done = stage.run(f"run_{kind}_{device}.sh", "-f", *GIVEN, "3", "--config", "a file.yaml", "--resume")
    assert (done.returncode, done.stdout, done.stderr) == (0, "pixel_auc: 1.00000\n", "")
    data, weights, category = GIVEN
    wanted = ["--dataset_path", data, option, weights, "--category", category]
    wanted += ["--device_target", DEVICES[device], "--device_id", "3", "--config", "a file.yaml", "--resume"]
    assert stage.only_call() == (f"{kind.removeprefix('standalone_')}.py", wanted)
    assert files(stage.here) == []


def test_the_first_device_where_none_is_given(stage):
    stage.run("run_eval_gpu.sh", "--foreground", *GIVEN, "--save_imgs")
    assert stage.only_call()[1][-3:] == ["--device_id", "0", "--save_imgs"]


@pytest.mark.parametrize("device", DEVICES)
def test_all_categories(stage, device):
    data, weights, _ = GIVEN
    done = stage.run(f"run_all_mvtec_{device}.sh", "-f", data, weights, "0", "2", "--categories", "a nut,b")
    assert done.returncode == 0
    wanted = ["--dataset_path", data, "--pre_ckpt_path", weights, "--device_target", DEVICES[device]]
    assert stage.only_call() == ("scripts/run_all.py", [*wanted, "--device_ids", "0,2", "--categories", "a nut,b"])


def test_all_categories_on_what_the_machine_has(stage):
    given = ("-f", *GIVEN[:2], "0", "1", "2", "--jobs", "2")
    assert stage.run("run_all_mvtec.sh", *given, STATUS="1").returncode == 1
    wanted = ["--dataset_path", GIVEN[0], "--pre_ckpt_path", GIVEN[1], "--device_ids", "0,1,2", "--jobs", "2"]
    assert stage.only_call() == ("scripts/run_all.py", wanted)


@pytest.mark.parametrize("device", DEVICES)
def test_several_devices(stage, device):
    more = ("--ckpt_dir", "out put", "--", "--log_dir", "some logs")
    assert stage.run(f"run_distribute_train_{device}.sh", "-f", *GIVEN, "4", *more).returncode == 0
    data, weights, category = GIVEN
    wanted = ["--worker_num", "4", "--log_dir", "some logs", "--", "--dataset_path", data, "--pre_ckpt_path", weights]
    wanted += ["--category", category, "--device_target", DEVICES[device], "--ckpt_dir", "out put"]
    assert stage.only_call() == ("scripts/train_distributed.py", wanted)


@pytest.mark.parametrize("status", [1, 2, 130])
def test_the_foreground_has_the_programs_status(stage, status):
    assert stage.run("run_eval_cpu.sh", "-f", *GIVEN, STATUS=str(status)).returncode == status


@pytest.mark.parametrize(("script", "text"), SCRIPTS.items())
def test_usage(stage, script, text):
    shown = stage.run(script, "--help")
    assert (shown.returncode, shown.stderr, shown.stdout.count("\n")) == (0, "", 1)
    assert shown.stdout.startswith("usage: ")
    assert f"bash scripts/{script} " in shown.stdout
    wrong = stage.run(script, "/data")
    assert (wrong.returncode, wrong.stdout, wrong.stderr.count("\n")) == (2, "", 1)
    assert wrong.stderr.startswith(f"error: {text}, usage: ")
    assert (stage.called(), files(stage.here)) == ([], [])


# Started in scripts/ itself


@pytest.fixture
def clone(tmp_path):
    """A project of its own: copies of the scripts, links to all else that is no result."""
    root = tmp_path / "a clone"
    (root / "scripts").mkdir(parents=True)
    for path in (ROOT / "scripts").iterdir():
        if path.is_file():
            shutil.copy(path, root / "scripts")
    for name in ("src", "train.py", "eval.py"):
        (root / name).symlink_to(ROOT / name)
    return root


def in_scripts(clone, script, *given, **environment):
    command = ["bash", script, *map(str, given)]
    variables = os.environ | environment
    return subprocess.run(
        command, cwd=clone / "scripts", env=variables, capture_output=True, text=True, timeout=600, check=False
    )


def test_in_scripts_a_script_works_in_the_projects_folder(stage, clone):
    (clone / "scripts/weights").mkdir()
    (clone / "scripts/weights/a.ckpt").write_text("")
    (clone / "scripts/b.ckpt").write_text("")
    (clone / "scripts/nut").mkdir()  # a category is no path
    recording = {"PYTHON": str(stage.recorder), "CALLS": str(stage.calls)}
    here = f"{clone}/scripts"
    for given, wanted in {
        ("../data", "weights/a.ckpt", "nut"): (f"{here}/../data", f"{here}/weights/a.ckpt", "nut"),
        ("data/of mine", "b.ckpt", "a/nut"): ("data/of mine", f"{here}/b.ckpt", "a/nut"),
        ("/data", "ckpt/c.ckpt", "nut", "3", "--config=../a b.yaml", "--ckpt_dir", "./new"): (
            *("/data", "ckpt/c.ckpt", "nut", "3"),
            *(f"--config={here}/../a b.yaml", "--ckpt_dir", f"{here}/./new"),
        ),
    }.items():
        done = in_scripts(clone, "run_standalone_train_cpu.sh", *given, **recording)
        assert done.returncode == 0, done.stderr
        data, weights, category, *more = wanted
        number = more.pop(0) if more else "0"
        words = ["--dataset_path", data, "--pre_ckpt_path", weights, "--category", category]
        words += ["--device_target", "CPU", "--device_id", number, *more]
        assert stage.called()[-1][1] == str(clone)
        assert stage.called()[-1][3] == words
    assert files(clone / "logs") == ["train_a_nut.log", "train_nut.log"]
    assert not (clone / "scripts/logs").exists()


def test_what_is_trained_in_scripts_is_found_by_the_next_command(clone, data, weights):
    """As the 2022 README has it: train and evaluate in scripts/, then eval.py in the project's folder."""
    (clone / "scripts/fabric").symlink_to(data / "fabric")
    small = ("--backbone", "efficientnet_lite0", "--im_resize", "32", "--flow_step", "1", "--num_epochs", "1")
    small += ("--train_batch_size", "4", "--eval_interval", "0")
    python = {"PYTHON": sys.executable}
    trained = in_scripts(clone, "run_standalone_train_cpu.sh", "-f", ".", weights, "fabric", *small, **python)
    assert trained.returncode == 0, trained.stdout + trained.stderr
    given = ("-f", ".", "ckpt/fastflow_fabric.ckpt", "fabric", "--save_imgs")
    evaluated = in_scripts(clone, "run_eval_cpu.sh", *given, **python)
    assert evaluated.returncode == 0, evaluated.stdout + evaluated.stderr
    again = program("eval.py", "--dataset_path", data, "--ckpt_path", "ckpt/fastflow_fabric.ckpt", cwd=clone)
    assert again.returncode == 0, again.stderr
    figures = [
        [line for line in text.splitlines() if line.startswith("pixel_auc: ")]
        for text in (evaluated.stdout, again.stdout)
    ]
    assert figures[0] == figures[1] != []
    assert (clone / "results/eval/fabric").is_dir()
    made = {"ckpt", "results", "src", "train.py", "eval.py", "scripts"}
    assert {path.name for path in clone.iterdir()} == made


# In the background


@pytest.mark.parametrize("says", ["error: no folder /data; check --dataset_path", "Traceback (most recent call last):"])
def test_a_mistake_after_a_slow_start_is_reported_with_its_status(stage, says):
    done = stage.run("run_standalone_train_cpu.sh", *GIVEN, BEFORE="4", SAYS=says, AFTER="3", STATUS="2")
    assert (done.returncode, done.stdout) == (2, f"{says}\nexit status 2\n")
    assert files(stage.here) == ["logs/train_a nut.log"]


def test_what_ends_well_at_once_is_reported_too(stage):
    done = stage.run("run_eval_cpu.sh", *GIVEN)
    assert (done.returncode, done.stdout) == (0, "pixel_auc: 1.00000\nexit status 0\n")


def test_what_goes_on_is_reported_as_started_and_its_log_ends_in_its_status(stage):
    started = time.monotonic()
    done = stage.run("run_all_mvtec_cpu.sh", *GIVEN[:2], AFTER="8", STATUS="1")
    assert time.monotonic() - started < 7
    log = stage.here / "logs/run_all.log"
    assert done.returncode == 0
    assert done.stdout.startswith("run_all: started, process ")
    assert done.stdout.endswith(f"tail -f '{log}'\n")
    assert log.read_text() == "pixel_auc: 1.00000\n"
    wait_for(lambda: log.read_text() == "pixel_auc: 1.00000\nexit status 1\n")


def test_what_is_silent_is_watched_longer(stage):
    started = time.monotonic()
    done = stage.run("run_eval_cpu.sh", "/data", "a.ckpt", "nuts/small", SAYS="[WARNING] ME(1)", AFTER="60")
    assert 13 < time.monotonic() - started < 40
    assert done.stdout.startswith("eval_nuts_small: started, process ")
    os.kill(stage.called()[0][0], signal.SIGTERM)
    log = stage.here / "logs/eval_nuts_small.log"
    wait_for(lambda: log.read_text().endswith("exit status 143\n"))


# Deployment


def deploy(stage, script, *given, **environment):
    """Run a deployment script with a recorder in the C++ runner's place too."""
    runner = stage.home.parent / "a runner"
    runner.write_text(
        f"""#!{sys.executable} -S
import os, sys
os.execv(os.environ["PYTHON"], ["python", {str(ROOT / "runner")!r}, *sys.argv[1:]])
"""
    )
    runner.chmod(0o755)
    return stage.run(script, *given, **{"FASTFLOW_INFER": str(runner)} | environment)


@pytest.mark.parametrize(("name", "device", "number"), [("310", "Ascend", "1"), ("cpu", "CPU", "0")])
def test_deployment(stage, name, device, number):
    folder = stage.here / "infer/a nut"
    for old in ("notes.txt", "input/old.bin", "output/old.bin"):
        (folder / old).parent.mkdir(parents=True, exist_ok=True)
        (folder / old).write_text("x")
    given = ("a model.mindir", "/data of mine", "a nut", *([number] if name == "310" else []), "--save_imgs")
    done = deploy(stage, f"run_infer_{name}.sh", *given)
    assert done.returncode == 0, done.stderr
    (_, first, *_), *_ = calls = stage.called()
    assert first == str(stage.here)
    assert [call[2] for call in calls] == ["preprocess.py", "runner", "postprocess.py"]
    before, middle, after = (call[3] for call in calls)
    work = before[before.index("--img_dir") + 1].removesuffix("/input")
    assert before[:4] == ["--mindir_path", "a model.mindir", "--dataset_path", "/data of mine"]
    assert before[-2:] == ["--category", "a nut"]
    assert middle[:4] == ["--mindir_path", "a model.mindir", "--dataset_path", f"{work}/input"]
    assert middle[4:] == ["--output_path", f"{work}/output", "--device", device, "--device_id", number]
    assert after[:4] == ["--label_dir", f"{work}/input", "--result_dir", f"{work}/output"]
    assert after[-3:] == ["--result_path", f"{work}/acc_a nut.json", "--save_imgs"]
    new = [".fastflow_files", "acc_a nut.log", "input/manifest.json"]
    assert files(stage.here / "infer") == [f"a nut/{file}" for file in (*new, "notes.txt")]  # which is the user's
    assert (folder / ".fastflow_files").read_bytes() == b"acc_a nut.log\0input/manifest.json\0"
    fresh = stage.here / "fresh"
    fresh.mkdir()
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(fresh.stat().st_mode)
    assert (folder / "acc_a nut.log").read_text() == "pixel_auc: 1.00000\n"


def test_a_deployment_passes_the_runners_options_on(stage):
    given = (
        "a.mindir",
        "/data",
        "--precision",
        "enforce_fp16",
        "--save_imgs",
        "--config_file=a b.ini",
        "--warmup",
        "0",
    )
    assert deploy(stage, "run_infer_310.sh", *given, "--description", "b c.json", "--roi=m d").returncode == 0
    before, runner, after = (call[3] for call in stage.called())
    assert before[-3:] == ["--description", "b c.json", "--roi=m d"]
    assert runner[-5:] == ["--precision", "enforce_fp16", "--config_file=a b.ini", "--warmup", "0"]
    assert after[-1] == "--save_imgs"
    assert "--precision" not in after
    done = deploy(stage, "run_infer_310.sh", "a.mindir", "/data", "--precision")
    assert (done.returncode, done.stderr) == (2, "error: option --precision, has no value, give one\n")


TALKING = """#!/bin/sh
echo "the runtime's own words at level $GLOG_v, from $ASCEND_OPP_PATH" >&2
exit $1
"""


@pytest.fixture
def talking(stage):
    """A runner that fails, or not, with words of the runtime, and CANN in the user's own folder."""
    runner = stage.home.parent / "talking"
    runner.write_text(TALKING.replace("$1", "${STATUS:-0}"))
    runner.chmod(0o755)
    cann = stage.home / "Ascend/ascend-toolkit"
    cann.mkdir(parents=True)
    (cann / "set_env.sh").write_text(
        "export ASCEND_OPP_PATH=/cann/opp LD_LIBRARY_PATH=/cann/lib:$UNSET_BY_CANN\nfalse\n"
    )
    yield runner
    shutil.rmtree(stage.home / "Ascend")


def test_what_the_runtime_says_is_shown_where_the_runner_fails(stage, talking):
    given = {"FASTFLOW_INFER": str(talking), "ASCEND_OPP_PATH": "/opp", "GLOG_v": ""}
    quiet = deploy(stage, "run_infer_cpu.sh", "a.mindir", "/data", **given)
    assert (quiet.returncode, quiet.stderr) == (0, "")
    talking.write_text(TALKING.replace("$1", "6"))
    failed = deploy(stage, "run_infer_cpu.sh", "a.mindir", "/data", **given)
    assert (failed.returncode, failed.stderr) == (6, "the runtime's own words at level 3, from /opp\n")
    asked = deploy(stage, "run_infer_cpu.sh", "a.mindir", "/data", **given | {"GLOG_v": "1"})
    assert (asked.returncode, asked.stderr) == (6, "the runtime's own words at level 1, from /opp\n")


@pytest.mark.skipif(os.path.exists("/usr/local/Ascend"), reason="this machine has CANN")
def test_canns_environment_is_loaded_for_a_device(stage, talking):
    talking.write_text(TALKING.replace("$1", "6"))
    given = {"FASTFLOW_INFER": str(talking), "ASCEND_OPP_PATH": "", "GLOG_v": ""}
    done = deploy(stage, "run_infer_310.sh", "a.mindir", "/data", **given)
    assert (done.returncode, done.stderr) == (6, "the runtime's own words at level 3, from /cann/opp\n")
    done = deploy(stage, "run_infer_310.sh", "a.mindir", "/data", **given | {"ASCEND_OPP_PATH": "/mine"})
    assert done.stderr == "the runtime's own words at level 3, from /mine\n"
    done = deploy(stage, "run_infer_cpu.sh", "a.mindir", "/data", **given)
    assert done.stderr == "the runtime's own words at level 3, from \n"


def test_a_deployment_takes_no_file_of_the_user(stage):
    folder = stage.here / "infer/a nut/panels"
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("x")
    done = deploy(stage, "run_infer_cpu.sh", "a.mindir", "/data")
    assert (done.returncode, done.stderr) == (
        2,
        f"error: {folder}/notes.txt, is not of an earlier run and would be removed, move it elsewhere\n",
    )
    assert files(stage.here) == ["infer/a nut/panels/notes.txt"]


def test_a_deployment_knows_its_own_files(stage):
    """What looks like ours is not ours unless a run wrote it, whatever its name."""
    assert deploy(stage, "run_infer_cpu.sh", "a.mindir", "/data").returncode == 0
    photo = stage.here / "infer/a nut/input/my photo\n.png"
    photo.write_text("x")
    done = deploy(stage, "run_infer_cpu.sh", "a.mindir", "/data")
    assert done.returncode == 2
    assert "/input/my photo" in done.stderr
    photo.unlink()
    assert deploy(stage, "run_infer_cpu.sh", "a.mindir", "/data").returncode == 0


def test_a_deployments_log_names_the_final_place_of_panels(stage):
    python = stage.home.parent / "telling python"
    tells = """while [[ $1 != --output_dir ]]; do shift || exit 0; done; echo "pictures with heat maps: $2" """
    python.write_text(
        f"#!/bin/bash\n'{stage.recorder}' \"$@\" || exit; [[ $* != *postprocess.py* ]] || {{ {tells}; }}\n"
    )
    python.chmod(0o755)
    done = deploy(stage, "run_infer_cpu.sh", "a.mindir", "/data", PYTHON=str(python))
    assert done.returncode == 0, done.stderr
    log = (stage.here / "infer/a nut/acc_a nut.log").read_text()
    assert f"pictures with heat maps: {stage.here}/infer/a nut/panels\n" in log
    assert ".run." not in log + done.stdout


JUDGING = """#!/bin/bash
printf '%s\\n' "$@" >arguments
while [[ $1 != --output_path ]]; do shift; done
mkdir -p "$2/heat_maps/a b"
for file in scores.json scores.csv timing.json "heat_maps/a b/c.png"; do echo new >"$2/$file"; done
exit "${STATUS:-0}"
"""


@pytest.mark.parametrize(("script", "device"), [("run_infer_310.sh", "Ascend"), ("run_infer_cpu.sh", "CPU")])
def test_plain_pictures(script, device, stage):
    judging = stage.home.parent / "judging"
    judging.write_text(JUDGING)
    judging.chmod(0o755)
    given = ("a model.mindir", "--pictures", "my pictures", "--device_ids", "0,1", "--heat_maps")
    done = deploy(stage, script, *given, FASTFLOW_INFER=str(judging))
    assert done.returncode == 0, done.stderr
    folder = stage.here / "infer/a model"
    new = [".fastflow_files", "heat_maps/a b/c.png", "scores.csv", "scores.json", "timing.json"]
    assert files(folder) == new
    assert done.stdout == f"verdicts: {folder}/scores.csv, times: {folder}/timing.json\n"
    arguments = (stage.here / "arguments").read_text().splitlines()
    assert arguments[:5] == ["--model", "a model.mindir", "--device", device, "--output_path"]
    assert arguments[6:] == list(given[1:])

    (folder / "notes.txt").write_text("mine")
    done = deploy(stage, script, *given, "--output_dir", folder, FASTFLOW_INFER=str(judging), STATUS="3")
    assert done.returncode == 3  # pictures without a score; there are results
    assert files(folder) == [*new[:2], "notes.txt", *new[2:]]
    (folder / "heat_maps/mine.png").write_text("mine")
    done = deploy(stage, script, *given, FASTFLOW_INFER=str(judging))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{folder}/heat_maps/mine.png, is not of an earlier run" in done.stderr
    judging.write_text("#!/bin/sh\necho 'error: no' >&2\nexit 3\n")
    (folder / "heat_maps/mine.png").unlink()
    done = deploy(stage, script, *given, FASTFLOW_INFER=str(judging))
    assert (done.returncode, done.stderr) == (3, "error: no\n")
    assert files(folder) == [*new[:2], "notes.txt", *new[2:]]
    assert os.listdir(stage.here / "infer") == ["a model"]


def test_a_deployment_removes_what_a_killed_one_has_left(stage):
    (stage.here / "infer/.run.4194305.abcdef/input").mkdir(parents=True)  # a number that no process can have
    living = stage.here / f"infer/.run.{os.getpid()}.abcdef"
    living.mkdir()
    assert deploy(stage, "run_infer_cpu.sh", "a.mindir", "/data").returncode == 0
    assert sorted(os.listdir(stage.here / "infer")) == sorted([living.name, "a nut"])


def test_a_deployment_that_fails_leaves_the_earlier_result(stage):
    assert deploy(stage, "run_infer_cpu.sh", "a.mindir", "/data").returncode == 0
    before = files(stage.here)
    assert deploy(stage, "run_infer_cpu.sh", "a.mindir", "/data", STATUS="3").returncode == 3
    assert os.listdir(stage.here / "infer") == ["a nut"]
    assert files(stage.here) == before
    done = deploy(stage, "run_infer_cpu.sh", "a.mindir", "/data", FASTFLOW_INFER="/nowhere")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("error: FASTFLOW_INFER=/nowhere, not a program, ")


# Setting up, in a copy of the scripts


OPTIONAL = {  # what only some tests need -> its name in messages
    "scripts/install_runner_toolchain.sh": "the C++ runner's toolchain",
    "scripts/install_browser.sh": "the browser",
    "scripts/build_cpu_kernels.sh": "the CPU kernels",
}


@pytest.fixture
def project(tmp_path):
    """The scripts in a project of their own, where nothing of what is optional can be had."""
    root = tmp_path / "a project"
    (root / "scripts").mkdir(parents=True)
    for name in ("scripts/common.sh", "scripts/run_tests.sh", ".ci/run"):
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    for name in ("requirements.txt", "requirements-dev.txt"):
        (root / name).write_text("")
    for name in OPTIONAL:
        (root / name).write_text("echo 'error: no compiler' >&2; exit 1")
    return root


def base_python(project, pip_status):
    """A Python whose venv module makes an environment whose python says how it is called."""
    base = project / "base python"
    inner = f'#!/bin/bash\\n[[ $2 == pip ]] && exit {pip_status}\\necho "$@" CI=${{CI:-}}\\n'
    base.write_text(
        f"""#!/bin/bash
[[ $1 == -c ]] && exit 0
mkdir -p "$3/bin" && printf '%b' '{inner}' >"$3/bin/python" && chmod +x "$3/bin/python"
exit {pip_status}
"""
    )
    base.chmod(0o755)
    return base


def set_up(project, pip_status=0, script="scripts/run_tests.sh", **environment):
    kept = {name: value for name, value in os.environ.items() if name != "CI"}
    return subprocess.run(
        ["bash", str(project / script)],
        env=kept | {"PYTHON": str(base_python(project, pip_status))} | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_without_what_only_some_tests_need_the_others_run(project):
    done = set_up(project)
    assert done.returncode == 0, done.stderr
    assert "-m pytest " in done.stdout
    assert done.stdout.endswith(" CI=\n")
    for name in OPTIONAL.values():
        assert f"{name} cannot be " in done.stderr
    assert done.stderr.count("their tests will be skipped") + done.stderr.count("its tests will be skipped") == len(
        OPTIONAL
    )


@pytest.mark.parametrize("missing", OPTIONAL)
@pytest.mark.parametrize("call", [{"CI": "true"}, {"script": ".ci/run"}])
def test_in_ci_everything_must_be_there(project, call, missing):
    for script in set(OPTIONAL) - {missing}:
        (project / script).write_text("")
    done = set_up(project, **call)
    assert done.returncode == 2
    assert "pytest" not in done.stdout
    assert done.stderr.splitlines()[-1].startswith(f"error: {OPTIONAL[missing]}, cannot be ")
    assert "CI is set" in done.stderr.splitlines()[-1]
    (project / missing).write_text("")
    done = set_up(project, **call)
    assert (done.returncode, done.stderr) == (0, "")
    assert "-m pytest " in done.stdout
    assert done.stdout.endswith(f" CI={call.get('CI', 1)}\n")


def test_a_python_without_a_module_that_is_needed_is_passed_over(tmp_path):
    def found(*module, **environment):
        variables = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"} | environment
        command = ["bash", "-c", f'source "{ROOT}/scripts/common.sh"; find_python "$@"', "find_python", *module]
        return subprocess.run(command, env=variables, capture_output=True, text=True)

    assert found(PYTHON="false").stdout == "false\n"
    assert found(PYTHON=sys.executable).stdout == f"{sys.executable}\n"
    assert found("pip", PYTHON="false").stdout not in ("false\n", "")
    none = found("no_such_module", PYTHON="false")
    assert (none.returncode, none.stdout) == (2, "")
    assert none.stderr.startswith("error: Python with no_such_module, not found, ")


def test_without_the_venv_module_nothing_half_made_is_left(project):
    for _ in range(2):
        done = set_up(project, pip_status=1)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert "apt-get install python3-venv" in done.stderr
        assert not (project / ".venv").exists()
    assert set_up(project).returncode == 0


def test_an_environment_of_the_users_own_stays(project):
    (project / ".venv").mkdir()
    (project / ".venv/mine").write_text("")
    done = set_up(project)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"folder {project}/.venv, has no working pip, " in done.stderr
    assert files(project / ".venv") == ["mine"]


def test_make_synthetic_answers_a_mistake_in_one_line(tmp_path):
    for given in ((), ("--output_dir", tmp_path, "--train", "many"), ("--output_dir", tmp_path, "--colour", "red")):
        done = program("scripts/make_synthetic.py", *given)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert done.stderr.startswith("error: ")
    assert files(tmp_path) == []

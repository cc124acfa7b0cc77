"""Options: every one parses, a YAML file gives defaults, the command line wins, mistakes are one line."""

import json
import re

import pytest

from src import ROOT
from src.config import parse
from src.detector import Architecture
from src.encoder import ENCODERS
from src.option import BACKBONES, REQUIRED, Option, Role, boolean, drawing, json_file, picture_size
from src.options import OPTIONS, file_of, options_of
from src.utils import UserError

PROGRAMS = tuple(dict.fromkeys(program for option in OPTIONS for program in option.programs))
TAKEN = [(program, name) for program in PROGRAMS for name in options_of(program)]
REQUIRED_OF = {p: [name for name, option in options_of(p).items() if option.default is REQUIRED] for p in PROGRAMS}
NEEDED = {p: [text for name in names for text in (f"--{name}", f"some {name}")] for p, names in REQUIRED_OF.items()}


def other_value(option: Option) -> str:
    """A valid value that is not the default."""
    if option.check.choices:
        return str(next(choice for choice in option.check.choices if choice != option.default))
    if option.check is json_file:
        return "some text.json"
    of_types = {int: "77", float: "0.25", str: "some text", boolean: str(not option.default), drawing: "full"}
    of_types[picture_size] = "64"
    return of_types[option.type]


def error_of(program: str, *arguments: str) -> str:
    """The message of a command line that is refused."""
    with pytest.raises(UserError) as caught:
        parse(program, "", arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("program", "name"), TAKEN)
def test_every_option_of_every_program_parses(program, name):
    option = options_of(program)[name]
    text = other_value(option)
    value = getattr(parse(program, "", [*NEEDED[program], f"--{name}", text]), name)
    assert value == option.type(text)
    assert type(value) is {boolean: bool, drawing: str, picture_size: int}.get(option.type, option.type)
    assert value != option.default


@pytest.mark.parametrize("program", PROGRAMS)
def test_defaults(program):
    options, known = parse(program, "", NEEDED[program]).values, options_of(program)
    assert list(options) == list(known)
    assert {name: value for name, value in options.items() if name not in REQUIRED_OF[program]} == {
        name: option.default for name, option in known.items() if name not in REQUIRED_OF[program]
    }


@pytest.mark.parametrize("option", [o for o in OPTIONS if o.default not in (None, REQUIRED)], ids=lambda o: o.name)
def test_defaults_are_values_that_would_be_accepted(option):
    assert option.check.problem(option.default) is None


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_program_takes_two_options_of_one_name(program):
    assert len([option for option in OPTIONS if program in option.programs]) == len(options_of(program))


def test_options_of_one_name_have_one_type():
    types = {}
    for option in OPTIONS:
        assert types.setdefault(option.name, option.type) is option.type, option.name


def test_options_do_not_change():
    options = parse("train", "", NEEDED["train"])
    with pytest.raises(AttributeError):
        options.lr = 1.0
    assert options.resolved(lr=1.0).lr == 1.0
    assert options.lr == 1e-3
    with pytest.raises(AttributeError, match=r"train\.py has no option ckpt_path"):
        _ = options.ckpt_path


def test_roles_choose_options():
    options = parse("train", "", [*NEEDED["train"], "--lr", "0.5"])
    assert set(options.of_role(Role.NETWORK)) == set(Architecture.__dataclass_fields__)
    assert options.of_role(Role.COMPILED) == {
        "lr": 0.5,
        "weight_decay": 1e-5,
        "ema_decay": 0.98,
        "amp_level": "O0",
        "amp_dtype": "float16",
        "convolution": "winograd4",
    }


def test_run_all_takes_what_it_passes_on():
    own = {"categories", "seeds", "device_ids", "jobs"}
    each = {"category", "device_id", "resume", "result_path", "ckpt_path", "distribute"}  # it sets these itself
    each.add("good_dir")  # one folder is not for several categories
    assert set(options_of("run_all")) == own | ((set(options_of("train")) | set(options_of("eval"))) - each)


def test_the_2022_options_keep_their_names_and_defaults():
    options = parse("train", "", NEEDED["train"])
    assert (options.num_epochs, options.train_batch_size, options.lr, options.weight_decay) == (500, 32, 1e-3, 1e-5)
    network = Architecture.from_options(options)  # what is left open there is the encoder's
    assert (network.im_resize, network.flow_step, network.hidden_ratio) == (256, 8, 1.0)


def test_backbones_are_the_encoders():
    assert set(BACKBONES) == set(ENCODERS)


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        ([], False),
        (["--save_best"], True),
        (["--save_best", "true"], True),
        (["--save_best", "False"], False),
        (["--save_best=no"], False),
        (["--save_best", "1"], True),
        (["--no-save_best"], False),
        (["--save_best", "--no-save_best"], False),
        (["--save_best", "--device_target", "CPU"], True),
    ],
)
def test_booleans(arguments, value):
    assert parse("train", "", [*NEEDED["train"], *arguments]).save_best is value


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        ([], False),
        (["--save_imgs"], "panel"),
        (["--save_imgs", "panel"], "panel"),
        (["--save_imgs", "full"], "full"),
        (["--save_imgs=True"], "panel"),  # as before there were two kinds
        (["--save_imgs", "false"], False),
        (["--save_imgs", "full", "--no-save_imgs"], False),
        (["--save_imgs", "--device_target", "CPU"], "panel"),
    ],
)
def test_what_is_drawn(arguments, value, tmp_path):
    assert parse("eval", "", [*NEEDED["eval"], *arguments]).save_imgs == value
    file = tmp_path / "options.yaml"
    file.write_text("save_imgs: full")
    wanted = value if arguments else "full"
    assert parse("eval", "", [*NEEDED["eval"], "--config", str(file), *arguments]).save_imgs == wanted
    message = "argument --save_imgs: 'some' is not panel or full; see eval.py --help"
    assert error_of("eval", *NEEDED["eval"], "--save_imgs", "some") == message


def test_older_names_mean_the_same_on_the_command_line_and_in_files(tmp_path):
    options = parse("predict", "", ["--ckpt_path", "x.ckpt", "--img_dir=new"])
    assert options == parse("predict", "", ["--model", "x.ckpt", "--input", "new"])
    assert (options.model, options.input) == ("x.ckpt", "new")
    file = tmp_path / "options.yaml"
    file.write_text("ckpt_path: old.ckpt\nimg_dir: new\n")
    assert parse("predict", "", ["--config", str(file)]).model == "old.ckpt"
    assert parse("predict", "", ["--config", str(file), "--model", "m.onnx"]).model == "m.onnx"
    file.write_text("ckpt_path: old.ckpt\nmodel: m.onnx\nimg_dir: new\n")
    assert parse("predict", "", ["--config", str(file)]).model == "m.onnx"


def test_yaml_gives_defaults_and_the_command_line_wins(tmp_path):
    file = tmp_path / "options.yaml"
    file.write_text(
        "# a comment\ndataset_path: some where\ncategory: 01\npre_ckpt_path: w.ckpt\nlr: 1e-4\nsave_best: yes\n"
        "conv3x3_only: null\nim_resize: 64\nresult_path:\nnum_epochs: 7\nckpt_path: of-eval.ckpt\n"
    )
    options = parse("train", "", ["--config", str(file), "--im_resize", "128", "--no-save_best"])
    assert (options.dataset_path, options.category) == ("some where", "01")
    assert (options.lr, options.num_epochs, options.im_resize) == (1e-4, 7, 128)
    assert (options.save_best, options.conv3x3_only, options.result_path) == (False, None, None)
    assert not hasattr(options, "ckpt_path")  # another program's option in the same file
    assert parse("train", "", ["--config", str(file)]).save_best is True


def test_an_empty_yaml_file_changes_nothing(tmp_path):
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    options = parse("eval", "", [*NEEDED["eval"], "--config", str(tmp_path / "empty.yaml")])
    assert options == parse("eval", "", NEEDED["eval"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--frequency", "3"], "unknown option --frequency; see train.py --help"),
        (["--categ", "x"], "unknown option --categ (did you mean --category?); see train.py --help"),
        (["--num-epochs=3"], "unknown option --num-epochs (did you mean --num_epochs?); see train.py --help"),
        (["--no-resum"], "unknown option --no-resum (did you mean --no-resume?); see train.py --help"),
        (["bottle"], "unexpected argument 'bottle'; see train.py --help"),
        (
            ["--ckpt_path", "x"],
            "--ckpt_path is not an option of train.py but of predict.py, serve.py, eval.py, src/pthtockpt.py (did "
            "you mean --pre_ckpt_path?); see train.py --help",
        ),
        (["--backbone", "vgg"], f"--backbone vgg: choose one of {', '.join(BACKBONES)}"),
        (["--device_target", "TPU"], "--device_target TPU: choose one of Ascend, GPU, CPU"),
        (["--train_batch_size", "0"], "--train_batch_size 0: must be 1 or more"),
        (["--test_batch_size", "0"], "--test_batch_size 0: must be 1 or more"),
        (["--num_epochs", "0"], "--num_epochs 0: must be 1 or more"),
        (["--device_id=-1"], "--device_id -1: must be 0 or more"),
        (["--im_resize", "100"], "--im_resize 100: must be a multiple of 16, 32 or more"),
        (["--im_resize", "64,100"], "--im_resize 64,100: must be a multiple of 16, 32 or more"),
        (
            ["--im_resize", "64,x"],
            "argument --im_resize: '64,x' is not a number, or two with a comma between them: "
            "height,width; see train.py --help",
        ),
        (["--tile", "8"], "--tile 8: must be 16 or more"),
        (["--im_resize", "16"], "--im_resize 16: must be a multiple of 16, 32 or more"),
        (["--lr", "0"], "--lr 0.0: must be more than 0"),
        (["--lr", "1e39"], "--lr 1e+39: must be 1e+38 or less"),
        (["--cache_limit_gb", "nan"], "--cache_limit_gb nan: must be 0 or more"),
        (["--num_epochs", "10000000000"], "--num_epochs 10000000000: must be 1000000000 or less"),
        (["--im_resize", "160000"], "--im_resize 160000: must be 4096 or less"),
        (["--hidden_ratio", "1e9"], "--hidden_ratio 1000000000.0: must be 1000 or less"),
        (["--flow_step", "1000000"], "--flow_step 1000000: must be 1000 or less"),
        (["--num_workers", "100000"], "--num_workers 100000: must be 1024 or less"),
        (["--lr", "nan"], "--lr nan: must be more than 0"),
        (["--lr", "inf"], "--lr inf: must be finite"),
        (["--weight_decay", "inf"], "--weight_decay inf: must be finite"),
        (
            ["--no-save_imgs"],
            "--no-save_imgs is not an option of train.py but of eval.py, scripts/run_all.py, "
            "predict.py, postprocess.py, serve.py; see train.py --help",
        ),
        (["--weight_decay", "nan"], "--weight_decay nan: must be 0 or more"),
        (["--lr", "fast"], "argument --lr: invalid float value: 'fast'; see train.py --help"),
        (["--num_epochs", "1.5"], "argument --num_epochs: invalid int value: '1.5'; see train.py --help"),
        (["--save_best", "maybe"], "argument --save_best: 'maybe' is not true or false; see train.py --help"),
        (["--category"], "argument --category: expected one argument; see train.py --help"),
    ],
)
def test_wrong_arguments_in_one_line(arguments, message):
    assert error_of("train", *NEEDED["train"], *arguments) == message


@pytest.mark.parametrize(("program", "name"), [(p, name) for p in PROGRAMS for name in REQUIRED_OF[p]])
def test_missing_required_options(program, name):
    at = NEEDED[program].index(f"--{name}")  # the only one that is left out
    message = error_of(program, *NEEDED[program][:at], *NEEDED[program][at + 2 :])
    assert message == f"--{name} is missing: {options_of(program)[name].help}; see {file_of(program)} --help"


def test_all_that_is_missing_is_named():
    wanted = "--dataset_path, --category, --pre_ckpt_path are missing; see train.py --help"
    assert error_of("train") == wanted


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"lr: [1, 2\nseed: 3",
            '{} is not YAML (while parsing a flow sequence in "<unicode string>", line 1, column 5: lr: [1, 2 ^ '
            "expected ',' or ']', but got ':' in \"<unicode string>\", line 2, column 5: seed: 3 ^); mend it",
        ),
        (
            b"category: \xff",
            "{} is not YAML ('utf-8' codec can't decode byte 0xff in position 10: invalid start byte); mend it",
        ),
        (b"- lr\n- seed", "{} must hold lines of the form `option: value`"),
        (b"just text", "{} must hold lines of the form `option: value`"),
        (b"learning_rate: 1", "{} has the unknown option 'learning_rate'; see --help for the options"),
        (
            b"num_epochs: many",
            "{}: num_epochs: 'many' is not valid (invalid literal for int() with base 10: 'many'); see --help",
        ),
        (b"save_best: 2", "{}: save_best: '2' is not valid ('2' is not true or false); see --help"),
        (b"lr: [1, 2]", "{}: lr must have one value, not ['1', '2']"),
        (b"im_resize: 100", "--im_resize 100: must be a multiple of 16, 32 or more"),
        (b"backbone: vgg", f"--backbone vgg: choose one of {', '.join(BACKBONES)}"),
    ],
)
def test_wrong_yaml_in_one_line(tmp_path, content, message):
    file = tmp_path / "options.yaml"
    file.write_bytes(content)
    assert error_of("train", *NEEDED["train"], "--config", str(file)) == message.format(file)


# Each letter is ten of the one before: a text of all of it would have 10^9 words.
BOMB = (
    "seed: 1\nlr: ["
    + "".join(
        f"&{new} [{', '.join([f'*{old}' if old else 'x'] * 10)}], " for old, new in zip(["", *"abcdefgh"], "abcdefghi")
    )
    + "]\n"
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (BOMB, "{}: lr must have one value, not [["),
        ("lr: " + "[" * 100_000, "{} is not YAML (maximum recursion depth exceeded"),
        ("lr: " + "x" * 9000, "{}: lr: 'xxxxxxxxxxxx...xxxxxxxxxxxxx' is not valid ("),
        ("x" * 900 + ": 1", "{} has the unknown option 'xxxxxxxxxxxx...xxxxxxxxxxxxx'; see"),
        ('{"options": {"lr": 0.1}, "sha256": "0"}', "{} is not as it was written: its digest is another; "),
        (
            '{"options": {"lr": 0.1}, "lr": 1, "lr": 1, "sha256": "0"}',
            "{} is not YAML (a key stands there twice); mend",
        ),
    ],
)
def test_hostile_yaml_is_one_short_line(tmp_path, content, message):
    file = tmp_path / "options.yaml"
    file.write_text(content)
    found = error_of("train", *NEEDED["train"], "--config", str(file))
    assert found.startswith(message.format(file))
    assert len(found) < 500


def test_missing_yaml_file(tmp_path):
    message = error_of("train", *NEEDED["train"], "--config", str(tmp_path / "none.yaml"))
    assert message == f"cannot read --config {tmp_path}/none.yaml: No such file or directory; check the path"


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_names_every_option_with_choices_and_default(program, capsys):
    with pytest.raises(SystemExit) as caught:
        parse(program, "What it does.", ["--help"])
    assert caught.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    for name, option in options_of(program).items():
        assert f"--{name} " in text
        assert f" {option.heading}: " in text
        if option.check.choices:
            assert f"--{name} {{{','.join(map(str, option.check.choices))}}}" in text
        if option.type is boolean and option.default is not None:
            assert f"--no-{name}: false" in text


def test_version(capsys):
    with pytest.raises(SystemExit) as caught:
        parse("eval", "", ["--version"])
    assert caught.value.code == 0
    found = re.fullmatch(r"fastflow_mindspore (\d+\.\d+\.\d+) \(python 3.*, mindspore 2.*\)\n", capsys.readouterr().out)
    assert f'\nversion = "{found[1]}" ' in (ROOT / "pyproject.toml").read_text()
    newest = re.search(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest[1] == found[1]


def test_a_result_repeats_its_run_but_not_its_files(tmp_path):
    given = [*NEEDED["train"], "--lr", "0.5", "--resume", "--result_path", "here.json"]
    values = parse("train", "", given).values
    (tmp_path / "result.json").write_text(json.dumps({"options": values, "metrics": {}}))
    again = parse("train", "", ["--config", str(tmp_path / "result.json")])
    assert (again.lr, again.dataset_path) == (0.5, "some dataset_path")
    assert (again.resume, again.result_path) == (False, None)


@pytest.mark.parametrize("option", [o for o in OPTIONS if o.type in (int, float)], ids=lambda o: o.name)
def test_every_number_has_bounds(option):
    for value in (10**39, -(10**39), float("inf"), float("nan")):
        assert option.check.problem(value) is not None, value


def test_flows_beyond_the_memory_are_refused():
    options = parse("train", "", [*NEEDED["train"], "--hidden_ratio", "1000"]).resolved(conv3x3_only=None)
    with pytest.raises(
        UserError, match=r"--hidden_ratio 1000\.0, .* the flows' parameters need \d+ GB in training, and "
    ):
        Architecture.from_options(options)

"""Options: every one parses, a YAML file gives defaults, the command line wins, mistakes are one line."""

import pytest

from src.config import parse
from src.encoder import ENCODERS
from src.options import BACKBONES, OPTIONS, PROGRAMS, REQUIRED, boolean
from src.utils import UserError

NEEDED = {
    program: [text for name in REQUIRED[program] for text in (f"--{name}", f"some {name}")] for program in PROGRAMS
}
OTHER_VALUES = {
    **{"gt_protocol": "original", "backbone": "resnet18", "im_resize": "64", "hidden_ratio": "0.5"},
    **{"lr": "1e-4", "weight_decay": "0", "eval_interval": "0", "cache_features": "off", "cache_limit_gb": "1.5"},
    **{
        "dataset": "visa",
        "amp_level": "O2",
        "amp_dtype": "bfloat16",
        "device_target": "CPU",
        "file_format": "ONNX",
        "outputs": "latents",
        "cpu_kernels": "off",
        "mindir_version": "1",
    },
}


def other_value(name: str) -> str:
    """A valid value that is not the default."""
    kind = OPTIONS[name].type
    return OTHER_VALUES.get(name) or {int: "77", str: "some text", boolean: str(not OPTIONS[name].default)}[kind]


def error_of(program: str, *arguments: str) -> str:
    """The message of a command line that is refused."""
    with pytest.raises(UserError) as caught:
        parse(program, "", arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("program", "name"), [(p, name) for p in PROGRAMS for name in PROGRAMS[p]])
def test_every_option_of_every_program_parses(program, name):
    text = other_value(name)
    value = getattr(parse(program, "", [*NEEDED[program], f"--{name}", text]), name)
    assert value == OPTIONS[name].type(text)
    assert type(value) is (bool if OPTIONS[name].type is boolean else OPTIONS[name].type)
    assert value != OPTIONS[name].default


@pytest.mark.parametrize("program", PROGRAMS)
def test_defaults(program):
    options = vars(parse(program, "", NEEDED[program]))
    assert set(options) == set(PROGRAMS[program])
    given = {text.removeprefix("--") for text in NEEDED[program][::2]}
    assert {k: v for k, v in options.items() if k not in given} == {
        name: OPTIONS[name].default for name in PROGRAMS[program] if name not in given
    }


@pytest.mark.parametrize("name", [name for name, option in OPTIONS.items() if option.default is not None])
def test_defaults_are_values_that_would_be_accepted(name):
    option = OPTIONS[name]
    assert option.check(option.default) is None
    assert option.choices is None or option.default in option.choices


def test_the_2022_options_keep_their_names_and_defaults():
    options = parse("train", "", NEEDED["train"])
    assert (options.num_epochs, options.train_batch_size, options.lr, options.weight_decay) == (500, 32, 1e-3, 1e-5)
    assert (options.im_resize, options.flow_step, options.hidden_ratio) == (256, 8, 1.0)


def test_backbones_are_the_encoders():
    assert set(BACKBONES) == set(ENCODERS)


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        ([], False),
        (["--save_imgs"], True),
        (["--save_imgs", "true"], True),
        (["--save_imgs", "False"], False),
        (["--save_imgs=no"], False),
        (["--save_imgs", "1"], True),
        (["--no-save_imgs"], False),
        (["--save_imgs", "--no-save_imgs"], False),
        (["--save_imgs", "--device_target", "CPU"], True),
    ],
)
def test_booleans(arguments, value):
    assert parse("eval", "", [*NEEDED["eval"], *arguments]).save_imgs is value


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
        (["--speed", "3"], "unrecognized arguments: --speed 3; see train.py --help"),
        (["--categ", "x"], "unrecognized arguments: --categ x; see train.py --help"),  # no abbreviations
        (["--ckpt_path", "x"], "unrecognized arguments: --ckpt_path x; see train.py --help"),
        (["--backbone", "vgg"], "--backbone vgg: choose one of wide_resnet50_2, resnet18, efficientnet_lite0"),
        (["--device_target", "TPU"], "--device_target TPU: choose one of Ascend, GPU, CPU"),
        (["--train_batch_size", "0"], "--train_batch_size 0: must be 1 or more"),
        (["--test_batch_size", "0"], "--test_batch_size 0: must be 1 or more"),
        (["--num_epochs", "0"], "--num_epochs 0: must be 1 or more"),
        (["--device_id=-1"], "--device_id -1: must be 0 or more"),
        (["--im_resize", "100"], "--im_resize 100: must be a multiple of 16, 32 or more"),
        (["--im_resize", "16"], "--im_resize 16: must be a multiple of 16, 32 or more"),
        (["--lr", "0"], "--lr 0.0: must be more than 0"),
        (["--lr", "nan"], "--lr nan: must be more than 0"),
        (["--weight_decay", "nan"], "--weight_decay nan: must be 0 or more"),
        (["--lr", "fast"], "argument --lr: invalid float value: 'fast'; see train.py --help"),
        (["--num_epochs", "1.5"], "argument --num_epochs: invalid int value: '1.5'; see train.py --help"),
        (["--save_best", "maybe"], "argument --save_best: 'maybe' is not true or false; see train.py --help"),
        (["--category"], "argument --category: expected one argument; see train.py --help"),
    ],
)
def test_wrong_arguments_in_one_line(arguments, message):
    assert error_of("train", *NEEDED["train"], *arguments) == message


@pytest.mark.parametrize(("program", "name"), [(p, name) for p in REQUIRED for name in REQUIRED[p]])
def test_missing_required_options(program, name):
    at = NEEDED[program].index(f"--{name}")
    message = error_of(program, *NEEDED[program][:at], *NEEDED[program][at + 2 :])
    assert message == f"--{name} is missing: {OPTIONS[name].help}; see {program}.py --help"


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
        (b"backbone: vgg", "--backbone vgg: choose one of wide_resnet50_2, resnet18, efficientnet_lite0"),
    ],
)
def test_wrong_yaml_in_one_line(tmp_path, content, message):
    file = tmp_path / "options.yaml"
    file.write_bytes(content)
    assert error_of("train", *NEEDED["train"], "--config", str(file)) == message.format(file)


def test_missing_yaml_file(tmp_path):
    message = error_of("train", *NEEDED["train"], "--config", str(tmp_path / "none.yaml"))
    assert message == f"cannot read --config {tmp_path}/none.yaml: No such file or directory; check the path"


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_names_every_option_with_choices_and_default(program, capsys):
    with pytest.raises(SystemExit) as caught:
        parse(program, "What it does.", ["--help"])
    assert caught.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    for name in PROGRAMS[program]:
        assert f"--{name} " in text
        if OPTIONS[name].choices:
            assert f"--{name} {{{','.join(map(str, OPTIONS[name].choices))}}}" in text

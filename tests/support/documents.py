"""What the documents say: their commands, links, code spans and tables, and whether a command can be given."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from src import ROOT, config
from src.options import OPTIONS, file_of, options_of
from src.utils import UserError  # noqa: F401 - what a wrong command is answered with

READMES = ("README.md", "README_CN.md")
OURS = (*READMES, *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")), "CONTRIBUTING.md")
ALL = (*OURS, "CHANGELOG.md", "ascend310_infer/README.md")

PROGRAMS = {file_of(name): name for option in OPTIONS for name in option.programs}
PASSED_ON = {  # by scripts, to the program whose options they take
    "run_standalone_train": "train",
    "run_distribute_train": "train",
    "run_eval": "eval",
    "run_all": "run_all",
    "run_infer": "postprocess",
}
FOREIGN = {"apt-get", "cd", "curl", "export", "npu-smi", "ruff", "source"}  # commands that are not the project's
LONG = re.compile(r"^(train\.py|benchmarks/|scripts/(run_(all|tests|standalone_train|distribute_train)|quickstart))")
MARKED_LONG = re.compile(r"\b(long|minutes|hours)\b|耗时|分钟|小时")
OPTION = re.compile(r"(?<![\w-])--[a-z][\w.-]*")


@dataclass(frozen=True)
class Command:
    """A command of a document, and the comments beside and above it."""

    text: str
    comment: str = ""

    @property
    def parts(self) -> list[list[str]]:
        """The words of each of the commands that `&&` connects, without variables and the environment's folder."""
        parts = []
        for part in self.text.split("&&"):
            words = shlex.split(part)
            while words and re.match(r"[A-Z_]+=", words[0]):
                words = words[1:]
            parts.append([words[0].removeprefix(".venv/bin/"), *words[1:]])
        return parts


def read(document: str) -> str:
    return (ROOT / document).read_text()


def blocks(document: str, language: str) -> list[str]:
    """The blocks of code in a language."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", read(document), flags=re.S | re.M)
    return [text for name, text in found if name == language]


def prose(document: str) -> str:
    """A document without its blocks of code."""
    return re.sub(r"^```.*?^```", "", read(document), flags=re.S | re.M)


def commands(document: str) -> list[Command]:
    """The commands in blocks of code."""
    found = []
    for block in blocks(document, "bash"):
        above = ""
        for line in block.replace("\\\n", " ").splitlines():
            text, _, comment = (part.strip() for part in line.partition("#"))
            if text:
                found.append(Command(" ".join(text.split()), f"{above} {comment}"))
                above = ""
            else:
                above = f"{above} {comment}"
    return found


def code_spans(document: str) -> set[str]:
    """What stands between backquotes in the text."""
    return set(re.findall(r"`([^`\n]+)`", prose(document)))


def inline_commands(document: str) -> list[Command]:
    """The commands in the text."""
    return [Command(span) for span in sorted(code_spans(document)) if re.match(r"(python3?|bash|pip) ", span)]


def links(document: str) -> set[str]:
    """The targets of links and pictures."""
    found = re.findall(r"\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"|<(https?://[^>]+)>", prose(document))
    return {link for groups in found for link in groups if link}


def anchors(document: str) -> set[str]:
    """What a link can follow the # with: the headings as GitHub writes them."""
    headings = re.findall(r"^#+ (.*)$", prose(document), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def rows(document: str, *headings: str) -> list[list[str]]:
    """The rows of all tables whose first columns have these headings."""
    found = []
    for table in re.findall(r"(?:^\|.*\n)+", read(document), flags=re.M):
        lines = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table.splitlines()]
        if lines[0][: len(headings)] == list(headings):
            found += lines[2:]
    assert found, f"{document} has no table with the headings {headings}"
    return found


def known_options() -> set[str]:
    """All options of all programs of the project."""
    found = {"--help", "--version", "--config"}
    for option in OPTIONS:
        found |= {f"--{option.name}", f"--no-{option.name}"}
    for pattern in (
        "benchmarks/*.py",
        "scripts/*.py",
        "scripts/*.sh",
        "ascend310_infer/build.sh",
        "ascend310_infer/src/*.cc",
    ):
        for path in ROOT.glob(pattern):
            found |= set(OPTION.findall(path.read_text()))
    return found


def check(command: Command, whole: bool) -> None:
    """Fail where a command names a program, a file or an option that is not there.

    Args:
        whole: the command is given as it stands, so that nothing may be missing; else it may be a part of one.
    """
    for words in command.parts:
        name, rest = words[0], words[1:]
        if name in ("python", "python3"):
            _check_python(rest, whole)
        elif name == "bash":
            _check_script(rest, whole)
        elif name == "pip":
            assert rest[0] == "install", command
            if rest[1] == "-r":
                assert (ROOT / rest[2]).is_file(), command
            else:  # a package that is needed for one option only; the tests need it too
                needed = (ROOT / "requirements-dev.txt").read_text()
                assert all(re.search(rf"^{re.escape(package)}\b", needed, re.M) for package in rest[1:]), command
        else:
            assert name in FOREIGN, f"{command.text}: what is {name}?"


def _check_python(words: list[str], whole: bool) -> None:
    if words[0] in ("-c", "-m"):
        assert words[0] == "-c" or words[1] in ("pytest", "venv")
        for word in words[2:]:
            assert not word.startswith("tests/") or (ROOT / word).exists(), word
        return
    file, arguments = words[0], words[1:]
    assert (ROOT / file).is_file(), file
    if file not in PROGRAMS:
        missing = set(filter(OPTION.fullmatch, arguments)) - {"--help"} - set(OPTION.findall((ROOT / file).read_text()))
        assert not missing, (file, missing)
    elif whole:
        config.parse(PROGRAMS[file], "", arguments)
    else:
        check_options(PROGRAMS[file], arguments)


def check_options(program: str, words: list[str]) -> None:
    """Fail where a program does not know one of the options among the words."""
    known = {"help", "version", "config", *options_of(program)}
    for word in filter(OPTION.fullmatch, words):
        assert word[2:].removeprefix("no-") in known, (program, word)


def _check_script(words: list[str], whole: bool) -> None:
    path = next((ROOT / folder / words[0] for folder in ("", "scripts") if (ROOT / folder / words[0]).is_file()), None)
    assert path, words
    arguments = words[1:]
    kind = next((kind for kind in PASSED_ON if path.name.startswith(kind)), None)
    if kind is None:
        assert set(filter(OPTION.fullmatch, arguments)) <= set(OPTION.findall(path.read_text())), words
        return
    usage = subprocess.run(["bash", str(path), "--help"], capture_output=True, text=True, check=True).stdout
    said = set(_plain(usage))
    own = set(OPTION.findall((ROOT / "scripts/infer.sh").read_text())) if kind == "run_infer" else set()
    options = [word for word in arguments if OPTION.fullmatch(word) and word not in said | own]
    check_options(PASSED_ON[kind], options)
    if any(word.startswith("[") for word in arguments):  # what can be given, not a command to give
        assert set(_plain(" ".join(arguments))) <= said, (words, usage)
    elif whole:
        needed = re.findall(
            r"(?<= )[A-Z_]+(?= )", re.sub(r"\[[^\]]*\]", "", usage.partition(path.name)[2].partition(", or ")[0])
        )
        given = [word for word in arguments if not word.startswith("-")]
        assert len(given) >= len(needed), (words, usage)


def _plain(text: str) -> Iterator[str]:
    """The words of a usage without its brackets."""
    return filter(None, (word.strip("[]():,") for word in text.split()))


def is_long(command: Command) -> bool:
    """Whether a command takes minutes or more."""
    return any(LONG.match(word) for words in command.parts if words[0] in ("python", "bash") for word in words[1:2])


def target_of(document: str, link: str) -> tuple[Path, str]:
    """The file and the anchor of a link within the project."""
    file, _, anchor = link.partition("#")
    return ((ROOT / document).parent / file if file else ROOT / document), anchor

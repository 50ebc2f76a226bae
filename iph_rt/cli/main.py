"""Entry of ``iph-rt``: picks the command, imports only that one, and turns errors into one line and an exit code.

Exit codes: 0 done, 1 the command ran and found something wrong (``doctor``), 2 a user's mistake (bad option, bad input,
missing file), 130 interrupted, 143 terminated.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn

from iph_rt import __version__
from iph_rt.errors import IphError

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143


@dataclass(frozen=True)
class Command:
    """One row of the table of commands: where its code is, and what the list of commands says about it."""

    name: str
    module: str
    summary: str


COMMANDS = (
    Command("demo", "iph_rt.cli.demo", "a real webcam clip in a real group photograph, as a page to look at"),
    Command("live", "iph_rt.cli.live", "harmonize a camera, a file or a synthetic person, live"),
    Command("video", "iph_rt.cli.video", "harmonize a video file into a background picture"),
    Command("image", "iph_rt.cli.image", "harmonize one photograph into another"),
    Command("fetch", "iph_rt.cli.fetch", "fetch the segmentation models and the demo's media"),
    Command("doctor", "iph_rt.cli.doctor", "check everything that iph_rt needs, and name the cure for what is missing"),
    Command("bench", "iph_rt.cli.bench", "measure the colour kernels or the whole stream on this machine"),
    Command("evaluate", "iph_rt.cli.evaluate", "compare a model with classical methods on held-out pairs"),
    Command("train", "iph_rt.cli.train", "train the networks"),
)


class _Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are one line with the way to the help."""

    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_USER_ERROR, f"{self.prog}: {message} (see {self.prog} --help)\n")


def build_command_parser(command: Command) -> argparse.ArgumentParser:
    """The parser of one command; imports the command's module."""
    module = importlib.import_module(command.module)
    parser = _Parser(
        prog=f"iph-rt {command.name}",
        description=module.HELP,
        epilog=f"example:\n  {module.EXAMPLE.strip()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.configure(parser)
    parser.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``iph-rt`` with ``argv`` (default ``sys.argv[1:]``); return its exit code. argparse may raise SystemExit."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    command = _pick(arguments)
    try:
        signal.signal(signal.SIGTERM, _terminate)
        args = build_command_parser(command).parse_args(arguments[1:])
        code = int(args.run(args))
        sys.stdout.flush()
        return code
    except IphError as error:
        message = " ".join(str(error).split())
        print(f"iph-rt {command.name}: {message}", file=sys.stderr)
        return EXIT_USER_ERROR
    except ImportError as error:
        # A package or one of its system libraries is not there: the user's installation, not a fault of ours.
        message = " ".join(str(error).split())
        print(f"iph-rt {command.name}: {message}; 'iph-rt doctor' says what is missing and the cure", file=sys.stderr)
        return EXIT_USER_ERROR
    except KeyboardInterrupt:
        print(f"iph-rt {command.name}: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output (head, less) went away, which is its right. Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _pick(arguments: list[str]) -> Command:
    table = {command.name: command for command in COMMANDS}
    if arguments and arguments[0] in table:
        return table[arguments[0]]
    parser = _Parser(
        prog="iph-rt",
        description="Stand in another picture and take on the light of the person you point at.",
        epilog="commands:\n"
        + "\n".join(f"  {command.name:10} {command.summary}" for command in COMMANDS)
        + "\n\nexample:\n  iph-rt demo --fetch --open\n\n'iph-rt COMMAND --help' tells more about each.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="iph-rt [--version] COMMAND ...",
    )
    parser.add_argument("--version", action="version", version=f"iph-rt {__version__}")
    parser.add_argument("command", nargs="?", metavar="COMMAND", help="one of the commands below")
    args = parser.parse_args(arguments[:1])
    if args.command is None:
        parser.error("no command given")
    parser.error(f"unknown command '{args.command}'; expected one of {', '.join(table)}")


def _terminate(_signum: int, _frame: FrameType | None) -> NoReturn:
    # As an exception, so that half-written files are removed on the way out.
    raise SystemExit(EXIT_TERMINATED)

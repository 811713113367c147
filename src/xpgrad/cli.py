"""The program ``xpgrad``: trains LeNet, names digits, lists the backends, and runs PyTorch scripts.

Each command is a file of the folder ``commands`` and adds its own part of the parser. What a user can put right is
told in one line, with exit status 2; a traceback means a fault of ours, or of the script that is run.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from .commands import UserError, backends, conformance, predict, run, train


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    top = argparse.ArgumentParser(prog="xpgrad", description="Gradients for any Python array library.")
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    for command in (train, predict, run, backends, conformance):
        command.add_to(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status.

    Args:
        arguments: the command line without the program's name; ``sys.argv[1:]`` if None.

    Example:
        >>> from xpgrad.cli import main
        >>> main(["predict", "absent.safetensors", "absent.png"])
        2
    """
    options = parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except UserError as error:
        message = str(error)
    except BrokenPipeError:  # the reader has seen enough; nothing more may be written at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        message = f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    print(f"xpgrad: error: {' '.join(message.split())}", file=sys.stderr)
    return 2

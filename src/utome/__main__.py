"""`python -m utome` and the installed command `utome`."""

import signal


def main() -> None:
    """Run the command line. Until its work begins Ctrl-C ends it at once, in silence: nothing is begun, and imports do not bear it."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from utome.cli.app import main as command_line

    command_line()


if __name__ == "__main__":
    main()

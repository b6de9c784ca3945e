"""A program that fans out and is sent signals by the tests: `python -m tests.fanning TASK FOLDER PROCESSES`."""

import sys
from pathlib import Path

from tests import executed
from utome.errors import InterruptedRunError
from utome.execution import Workers, fanned


def main() -> None:
    """Carry out the task on the folder as often as there are workers, twice over; say how it ended."""
    task, folder, processes = getattr(executed, sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    try:
        with fanned(task, Workers(processes)) as fan:
            for _ in range(2 * processes):
                fan.add(folder)
            for done in fan:
                print(done)
    except InterruptedRunError as error:
        print(type(error).__name__, error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("KeyboardInterrupt")
        sys.exit(1)


if __name__ == "__main__":
    main()

"""`python -m utome` and the installed command `utome`."""

from utome.cli.app import main

if __name__ == "__main__":
    main()

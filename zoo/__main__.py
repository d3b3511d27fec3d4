"""Entry point of `python -m zoo`, which is the same as the command `zoo`."""

from zoo.cli import main

if __name__ == "__main__":
    main()

"""`python -m gw` is the same as `clawgate`."""

from gw.cli.entry import main

if __name__ == "__main__":
    main()

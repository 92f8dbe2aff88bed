#!/usr/lib/clawgate/python/bin/python3.13 -IB
"""/usr/bin/clawgate: the private interpreter, isolated from the user's environment, on our own package folder."""

import sys

sys.path.insert(0, "/usr/lib/clawgate/site")

from gw.cli.entry import main

if __name__ == "__main__":
    main()

"""The scanner, a small process of ours: sees who has which socket, however short they live.

A connection of a millisecond or two is gone before anybody is told of the process that made it, so
whoever is to see both must be awake at that moment and have nothing else to do. It runs as a file
under `python -I -S`: a main file is compiled at each start, so this one is small.
"""

import gc
import posix
import sys

assert sys.platform == "linux"


def main(arguments: list[str]) -> None:
    """Run: the sockets of the destroyed and of orders, the pipe, a socket to ask by or -1."""
    # Under -I neither the folder of the script nor that of the packages is on the path.
    sys.path.append(__file__.rpartition("/netsniff/sources/")[0])
    from netsniff.sources import scan_loop

    gc.disable()  # nothing there makes a cycle
    posix.chdir("/proc")  # one path component less to look up; no user's folder is held
    deaths, orders, pipe, asking = (int(word) for word in arguments)
    try:
        scan_loop.Scanner(deaths, orders, pipe, asking).run()
    except BrokenPipeError:
        return


if __name__ == "__main__":
    main(sys.argv[1:])

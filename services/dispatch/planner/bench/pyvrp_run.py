"""Runs PyVRP on one Solomon file: file, seconds, seed, clock (cpu or wall). Prints the distance in one-decimal units."""

import sys
import time

import pyvrp
from pyvrp import stop as stops


class Cpu:
    """Stops after seconds of this process, so that a busy machine is fair to both."""

    def __init__(self, seconds):
        self.until = time.process_time() + seconds

    def __call__(self, *_):
        return time.process_time() > self.until


def main():
    path, seconds, seed, clock = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    data = pyvrp.read(path, round_func="dimacs")
    stop = Cpu(seconds) if clock == "cpu" else stops.MaxRuntime(seconds)
    result = pyvrp.solve(data, stop=stop, seed=seed, display=False)
    if result.best.is_feasible():
        print(result.best.distance() / 10)


main()

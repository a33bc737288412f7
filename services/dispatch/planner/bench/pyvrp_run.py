"""Runs PyVRP 0.14 on one Solomon file: file, seconds, seed, clock (cpu or wall). Prints the distance, every distance cut to one decimal."""

import sys
import time

import numpy as np
import pyvrp
from pyvrp import stop as stops


class Cpu:
    """Stops after seconds of this process, so that a busy machine is fair to both."""

    def __init__(self, seconds):
        self.until = time.process_time() + seconds

    def __call__(self, *_):
        return time.process_time() > self.until


def rows(path):
    for line in open(path):
        try:
            yield [float(word) for word in line.split()]
        except ValueError:
            pass


def problem(path):
    numbers = [row for row in rows(path) if row]
    vehicles, capacity = next(row for row in numbers if len(row) == 2)
    table = np.array([row for row in numbers if len(row) == 7])
    points = table[:, 1:3]
    ways = np.sqrt(((points[:, None, :] - points[None, :, :]) ** 2).sum(axis=2))
    ways = np.floor(ways * 10 + 1e-6).astype(int)
    whole = (table[:, 3:] * [1, 10, 10, 10]).astype(int)
    early, late = int(whole[0, 1]), int(whole[0, 2])
    clients = [
        pyvrp.Client(at, delivery=[int(row[0])], service_duration=int(row[3]), tw_early=int(row[1]), tw_late=int(row[2]))
        for at, row in enumerate(whole)
        if at > 0
    ]
    return pyvrp.ProblemData(
        locations=[pyvrp.Location(x, y) for x, y in points],
        clients=clients,
        depots=[pyvrp.Depot(0)],
        vehicle_types=[pyvrp.VehicleType(int(vehicles), capacity=[int(capacity)], tw_early=early, tw_late=late)],
        distance_matrices=[ways],
        duration_matrices=[ways],
    )


def main():
    path, seconds, seed, clock = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    data = problem(path)
    stop = Cpu(seconds) if clock == "cpu" else stops.MaxRuntime(seconds)
    result = pyvrp.solve(data, stop=stop, seed=seed, collect_stats=False, display=False)
    if result.best.is_feasible():
        print(result.best.distance() / 10)


main()

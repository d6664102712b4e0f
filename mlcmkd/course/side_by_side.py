"""Runs trainings and notebooks side by side, each after those whose models it uses.

Two cores train the course's small networks faster as two processes of one thread each than as one of two
threads, which wait for each other after every small operation (`benchmarks/busy_machine.py`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from graphlib import TopologicalSorter
from multiprocessing import get_context
from typing import Any

from mlcmkd.course.trainings import FACES, trainings_of
from mlcmkd.utils.progress import tqdm

# Notebook -> the lesson whose trainings it uses, and with them all that these started from.
USES = {
    "00": "00",
    "02": "00",
    "03": "03",
    "03b": "03",
    "04": "04",
    "05": "05",
    "06": "04",
    "06b": "04",
    "07": "03",
    "07b": "03",
}
LAST = "08"  # its tables have every model


def waiting_for(numbers: Sequence[str]) -> dict[str, set[str]]:
    """The jobs that have to end before each job starts: trainings first, then notebooks.

    Args:
        numbers: of the notebooks to run, such as "06b". A training that none of them teaches is no job:
            a notebook that needs it does it, as when it runs alone.
    """
    trainings = trainings_of(numbers)
    before = {name: {*each.after} & {*trainings} for name, each in trainings.items()}
    for number in numbers:
        used = USES.get(number)
        before[number] = {name for name, each in trainings.items() if each.lesson == used}
        before[number] |= {FACES} & {*trainings}
    if LAST in before:
        before[LAST] = {*before} - {LAST}
    return before


def run_side_by_side(
    jobs: Mapping[str, tuple[Callable[..., Any], *tuple[Any, ...]]],
    before: Mapping[str, set[str]],
    workers: int,
) -> Iterator[tuple[str, Any]]:
    """Runs each job in a process; yields its name and result as it ends.

    Args:
        jobs: name -> a function of a module, and its arguments; of the jobs that may start, the first
            does.
        before: from `waiting_for`.
        workers: most processes at a time.

    Raises:
        Exception: that of the first job that fails. Those that run are waited for; no other starts.
    """
    order = TopologicalSorter(before)
    order.prepare()
    ready: list[str] = []
    running: dict[Future, str] = {}
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        while order.is_active():
            ready = sorted([*ready, *order.get_ready()], key=list(jobs).index)
            while ready and len(running) < workers:
                name = ready.pop(0)
                running[pool.submit(*jobs[name])] = name
            ended, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                name = running.pop(future)
                if future.exception() is not None and running:
                    tqdm.write(f"{name} failed; waiting for {', '.join(running.values())}")
                result = future.result()
                order.done(name)
                yield name, result

"""Identities kept by the tracker in simulated sequences: `python benchmarks/tracking.py`.

One to six people in 320 x 240 px for a minute: half of them sit and move their heads, half walk from
border to border, leave for three seconds and come back as someone new. Faces are 25 to 80 px; a face
is not detected while a nearer one covers half of it. Detected boxes have noise (4 % of the side for
the centre, 5 % for the size); a share of them is missing, alone and in rows of up to 0.4 s, and false
alarms are added. The truth is known, so nothing is matched by overlap.

IDSW: changes of a person's number from one detection to the next (CLEAR MOT). IDF1: share of boxes
with the right number in the best one-to-one assignment of numbers to persons (Ristani et al., 2016);
missing faces and false alarms lower it for every tracker ("best possible"). Numbers a person: 1 where
no track is interrupted. Fragments of CLEAR MOT count the detector's misses here and are left out.

`--peers` adds trackers of the package `trackers` with their defaults, but our limit for lost tracks
(`pip install --no-deps trackers supervision pydeprecate defusedxml requests`, in an environment of its
own). They were not made for these sequences, on which our values were chosen (seeds 0 to 2, 40 s).
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
from scipy.optimize import linear_sum_assignment

from mlcmkd.deployment.boxes import iou
from mlcmkd.deployment.tracking import FORGET, Tracker

WIDTH, HEIGHT = 320, 240
AWAY = 3.0  # seconds outside of the image
DETECTORS = {"good": (0.05, 0.01), "poor": (0.2, 0.1)}  # missing share, false alarms per frame
Boxes = list[tuple[tuple[float, ...], int]]  # each box with its person's number; -1: false alarm


def sitting(times: np.ndarray, side: float, rng: np.random.Generator) -> np.ndarray:
    """Centres (T, 2) of a head that moves by a third of its side around its place in about a second."""
    place = rng.uniform((side, side), (WIDTH - side, HEIGHT - side))
    frequencies, phases = rng.uniform(0.1, 0.8, (4, 2)), rng.uniform(0, 2 * np.pi, (4, 2))
    waves = np.sin(2 * np.pi * frequencies * times[:, None, None] + phases)  # (T, 4, 2)
    return place + 0.25 * side * waves.sum(axis=1) * (1, 0.4)


def walking(times: np.ndarray, side: float, rng: np.random.Generator) -> np.ndarray:
    """Centres (T, 2) of a head that crosses the image at 0.5 to 2.5 sides per second, repeatedly."""
    centres = np.full((len(times), 2), np.nan)
    start = -rng.uniform(0, AWAY)
    while start < times[-1]:
        speed, right = side * rng.uniform(0.5, 2.5), rng.random() < 0.5
        y = rng.uniform(0.3 * HEIGHT, 0.7 * HEIGHT)
        inside = (times >= start) & (times < start + WIDTH / speed)
        x = speed * (times[inside] - start)
        bob = 0.08 * side * np.sin(2 * np.pi * 1.8 * times[inside])
        centres[inside] = np.stack([x if right else WIDTH - x, y + bob], axis=1)
        start += WIDTH / speed + AWAY
    return centres


def scene(people: int, seconds: float, fps: float, rng: np.random.Generator):
    """Boxes (T, P, 4), NaN outside of the image, and the persons' numbers (T, P)."""
    times = np.arange(round(seconds * fps)) / fps
    sides = rng.uniform(25, 80, people)
    boxes = np.empty((len(times), people, 4))
    persons = np.zeros((len(times), people), int)
    for p, side in enumerate(sides):
        centres = (sitting if p % 2 else walking)(times, side, rng)
        turn = 1 + 0.12 * np.sin(2 * np.pi * rng.uniform(0.1, 0.5) * times + rng.uniform(0, 6))
        half = np.stack([side * turn / 2, np.full(len(times), side / 2)], axis=1)
        boxes[:, p] = np.concatenate([centres - half, centres + half], axis=1)
        away = np.isnan(centres[:, 0])
        persons[:, p] = p + people * np.cumsum(np.diff(away, prepend=True) == 1)
    return boxes, persons


def detect(boxes: np.ndarray, persons: np.ndarray, fps: float, detector: str, rng) -> list[Boxes]:
    """What a detector finds in each frame."""
    missing, alarms = DETECTORS[detector]
    count, people = persons.shape
    gone = rng.random((count, people)) < missing / 2
    for t, p in zip(
        *np.nonzero(rng.random((count, people)) < missing / 2 / (0.2 * fps)), strict=True
    ):
        gone[t : t + round(rng.uniform(0, 0.4) * fps) + 1, p] = True
    frames = []
    for t in range(count):
        found: Boxes = []
        for p in range(people):
            box = boxes[t, p]
            if gone[t, p] or np.isnan(box).any() or _covered(box, boxes[t]):
                continue
            side = box[3] - box[1]
            shift = np.tile(rng.normal(0, 0.04 * side, 2), 2)
            grow = rng.normal(0, 0.025 * side, 2)
            found.append((tuple(box + shift + np.concatenate([-grow, grow])), int(persons[t, p])))
        for _ in range(rng.poisson(alarms)):
            x, y, side = rng.uniform((0, 0, 25), (WIDTH - 25, HEIGHT - 25, 80))
            found.append(((x, y, x + side, y + side), -1))
        frames.append([found[n] for n in rng.permutation(len(found))])
    return frames


def _covered(box: np.ndarray, others: np.ndarray) -> bool:
    """Whether a nearer face, which is larger, covers half of a face."""
    nearer = others[(others[:, 3] - others[:, 1]) > box[3] - box[1]]
    width = np.minimum(nearer[:, 2], box[2]) - np.maximum(nearer[:, 0], box[0])
    height = np.minimum(nearer[:, 3], box[3]) - np.maximum(nearer[:, 1], box[1])
    shared = np.clip(width, 0, None) * np.clip(height, 0, None)
    return bool((shared > 0.5 * (box[2] - box[0]) * (box[3] - box[1])).any())


class Greedy:
    """A greedy tracker for comparison: the highest IoU (at least 0.3) first, without a motion model."""

    def __init__(self):
        self._tracks: dict[int, tuple[tuple[float, ...], float]] = {}
        self._count = 0

    def persons(self, boxes: list[tuple[float, ...]], seconds: float) -> list[int]:
        """Returns a number for each box."""
        self._tracks = {k: v for k, v in self._tracks.items() if seconds - v[1] <= 0.5}
        pairs = sorted(
            ((iou(b, v[0]), n, k) for n, b in enumerate(boxes) for k, v in self._tracks.items()),
            reverse=True,
        )
        number: dict[int, int] = {}
        for overlap, n, k in pairs:
            if overlap >= 0.3 and n not in number and k not in number.values():
                number[n] = k
        for n, box in enumerate(boxes):
            if n not in number:
                self._count += 1
                number[n] = self._count
            self._tracks[number[n]] = (box, seconds)
        return [number[n] for n in range(len(boxes))]


class Peer:
    """A tracker of the package `trackers`; boxes to which it gives no number have None."""

    def __init__(self, name: str, fps: float):
        import trackers

        kind = getattr(trackers, name)
        self._tracker = kind(frame_rate=fps, lost_track_buffer=round(30 * FORGET))

    def persons(self, boxes: list[tuple[float, ...]], seconds: float) -> list[int | None]:
        """Returns a number for each box."""
        from supervision import Detections

        if not boxes:
            self._tracker.update(Detections.empty())
            return []
        rows = np.arange(len(boxes))
        found = Detections(np.array(boxes), confidence=np.full(len(boxes), 0.9), class_id=rows)
        found = self._tracker.update(found)
        number = dict(zip(found.class_id.tolist(), found.tracker_id.tolist(), strict=True))
        return [number[n] if number.get(n, -1) >= 0 else None for n in rows.tolist()]


def run(tracker, frames: list[Boxes], fps: float) -> list[tuple[int, int | None]]:
    """(person, number) of every box, in order; a person of -1 is a false alarm."""
    pairs = []
    for n, found in enumerate(frames):
        numbers = tracker.persons([box for box, _ in found], n / fps)
        pairs += [(person, m) for (_, person), m in zip(found, numbers, strict=True)]
    return pairs


def scores(pairs: list[tuple[int, int | None]], truths: int) -> dict[str, float]:
    """IDSW, IDF1 in %, and numbers per person.

    Args:
        pairs: (person, number) of every box.
        truths: number of faces that there are, found or not.
    """
    last: dict[int, int] = {}
    switches = 0
    counts: dict[tuple[int, int], int] = {}
    for person, number in pairs:
        if person >= 0 and number is not None:
            switches += last.get(person, number) != number
            last[person] = number
            counts[person, number] = counts.get((person, number), 0) + 1
    people, numbers = sorted(last), sorted({number for _, number in counts})
    table = np.zeros((len(people), len(numbers)))
    for (person, number), count in counts.items():
        table[people.index(person), numbers.index(number)] = count
    right = table[linear_sum_assignment(-table)].sum()
    return {
        "IDSW": switches,
        "IDF1": 200 * right / (len(pairs) + truths),
        "numbers": len(counts) / max(len(people), 1),
    }


class Oracle:
    """A tracker that knows the persons; its scores are the highest that the boxes permit."""

    def __init__(self, frames: list[Boxes]):
        self._frames = iter(frames)

    def persons(self, boxes: list, seconds: float) -> list[int]:
        """Returns the true number of each box."""
        return [person for _, person in next(self._frames)]


def measure(
    make: Callable[[list[Boxes], float], object],
    people: int,
    fps: float,
    detector: str,
    seeds: range,
    seconds: float = 60,
) -> dict[str, float]:
    """Mean scores over seeds; IDSW per minute."""
    rows = []
    for seed in seeds:
        rng = np.random.default_rng((seed, people))
        boxes, persons = scene(people, seconds, fps, rng)
        frames = detect(boxes, persons, fps, detector, rng)
        start = time.process_time()
        pairs = run(make(frames, fps), frames, fps)
        spent = time.process_time() - start
        row = scores(pairs, int(np.isfinite(boxes[..., 0]).sum()))
        row["IDSW"] *= 60 / seconds
        rows.append(row | {"us": 1e6 * spent / len(frames)})
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


TRACKERS = {
    "Tracker": lambda frames, fps: Tracker(),
    "greedy IoU": lambda frames, fps: Greedy(),
    "best possible": lambda frames, fps: Oracle(frames),
}
PEERS = {
    name: lambda frames, fps, name=name: Peer(f"{name}Tracker", fps)
    for name in ("SORT", "ByteTrack", "OCSORT", "CBIoU")
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10, help="sequences for each row")
    parser.add_argument(
        "--first", type=int, default=1000, help="first seed; 0 to 99 are for choices"
    )
    parser.add_argument("--fps", nargs="+", type=float, default=[30, 5])
    parser.add_argument("--people", nargs="+", type=int, default=range(1, 7))
    parser.add_argument("--detectors", nargs="+", choices=DETECTORS, default=list(DETECTORS))
    parser.add_argument("--peers", action="store_true")
    arguments = parser.parse_args()
    trackers = TRACKERS | (PEERS if arguments.peers else {})
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    print(
        "| detector | frames/s | people | tracker | IDSW a minute | IDF1 (%) | numbers a person "
        "| us a frame |"
    )
    print("|" + " --- |" * 8)
    for detector in arguments.detectors:
        for fps in arguments.fps:
            for people in arguments.people:
                for name, make in trackers.items():
                    row = measure(make, people, fps, detector, seeds)
                    figures = "{IDSW:.1f} | {IDF1:.1f} | {numbers:.2f} | {us:.0f}".format(**row)
                    print(f"| {detector} | {fps:g} | {people} | {name} | {figures} |", flush=True)


if __name__ == "__main__":
    main()

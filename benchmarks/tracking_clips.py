"""Identities kept from frames to numbers: `python benchmarks/tracking_clips.py`.

Rendered clips of people who move (`make_clip`; half of them walk from border to border) go through the
face detector, the landmarks and the tracker, as in `predict`; nothing is simulated but the images.
People are others than in any training; faces have 12 to 240 pixels of a frame of 320 x 240.

A found face belongs to the person whose true face its landmarks' box overlaps most, with IoU > 0.5. True
faces that are mostly hidden, outside of the frame, too small for the sensor or turned away do not count,
whether they are found or not. Scores are those of benchmarks/tracking.py. "Best possible" gives every
found face the number of its person, so the rest is missed by the detector. "Lost": people whose face
counts in at least one second of the clip, and that are never found.
"""

import argparse
from collections.abc import Sequence

import numpy as np
from tracking import scores

from mlcmkd.cli import guarded
from mlcmkd.data.crops import tight_box
from mlcmkd.data.thermal.radiometry import FACE_CELSIUS
from mlcmkd.deployment.boxes import iou
from mlcmkd.deployment.faces import FaceLandmarks
from mlcmkd.deployment.predictor import Predictor
from mlcmkd.deployment.tracking import Tracker
from mlcmkd.synthetic.frames.clips import make_clip
from mlcmkd.synthetic.frames.frames import SyntheticFrames
from mlcmkd.synthetic.splits import FIRST_IDENTITY
from mlcmkd.training.provenance import processor_name
from mlcmkd.utils.markdown import markdown_table
from mlcmkd.utils.progress import tqdm

SIZE = (240, 320)
MATCH = 0.5  # lowest IoU of a found face with a true one
Pairs = list[tuple[int, int | None]]  # (person, number) of found faces; person -1: a false alarm


def tracked(predictor: Predictor, clip: SyntheticFrames, fps: float) -> list[list[FaceLandmarks]]:
    """The faces of each frame, with the numbers of their persons."""
    tracker, frames = Tracker(), []
    for n, frame in enumerate(clip.thermal):
        # `predict` refuses frames that are far colder than faces.
        crops = predictor.face_crops(FACE_CELSIUS.to_unit(frame))
        frames.append(tracker(predictor.predict_crops(crops), n / fps))
    return frames


def person_of(face: FaceLandmarks, boxes: np.ndarray) -> int:
    """The row of the true box that a found face overlaps most; -1 without one."""
    overlaps = [iou(tight_box(face.landmarks), tuple(box)) for box in boxes]
    best = int(np.argmax(overlaps)) if overlaps else -1
    return best if best >= 0 and overlaps[best] > MATCH else -1


def pairs_of(clip: SyntheticFrames, found: list[list[FaceLandmarks]]) -> Pairs:
    """(person, number) of each found face but those that are neither right nor wrong."""
    pairs: Pairs = []
    for faces, boxes, counted in zip(found, clip.boxes, clip.counted(rgb=False), strict=True):
        for face in faces:
            person = person_of(face, boxes)
            if person < 0 or counted[person]:
                pairs.append((person, face.person))
    return pairs


def measured(predictor: Predictor, people: int, options: argparse.Namespace) -> dict[str, object]:
    """A row of the table: the sums over all clips with this number of people."""
    pairs: Pairs = []
    truths = persons = lost = 0
    for n in tqdm(range(options.clips), desc=f"clips, {people} people", unit="clip"):
        clip = make_clip(
            round(options.seconds * options.fps),
            seed=1,
            size=SIZE,
            number=FIRST_IDENTITY[options.split] + 10_000 * people + n,
            heads=people,
            fps=options.fps,
            rgb=False,
        )
        of_clip = pairs_of(clip, tracked(predictor, clip, options.fps))
        seconds = np.sum(clip.counted(rgb=False), axis=0) / options.fps  # of each person
        truths += round(seconds.sum() * options.fps)
        seen = {person for person, _ in of_clip}
        persons += int((seconds >= 1).sum())
        lost += sum(person not in seen for person in np.flatnonzero(seconds >= 1).tolist())
        # Other clips have other people and other numbers.
        pairs += [
            (
                person if person < 0 else 100 * n + person,
                None if number is None else 10**6 * n + number,
            )
            for person, number in of_clip
        ]
    ours = scores(pairs, truths)
    best = scores([(person, person) for person, _ in pairs], truths)
    minutes = options.clips * options.seconds / 60
    right = sum(person >= 0 for person, _ in pairs)
    return {
        "people": people,
        "clips": options.clips,
        "faces": truths,
        "found (%)": f"{100 * right / max(truths, 1):.1f}",
        "false alarms a minute": f"{(len(pairs) - right) / minutes:.1f}",
        "IDSW a minute": f"{ours['IDSW'] / minutes:.1f}",
        "IDF1 (%)": f"{ours['IDF1']:.1f}",
        "IDF1, best possible": f"{best['IDF1']:.1f}",
        "numbers a person": f"{ours['numbers']:.2f}",
        "lost people": f"{lost} of {persons}",
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=10, help="clips for each number of people")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--fps", type=float, default=10)
    parser.add_argument("--people", type=int, nargs="+", default=[1, 2, 3, 4])
    parser.add_argument("--split", default="test", choices=["val", "test"])
    options = parser.parse_args(arguments)
    print(f"{processor_name()}; split {options.split}\n", flush=True)
    predictor = Predictor()
    for n, people in enumerate(options.people):
        lines = markdown_table([measured(predictor, people, options)]).splitlines()
        print("\n".join(lines if n == 0 else lines[2:]), flush=True)


if __name__ == "__main__":
    guarded(main)

"""Rendering time of synthetic faces: `python benchmarks/synthetic_faces.py [--workers 1 2]`."""

import argparse
import time

from mlcmkd.synthetic.faces import make_faces


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split(":")[0])
    parser.add_argument("--count", type=int, default=2000, help="pairs")
    parser.add_argument("--size", type=int, default=96, help="side of the images, pixels")
    parser.add_argument("--workers", nargs="+", type=int, default=[1, 2], help="processes")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    make_faces(1, size=arguments.size)  # compiles, and reads the files of the renderer
    print("| processes | seconds | pairs/s | ms per pair |")
    print("| --- | --- | --- | --- |")
    for workers in arguments.workers:
        for _ in range(arguments.repeats):
            started = time.perf_counter()
            make_faces(arguments.count, size=arguments.size, workers=workers)
            seconds = time.perf_counter() - started
            print(
                f"| {workers} | {seconds:.1f} | {arguments.count / seconds:.0f} | "
                f"{1000 * seconds / arguments.count:.1f} |"
            )


if __name__ == "__main__":
    main()

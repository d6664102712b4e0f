"""Rendering time of synthetic faces: `python benchmarks/synthetic_faces.py [count] [repeats]`."""

import sys
import time

from mlcmkd.synthetic.faces import make_faces

if __name__ == "__main__":
    count, repeats = (int(text) for text in (sys.argv[1:] + ["2000", "3"][len(sys.argv) - 1 :]))
    for _ in range(repeats):
        started = time.perf_counter()
        make_faces(count, size=96)
        seconds = time.perf_counter() - started
        print(f"{count} pairs at 96 px: {seconds:.1f} s, {1000 * seconds / count:.1f} ms per pair")

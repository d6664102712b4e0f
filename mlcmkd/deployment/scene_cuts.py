"""Detection of cuts between the scenes of a video, by the change from frame to frame.

The change is 1 - Spearman's rank correlation of two small versions of the frames. Gain control changes
offset, gain and curve of the levels from frame to frame, but keeps their order, so ranks are compared.
"""

from collections import deque

import cv2
import numpy as np

# Chosen on the Knapik development sequences, as recorded and with simulated gain control, so that steps
# of five frames are not taken for cuts. A cut to another person on the same seat and with the same
# camera may be missed.
CHANGE = 0.2  # smallest change of a cut
TIMES = 2.0  # smallest ratio of the change of a cut to the largest recent change
_RECENT = 5  # number of recent changes that are compared
_FEWEST = 3  # recent changes that are needed; with fewer the usual change is unknown
_SIZE = (32, 24)  # width and height of the small version, px
_LEVELS = 32  # number of levels; coarse, so that noise in uniform areas does not change the ranks


class SceneCuts:
    """Decides for each frame of one sequence whether a new scene starts with it.

    Fades, and cuts within the first frames of a sequence, are not detected.
    """

    def __init__(self):
        self._last: np.ndarray | None = None
        self._shape: tuple[int, ...] = ()
        self._changes: deque[float] = deque(maxlen=_RECENT)

    def __call__(self, values: np.ndarray | None) -> bool:
        """Whether a frame belongs to another scene than the previous frame.

        Args:
            values: (H, W) or (H, W, 3) of any type; None for an unreadable frame. Unreadable frames, and
                frames in which all pixels are equal, are skipped.
        """
        ranks = None if values is None else _ranks(values)
        if ranks is None:
            return False
        last, shape = self._last, self._shape
        self._last, self._shape = ranks, values.shape[:2]
        if last is None:
            return False
        change = 1 - float(last @ ranks)
        usual = max(self._changes, default=0.0)
        cut = len(self._changes) >= _FEWEST and change > max(CHANGE, TIMES * usual)
        if not cut:  # otherwise a second cut soon after would be within the usual changes
            self._changes.append(change)
        return cut or shape != self._shape


def _ranks(values: np.ndarray) -> np.ndarray | None:
    """Ranks of a small version of the frame, of mean 0 and norm 1; None where all are equal."""
    grey = values.astype(np.float32)
    if grey.ndim == 3:
        grey = grey.mean(axis=2)
    finite = np.isfinite(grey)
    if not finite.any():
        return None
    if not finite.all():
        grey = np.where(finite, grey, np.median(grey[finite]))
    small = cv2.resize(grey, _SIZE, interpolation=cv2.INTER_AREA).ravel()
    low, high = np.quantile(small, (0.01, 0.99))
    if not high > low:
        return None
    from scipy.stats import rankdata  # here, because its import takes a second

    ranks = rankdata(np.rint(np.clip((small - low) / (high - low), 0, 1) * _LEVELS))
    ranks -= ranks.mean()
    norm = np.linalg.norm(ranks)
    return ranks / norm if norm > 0 else None

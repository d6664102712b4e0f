"""Registration of pairs by landmarks, before distillation.

The shift between the images of a pair is measured by a teacher's landmarks on the RGB image and a
student's landmarks on the thermal image. The mean over all landmarks is far more accurate than a single
landmark, so a student that was trained on a hundred labels is accurate enough.

    motion       maps between the shapes of a pair: a translation, or a similarity
    shrinkage    weights of the maps of unlabelled pairs
    wrong_pairs  detection of pairs whose images do not show the same face
    estimate     these three steps in sequence, from shapes to a `Registered`
    config       settings of a run

The method is ours and is in neither paper.
"""

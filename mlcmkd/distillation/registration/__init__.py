"""Registration of pairs by landmarks, before distillation.

A teacher's landmarks on an RGB image and a student's on the thermal image of the same pair show how far
the two images are apart. The mean over all landmarks places a face far better than a single landmark,
so a student that has learnt from a hundred labels is good enough.

    motion       maps between the shapes of a pair: a translation, or a similarity
    shrinkage    how far the maps of unlabelled pairs are trusted
    wrong_pairs  pairs whose images do not belong together
    estimate     the three in a row, from shapes to a `Registered`
    config       what a run sets

The method is ours, in neither paper.
"""

"""From files to batches: manifests, images, crops, pairs in memory, and their augmentation."""

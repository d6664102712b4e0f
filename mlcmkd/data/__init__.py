"""From files to batches: manifests, images, pairs in memory, and their augmentation.

`manifest` defines the rows on disk; `images`, `crops`, `pts` and `landmark_files` read files; `pairs`
loads a split into memory (`storage` pages large ones from disk); `transforms` makes augmented batches.
`thermal` converts thermal values, `overlays` draws two images in one, `config` selects pairs for a run.
"""

"""Losses, frozen teachers and objectives of both papers.

`objective.Objective` is the contract of every objective. `supervised`, `mlcm_kd` (KTL, MCL),
`two_teachers` (KD-Loss) and `pseudo_labels` implement it, from `losses`, `targets` and `terms`.
"""

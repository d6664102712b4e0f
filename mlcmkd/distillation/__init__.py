"""Losses, frozen teachers and training objectives of MLCM-KD and KD-Loss.

MLCM-KD is the method of Tong et al. (arXiv 2510.11128), KD-Loss that of Fard and Mahoor
(arXiv 2111.07047). `objective.Objective` is the interface of every objective. Four modules implement it:
`supervised`, `mlcm_kd` (KTL, the knowledge transfer level, and MCL, the model compression level),
`two_teachers` (KD-Loss) and `pseudo_labels`. They use `losses`, `targets` and `terms`.
"""

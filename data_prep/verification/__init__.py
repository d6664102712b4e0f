"""Verification of a manifest before training: `mlcmkd prepare --check OUT`.

`check_manifest.verify` checks every row (`check_row`, with `left_right` for swapped landmarks) and the
rows together (`check_consistency`), and collects all problems in a `report.VerifyReport`.
"""

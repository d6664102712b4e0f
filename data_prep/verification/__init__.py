"""Verification of a manifest before training: `mlcmkd prepare --check OUT`.

`check_manifest.verify` checks every row (`check_row`, whose rules of landmarks and boxes are those of
`mlcmkd.data.plausibility`) and the rows together (`check_consistency`), and collects all problems in a
`report.VerifyReport`.
"""

"""From downloaded data sets to manifests; the only package that knows data sets by name.

`prepare.prepare` reads a data set (`readers`), assigns `splits`, adds simulated thermal images
(`simulation`) and writes the manifest (`writer`, `entry`; `staging` and `fingerprint` resume an
interrupted preparation). `registration` aligns the images of two cameras, `verification` checks a
manifest.
"""

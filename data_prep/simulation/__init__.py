"""Simulated thermal images of annotated photos.

`simulate.simulate_thermal` renders one image: `scene` paints temperatures into the `regions` of a head
(`glasses` among them), `camera` applies sensor effects, `settings` hold the ranges of all parameters.
"""

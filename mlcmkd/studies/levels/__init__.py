"""Levels: is transfer followed by compression better than one step, in the same training time?

Three routes to the same light thermal student are compared. KTL is the knowledge transfer level, MCL the
model compression level:

two-level    KTL from the RGB teacher to a thermal student of its size; then MCL to the light student
one-step     the RGB teacher teaches the light student directly
light alone  the light student learns from the labels

The config states the steps of the two levels. The other routes train for the same time: their number of
steps follows from the milliseconds per step of all routes, which are measured in turn before the first
run. Only training steps count. The RGB teacher, which all routes share, and the validation do not.
"""

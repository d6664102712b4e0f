"""Thermal images: from what a camera wrote to degrees C and to the input of a network."""

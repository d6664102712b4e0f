"""The grid on which a face detector predicts: shared by its training and by its use without torch."""

STRIDE = 4  # pixels of the input per cell of the output
UNIT_SIDE = 32.0  # width and height of a box of which the logarithm is 0, pixels of the input
MULTIPLE = 32  # the sides of the input are multiples of it, as the coarsest feature map needs

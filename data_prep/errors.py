"""What a reader reports beside the errors of bad files."""

from mlcmkd.utils.errors import InputError


class Unlabelled(InputError):
    """An image or a face without any label. It is left out and counted, and it stops nothing."""

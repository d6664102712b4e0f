"""What a reader reports besides the errors of bad files."""

from mlcmkd.utils.errors import InputError


class Unlabelled(InputError):
    """An image or a face without any label. It is left out and counted; the preparation continues."""

"""Every scheme by its name, the fewest points first."""

from collections.abc import Mapping

from mlcmkd.schemes.charlotte import CHARLOTTE43, CHARLOTTE73
from mlcmkd.schemes.cofw import COFW29
from mlcmkd.schemes.few import CORNERS6, FACE5
from mlcmkd.schemes.ibug import IBUG68, IBUG70, SFTL54
from mlcmkd.schemes.scheme import Scheme
from mlcmkd.schemes.wflw import WFLW98
from mlcmkd.utils.errors import InputError

SCHEMES: Mapping[str, Scheme] = {
    scheme.name: scheme
    for scheme in (
        FACE5,
        CORNERS6,
        COFW29,
        CHARLOTTE43,
        SFTL54,
        IBUG68,
        IBUG70,
        CHARLOTTE73,
        WFLW98,
    )
}


def get_scheme(name: str) -> Scheme:
    """The scheme of that name.

    Raises:
        InputError: no such scheme; the message lists the known ones.
    """
    try:
        return SCHEMES[name]
    except KeyError:
        raise InputError(
            f"landmark scheme '{name}' is unknown; use one of {', '.join(SCHEMES)}"
        ) from None

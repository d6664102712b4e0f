"""All landmark schemes by name: the library's own, the fewest points first, then registered ones."""

from mlcmkd.schemes.charlotte import CHARLOTTE43, CHARLOTTE73
from mlcmkd.schemes.cofw import COFW29
from mlcmkd.schemes.few import CORNERS6, FACE5
from mlcmkd.schemes.ibug import IBUG68, IBUG70, SFTL54
from mlcmkd.schemes.scheme import Scheme, check_scheme
from mlcmkd.schemes.wflw import WFLW98
from mlcmkd.utils.registry import Registry

SCHEMES: Registry[Scheme] = Registry(
    "landmark scheme",
    {
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
    },
)


def get_scheme(name: str) -> Scheme:
    """The scheme of that name.

    Raises:
        InputError: no such scheme; the message lists the known ones.
    """
    return SCHEMES.find(name)


def register_scheme(scheme: Scheme) -> Scheme:
    """Adds a landmark scheme; manifests, models and scores can name it from then on.

    Register it in each process, before a manifest or weights of this scheme are loaded. Points with
    the same name in two schemes are converted from one to the other.

    Args:
        scheme: the new scheme; its name may not be one of mlcmkd's.

    Returns:
        The same scheme.

    Raises:
        InputError: the name belongs to mlcmkd, or the scheme contradicts itself (`check_scheme`).
    """
    check_scheme(scheme)
    SCHEMES.register(scheme.name, scheme)
    return scheme


def scheme_of_count(points: int) -> Scheme | None:
    """The first scheme in `SCHEMES` with this number of points; None if there is none."""
    return next((scheme for scheme in SCHEMES.values() if scheme.points == points), None)

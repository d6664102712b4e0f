"""A registry: the library's names are fixed, a user's own can be added."""

import pytest

from mlcmkd.utils.errors import InputError
from mlcmkd.utils.registry import Registry


@pytest.fixture
def fruits() -> Registry[int]:
    return Registry("fruit", {"pear": 1, "apple": 2})


def test_it_is_a_mapping_in_the_order_of_registration(fruits):
    fruits.register("fig", 3)
    assert dict(fruits) == {"pear": 1, "apple": 2, "fig": 3} and list(fruits)[-1] == "fig"
    assert len(fruits) == 3 and fruits["fig"] == fruits.find("fig") == 3 and "fig" in fruits


def test_an_unknown_name_lists_the_known_ones(fruits):
    fruits.register("fig", 3)
    with pytest.raises(InputError, match="^fruit 'nut' is unknown; use one of pear, apple, fig$"):
        fruits.find("nut")
    assert fruits.get("nut") is None and "nut" not in fruits


def test_the_last_registration_of_an_own_name_counts(fruits):
    """A notebook cell that registers something may be executed again."""
    fruits.register("fig", 3)
    fruits.register("fig", 4)
    assert fruits["fig"] == 4 and len(fruits) == 3


def test_a_name_of_the_library_cannot_be_replaced(fruits):
    with pytest.raises(InputError, match="fruit 'pear' belongs to mlcmkd; choose another name"):
        fruits.register("pear", 9)
    with pytest.raises(TypeError):
        fruits["pear"] = 9
    assert fruits["pear"] == 1


@pytest.mark.parametrize("name", ["", " fig", "fig "])
def test_a_name_must_be_a_name(fruits, name):
    with pytest.raises(InputError, match="is empty or has spaces around it"):
        fruits.register(name, 3)

import pytest

from mlcmkd.utils.errors import InputError
from mlcmkd.utils.texts import read_json


def test_a_key_that_occurs_twice_in_json_is_an_error(tmp_path):
    path = tmp_path / "faces.json"
    path.write_text('{"images": [{"id": 1, "width": 640, "width": 480}]}')
    with pytest.raises(InputError, match=r"faces.json: the key 'width' appears twice"):
        read_json(path)
    path.write_text('{"images": [{"id": 1}, {"id": 2}]}')
    assert read_json(path) == {"images": [{"id": 1}, {"id": 2}]}

"""The base of all configs: late fields, strictness, and the one text for errors."""

import json
import pickle
from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field, ValidationError, field_validator, model_validator

from mlcmkd.distillation.strategies import Distillation, Weights
from mlcmkd.stages.train import TrainConfig
from mlcmkd.stages.transfer import TransferConfig
from mlcmkd.studies.config import run_id
from mlcmkd.training.config import FitConfig
from mlcmkd.utils.config import Config, late
from mlcmkd.utils.errors import InputError


class Inner(Config):
    size: int = Field(default=3, ge=1)
    kind: Literal["round", "square"] = "round"


class Outer(Config):
    name: str
    inner: Inner = Inner()
    spare: Inner | None = None
    several: list[Inner] = []
    by_name: dict[str, Inner] = {}
    count: int | Literal["auto"] = 1

    @field_validator("name")
    @classmethod
    def _plain(cls, name: str) -> str:
        if not name.isalpha():
            raise ValueError("only letters are allowed")
        return name

    @model_validator(mode="after")
    def _consistent(self) -> "Outer":
        if self.name == self.inner.kind:
            raise ValueError("name and kind must differ")
        return self


# --- late fields --------------------------------------------------------------------------------


class LaterInner(Inner):
    colour: str | None = late(None)
    weight: float = late(0, ge=0)


class LaterOuter(Outer):
    inner: LaterInner = LaterInner()
    several: list[LaterInner] = []


def test_a_late_field_is_not_written_at_its_default():
    assert LaterInner().model_dump_json() == Inner().model_dump_json()
    assert LaterInner().model_dump() == Inner().model_dump() == {"size": 3, "kind": "round"}
    assert LaterInner(weight=0.0, colour=None).model_dump(mode="json") == Inner().model_dump()


def test_a_late_field_is_written_at_another_value_and_read_back():
    config = LaterInner(weight=2, colour="red")
    text = config.model_dump_json()
    assert json.loads(text) == {"size": 3, "kind": "round", "colour": "red", "weight": 2}
    assert LaterInner.model_validate_json(text) == config
    assert LaterInner.model_validate_json(Inner().model_dump_json()) == LaterInner()


def test_late_fields_of_nested_configs_are_left_out_too():
    plain = Outer(name="a", several=[Inner(), Inner(size=4)])
    later = LaterOuter(name="a", several=[LaterInner(), LaterInner(size=4)])
    assert later.model_dump_json() == plain.model_dump_json()
    changed = LaterOuter(name="a", inner={"weight": 1})
    assert json.loads(changed.model_dump_json())["inner"] == {**Inner().model_dump(), "weight": 1}


def test_a_late_field_is_constrained_copied_and_pickled_like_any_other():
    with pytest.raises(InputError, match="weight: Input should be greater than or equal to 0"):
        LaterInner.validated("", {"weight": -1})
    config = LaterOuter(name="a", inner={"weight": 1})
    assert pickle.loads(pickle.dumps(config)) == config
    copy = config.model_copy(update={"name": "b"})
    assert copy.inner.weight == 1 and copy.name == "b"
    assert "weight=1" in repr(config) and "weight=0" in repr(LaterInner())


class MoreWeights(Weights):
    """As if a term were added to `Weights` itself."""

    relation: float = late(0, ge=0)


class MoreDistillation(Distillation):
    weights: MoreWeights | None = None


class MoreTransfer(TransferConfig):
    distillation: MoreDistillation = MoreDistillation()


@pytest.mark.parametrize(
    "distillation", [{}, {"strategy": "fd"}, {"weights": {"fd": 8, "ri": 1}}, {"weights": {}}]
)
def test_a_new_distillation_term_changes_no_hash_of_a_stored_run(distillation):
    fields = {"out": "a", "teacher": "b", "seed": 1, "distillation": distillation}
    teacher = TrainConfig(out="c")
    before, after = TransferConfig(**fields), MoreTransfer(**fields)
    assert after.model_dump_json() == before.model_dump_json()
    assert run_id(after, teacher, "val") == run_id(before, teacher, "val")


def test_a_new_distillation_term_that_is_used_changes_the_hash():
    fields = {"out": "a", "teacher": "b"}
    weights = {"fd": 8, "relation": 1}
    plain = TransferConfig(**fields, distillation={"weights": {"fd": 8}})
    used = MoreTransfer(**fields, distillation={"weights": weights})
    teacher = TrainConfig(out="c")
    assert run_id(used, teacher, "val") != run_id(plain, teacher, "val")
    assert used.distillation.weights.any() and not MoreWeights().any()
    assert MoreWeights(relation=1).any()


def test_a_late_field_of_the_loop_is_hashed_once_it_is_used():
    one, two = TrainConfig(out="a"), TrainConfig(out="a", fit={"accumulate": 2})
    assert "accumulate" not in one.model_dump_json()
    assert two.fit.model_dump() == {**one.fit.model_dump(), "accumulate": 2}
    assert FitConfig(accumulate=2).accumulate == 2


# --- strict and frozen --------------------------------------------------------------------------


def test_a_config_refuses_unknown_names_and_cannot_be_changed():
    with pytest.raises(ValidationError, match="Extra inputs"):
        Inner(sise=3)
    with pytest.raises(ValidationError, match="frozen"):
        Inner().size = 4


# --- the text of errors -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"nam": "a"}, "nam: no such field; did you mean 'name'?"),
        (
            {"name": "a", "x": 1},
            "x: no such field; use one of name, inner, spare, several, by_name, count",
        ),
        ({"name": "a", "inner": {"sise": 1}}, "inner.sise: no such field; did you mean 'size'?"),
        ({"name": "a", "spare": {"kin": 1}}, "spare.kin: no such field; did you mean 'kind'?"),
        (
            {"name": "a", "several": [{}, {"sise": 1}]},
            "several.1.sise: no such field; did you mean 'size'?",
        ),
        (
            {"name": "a", "by_name": {"one": {"sise": 1}}},
            "by_name.one.sise: no such field; did you mean 'size'?",
        ),
        ({}, "name: Field required"),
        (
            {"name": "a", "inner": {"size": 0}},
            "inner.size: Input should be greater than or equal to 1 (given: 0)",
        ),
        (
            {"name": "a", "inner": {"kind": "flat"}},
            "inner.kind: Input should be 'round' or 'square' (given: 'flat')",
        ),
        ({"name": "1"}, "name: only letters are allowed (given: '1')"),
        ({"name": "round"}, "name and kind must differ"),
        (
            {"name": "a", "count": "some"},
            "count: Input should be a valid integer, unable to parse string as an integer or Input "
            "should be 'auto' (given: 'some')",
        ),
    ],
)
def test_an_error_names_the_field_what_is_wrong_and_what_was_given(fields, text):
    with pytest.raises(InputError) as error:
        Outer.validated("", fields)
    assert str(error.value) == text
    with pytest.raises(InputError) as error:
        Outer.validated("study.yaml", fields)
    assert str(error.value) == f"study.yaml: {text}"


def test_fields_that_are_no_mapping_are_an_error_too():
    with pytest.raises(InputError, match="study.yaml: Input should be a valid dictionary"):
        Outer.validated("study.yaml", [1, 2])


def test_a_long_value_is_shortened():
    with pytest.raises(InputError) as error:
        Inner.validated("", {"size": "9x" * 5000})
    assert len(str(error.value)) < 200


def test_every_config_of_the_project_has_this_base():
    """A class that is derived from pydantic's BaseModel directly would have an error text of its own."""
    root = Path(__file__).parents[2]
    found = [
        str(path.relative_to(root))
        for package in ("mlcmkd", "data_prep")
        for path in sorted((root / package).rglob("*.py"))
        if "(BaseModel)" in path.read_text(encoding="utf-8")
    ]
    assert found == ["mlcmkd/utils/config.py"]

"""The public names of `import mlcmkd`: complete, lazy, and the same for Python and for editors."""

import ast
import inspect
import pickle
import re
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

import mlcmkd
from data_prep.prepare import prepare
from data_prep.registration.folder import pair_folder
from mlcmkd import course
from mlcmkd.deployment.thermal_input import StatedInput
from mlcmkd.stages.attribute import attribute
from mlcmkd.stages.score import score_files
from mlcmkd.stages.tolerant import train_tolerant

SOURCE = Path(mlcmkd.__file__)
PROMISED = {
    *(
        "Predictor",
        "Landmarker",
        "ModelSpec",
        "Pairs",
        "load_pairs",
        "Augmentation",
        "Distillation",
    ),
    *("KTL", "MCL", "TwoTeachers", "train", "transfer", "compress", "train_kd_loss", "evaluate"),
    *("predict_files", "export", "SCHEMES", "InputError"),
    # what these functions take
    *("TrainConfig", "TransferConfig", "CompressConfig", "KDLossConfig", "EvaluateConfig"),
    *("ExportConfig", "DataConfig", "FitConfig"),
}


def names_for_editors(package=mlcmkd) -> dict[str, str]:
    """Name -> module of the imports under `if TYPE_CHECKING:`, which Python never executes."""
    (block,) = [
        node
        for node in ast.parse(Path(package.__file__).read_text()).body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    return {alias.name: node.module for node in block.body for alias in node.names}


def has_name(module: str, name: str) -> bool:
    """Whether `from module import name` works; `name` may be a module that nothing has imported yet."""
    return hasattr(import_module(module), name) or find_spec(f"{module}.{name}") is not None


def python(code: str) -> str:
    """Output of `code` in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=SOURCE.parents[1],
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_promised_name_is_public():
    assert set(mlcmkd.__all__) >= PROMISED


@pytest.mark.parametrize("package", [mlcmkd, course], ids=lambda package: package.__name__)
def test_editors_python_and_all_agree(package):
    module_of = {name: module for module, names in package._NAMES_OF.items() for name in names}
    assert names_for_editors(package) == module_of
    assert sorted(package.__all__) == sorted(module_of)
    assert len(set(package.__all__)) == len(package.__all__)
    assert set(package.__all__) <= set(dir(package))


@pytest.mark.parametrize("name", mlcmkd.__all__)
def test_a_name_is_the_object_of_its_module(name):
    value = getattr(mlcmkd, name)
    assert value is getattr(import_module(names_for_editors()[name]), name)
    assert not inspect.ismodule(value)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert value.__name__ == name


def test_functions_keep_their_names_when_modules_of_the_same_name_are_imported():
    """`mlcmkd.stages.train` is a module, `mlcmkd.train` the function in it."""
    modules = "compress", "evaluate", "export", "train", "transfer"
    imports = "; ".join(f"import mlcmkd.stages.{module}" for module in modules)
    calls = "; ".join(f"assert callable(mlcmkd.{module})" for module in modules)
    python(f"{imports}; {calls}")


def test_no_module_of_the_top_folder_has_a_public_name():
    """Importing such a module would replace the public object by the module."""
    modules = {path.stem for path in SOURCE.parent.iterdir()}
    assert "stages" in modules and not modules & set(mlcmkd.__all__)


def test_dir_lists_the_public_names():
    assert set(dir(mlcmkd)) >= {*mlcmkd.__all__, "__version__"}


def test_star_import():
    names: dict[str, object] = {}
    exec("from mlcmkd import *", names)
    assert set(names) - {"__builtins__"} == set(mlcmkd.__all__)


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [("Predicter", "Predictor"), ("TrainingConfig", "TrainConfig"), ("load_pair", "load_pairs")],
)
def test_an_unknown_name_suggests_the_closest(name, suggestion):
    message = f"module 'mlcmkd' has no attribute '{name}'; did you mean '{suggestion}'\\?"
    with pytest.raises(AttributeError, match=message):
        getattr(mlcmkd, name)


def test_an_unknown_name_without_a_close_match():
    with pytest.raises(AttributeError, match="no attribute 'zzz'$"):
        _ = mlcmkd.zzz
    assert not hasattr(mlcmkd, "__wrapped__")
    with pytest.raises(ImportError, match="Predicter"):
        exec("from mlcmkd import Predicter", {})


def test_the_import_is_light():
    heavy = "cv2", "matplotlib", "numpy", "onnx", "pydantic", "scipy", "timm", "torch"
    code = f"import sys, mlcmkd; dir(mlcmkd); print(sorted({set(heavy)!r} & set(sys.modules)))"
    assert python(code).strip() == "[]"


def test_pickles_name_the_module_of_a_class():
    config = mlcmkd.TrainConfig(out="runs/teacher")
    assert mlcmkd.TrainConfig.__module__ == "mlcmkd.stages.train"
    assert pickle.loads(pickle.dumps(config)) == config
    assert pickle.loads(pickle.dumps(mlcmkd.Landmarker)) is mlcmkd.Landmarker


STAGES = [
    *(mlcmkd.train, mlcmkd.transfer, mlcmkd.compress, mlcmkd.train_kd_loss, mlcmkd.evaluate),
    *(mlcmkd.export, train_tolerant, attribute, score_files),
]


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.__name__)
def test_a_config_may_be_a_mapping_and_what_is_none_is_a_line(stage):
    with pytest.raises(mlcmkd.InputError, match="^config: otu: no such field"):
        stage({"otu": "run"})
    for other in ("run", mlcmkd.FitConfig()):
        with pytest.raises(mlcmkd.InputError, match="^config: Input should be a .* instance of"):
            stage(other)


def test_smaller_configs_may_be_mappings_and_what_is_none_is_a_line(tmp_path):
    model = mlcmkd.Landmarker({"size": "light", "modality": "thermal"})
    assert model.spec == mlcmkd.ModelSpec(size="light", modality="thermal")
    celsius = {"kind": "celsius", "low": 20, "high": 40}
    data = mlcmkd.DataConfig(synthetic_held=2)
    for pairs in (
        mlcmkd.load_pairs("synthetic", "val", 64, count=2, radiometry=celsius),
        data.load("val", 64, radiometry=celsius),
    ):
        assert (pairs.radiometry.low, pairs.radiometry.high) == (20, 40)
    assert StatedInput(celsius).radiometry.kind == "celsius"
    assert dict(mlcmkd.MCL(model, model, {"fd": 2}).terms)["fd"].weight == 2
    for call, start in (
        (lambda: mlcmkd.Landmarker("light"), "spec: Input should be"),
        (lambda: mlcmkd.MCL(model, model, {"df": 2}), "weights: df: no such field"),
        (lambda: mlcmkd.TwoTeachers(model, model, model, {"mian": 2}), "weights: mian: no such"),
        (lambda: data.load("val", 64, radiometry={"kind": "k"}), "radiometry: "),
        (lambda: StatedInput("celsius"), "radiometry: Input should be"),
        (lambda: mlcmkd.Predictor(stated={"black_hot": True}), "stated: dict; give a StatedInput"),
        (
            lambda: prepare("folder", "in", "out", settings={"gasses": 1}),
            "settings: gasses: no such",
        ),
        (lambda: pair_folder("rgb", "thermal", "out", limit=8), "limit: 8; give a Limit"),
    ):
        with pytest.raises(mlcmkd.InputError, match=f"^{start}"):
            call()


def python_blocks() -> list:
    """The Python code of README and docs/, as parameters."""
    root = SOURCE.parents[1]
    return [
        pytest.param(block, id=f"{page.name} {n}")
        for page in (root / "README.md", *sorted((root / "docs").rglob("*.md")))
        for n, block in enumerate(
            re.findall(r"^```python\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
        )
    ]


@pytest.mark.parametrize("code", python_blocks())
def test_the_names_in_the_documentation_exist(code):
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.module.startswith(("mlcmkd", "data_prep")):
            for alias in node.names:
                assert has_name(node.module, alias.name), ast.unparse(node)
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "mlcmkd":
            assert node.attr in mlcmkd.__all__, ast.unparse(node)

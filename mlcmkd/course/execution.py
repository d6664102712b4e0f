"""Executes one notebook by papermill, with the Python of this process as its kernel."""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import papermill
from jupyter_client.kernelspec import NoSuchKernel
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError
from papermill.translators import PythonTranslator, papermill_translators

from mlcmkd.utils.errors import InputError, first_line

_WIDGET = "application/vnd.jupyter.widget-view+json"
# tqdm chooses between text and widget at its first import. Imported before IPython it chooses text,
# which papermill can forward, and `progress` still sees whether the output is a terminal.
KERNEL = (
    "import mlcmkd.utils.progress; from ipykernel.kernelapp import launch_new_instance as go; go()"
)


class _Translator(PythonTranslator):
    """Writes parameters as Python code. Papermill's own makes texts of tuples and of keys."""

    @classmethod
    def translate(cls, val: Any) -> str:
        """A value as the code that it is assigned by."""
        match val:
            case tuple():
                return f"({''.join(cls.translate(item) + ', ' for item in val)})"
            case set() if val:
                return f"{{{', '.join(map(cls.translate, val))}}}"
            case dict():
                items = (f"{cls.translate(key)}: {cls.translate(val[key])}" for key in val)
                return f"{{{', '.join(items)}}}"
        return super().translate(val)


papermill_translators.register("python", _Translator)


@contextmanager
def this_interpreter(threads: int | None = None) -> Iterator[None]:
    """Makes `python3` the name of a kernel of this interpreter, independent of installed kernels.

    Args:
        threads: of the kernel's arithmetic; None for what the environment or the libraries choose.
    """
    spec = {
        "argv": [sys.executable, "-c", KERNEL, "-f", "{connection_file}", "--log-level=40"],
        "display_name": "Python 3",
        "language": "python",
        "env": {} if threads is None else {"OMP_NUM_THREADS": str(threads)},
    }
    before = os.environ.get("JUPYTER_PATH")
    with tempfile.TemporaryDirectory() as folder:
        kernel = Path(folder) / "kernels" / "python3"
        kernel.mkdir(parents=True)
        (kernel / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
        # JUPYTER_PATH is searched before the user's own kernels.
        os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, (folder, before)))
        try:
            yield
        finally:
            if before is None:
                del os.environ["JUPYTER_PATH"]
            else:
                os.environ["JUPYTER_PATH"] = before


def execute(
    source: Path,
    target: Path,
    parameters: dict[str, Any],
    *,
    show: bool = True,
    threads: int | None = None,
) -> None:
    """Executes a notebook and writes it, cleaned, to `target`.

    Args:
        source, target: files of the notebook and of the executed one.
        parameters: values of its parameters.
        show: forward the progress bars of the notebook to the terminal.
        threads: of its arithmetic, see `this_interpreter`.

    Raises:
        InputError: a cell failed, or the kernel did; the message contains notebook, cell and error. Code
            cells are counted as in the source, without the cell that papermill adds.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with this_interpreter(threads):
            papermill.execute_notebook(
                source,
                target,
                parameters=parameters,
                kernel_name="python3",
                language="python",  # also of a notebook that names no language
                progress_bar=False,
                cwd=source.parent,
                stderr_file=sys.stderr if show else None,
            )
    except PapermillExecutionError as error:
        raise InputError(
            f"{source.name}, code cell {_failed_cell(target, error.exec_count)}: {error.ename}: "
            f"{first_line(error.evalue)} (cell [{error.exec_count}] of the partly executed notebook "
            f"{target})"
        ) from None
    except DeadKernelError:
        raise InputError(
            f"{source.name}, code cell {_failed_cell(target)}: the kernel was killed, most often "
            "because the memory is full; free some, then the same command resumes (partly executed "
            f"notebook: {target})"
        ) from None
    except (NoSuchKernel, RuntimeError) as error:  # jupyter_client's, if a kernel does not start
        raise InputError(
            f"{source.name}: no kernel starts ({first_line(error)}); "
            f"`{sys.executable} -m ipykernel --version` must work"
        ) from None
    nbformat.write(cleaned(nbformat.read(target, as_version=4)), target)


def _failed_cell(target: Path, execution: int | None = None) -> int:
    """The number of the code cell that failed, counted as in the source from 1.

    Args:
        target: the partly executed notebook.
        execution: the cell's execution count; None for the cell that was running when the kernel ended.
    """
    cells = [
        cell
        for cell in nbformat.read(target, as_version=4).cells
        if cell.cell_type == "code" and "injected-parameters" not in cell.metadata.get("tags", [])
    ]
    if execution is None:
        states = [cell.metadata.get("papermill", {}).get("status") for cell in cells]
        failed = [state != "completed" for state in states]
    else:
        failed = [cell.execution_count == execution for cell in cells]
    return 1 + next((n for n, it_is in enumerate(failed) if it_is), len(cells) - 1)


def cleaned(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Removes progress bars, timings and paths from a notebook, and joins what a cell printed."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02d}"
        cell.metadata = {"tags": cell.metadata.tags} if cell.metadata.get("tags") else {}
        if cell.cell_type == "code":
            kept = [out for out in map(_without_widget, cell.outputs) if not _is_bar(out)]
            cell.outputs = _joined(kept)
    return notebook


def _joined(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Outputs of which consecutive pieces of text are one: a kernel sends a slow print in pieces."""
    joined: list[nbformat.NotebookNode] = []
    for out in outputs:
        last = joined[-1] if joined else None
        if last and out.output_type == last.output_type == "stream" and out.name == last.name:
            last.text += out.text
        else:
            joined.append(out)
    return joined


def _without_widget(output: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """An output with a widget and a picture keeps only the picture, which needs no kernel."""
    if {"image/png", "image/jpeg"} & set(output.get("data", {})):
        output.data.pop(_WIDGET, None)
    return output


def _is_bar(output: nbformat.NotebookNode) -> bool:
    if output.output_type == "stream":
        return output.name == "stderr"
    return _WIDGET in output.get("data", {})

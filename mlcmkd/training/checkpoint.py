"""Checkpoints: a training that was killed at any step resumes, and its result has the same bits.

    checkpoint-0.safetensors           the newest checkpoint of process 0
    checkpoint-0-before.safetensors    the one before it, used if the newest is damaged

A checkpoint belongs to one training. It carries a fingerprint of everything that decides the result
(data, config, seed, the weights that the training started from, the frozen teacher's weights), and a
training with another fingerprint ignores it. Frozen weights are in the fingerprint, but not saved.
"""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from mlcmkd.distillation.decay import Decay
from mlcmkd.training.averaging import WeightAverage
from mlcmkd.training.sampling import Stream

# Entries of the metadata of a checkpoint's file.
_FINGERPRINT, _METADATA = "stamp", "facts"


@dataclass
class TrainingState:
    """Everything that changes from step to step.

    Attributes:
        objective: its trained parameters and all its buffers are saved.
        optimizer: its moments are saved.
        streams: batch streams; their random states and the remaining rows of the epoch are saved.
        decay: the losses that it has observed are saved.
        sums: sum of each loss term since the last log line.
        average: the moving average of the student's weights is saved; None without one.
    """

    objective: nn.Module
    optimizer: torch.optim.Optimizer
    streams: list[Stream]
    decay: Decay
    sums: dict[str, Tensor] = field(default_factory=dict)
    average: WeightAverage | None = None

    def tensors_and_metadata(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors, and JSON values, from which `restore` continues."""
        decay = self.decay.state()
        tensors = {f"objective.{name}": value for name, value in self._trained().items()}
        tensors |= {name: value for name, value, _ in self._moments()}
        if self.average is not None:
            average = self.average.tensors()
            tensors |= {f"average.{name}": value for name, value in average.items()}
        tensors |= {f"sum.{name}": value for name, value in self.sums.items()}
        tensors |= {f"decay.{k}": v for k, v in decay.items() if isinstance(v, Tensor)}
        for n, stream in enumerate(self.streams):
            tensors[f"stream.{n}.generator"] = stream.generator.get_state()
            tensors[f"stream.{n}.queue"] = stream.batches.queue
        tensors["rng"] = torch.get_rng_state()
        if torch.cuda.is_available():
            tensors["rng.cuda"] = torch.cuda.get_rng_state()
        numbers = {k: v for k, v in decay.items() if not isinstance(v, Tensor)}
        # The names of the sums are here too: a file of tensors does not keep their order.
        metadata = {"decay": numbers, "sums": list(self.sums)}
        return {name: _contiguous(value) for name, value in tensors.items()}, metadata

    def restore(self, tensors: dict[str, Tensor], metadata: dict[str, Any]) -> None:
        """Continues from what `tensors_and_metadata` returned."""
        with torch.no_grad():
            for name, value in self._trained().items():
                value.copy_(tensors[f"objective.{name}"])
        self._restore_moments(tensors)
        if self.average is not None:
            self.average.restore(_with_prefix(tensors, "average."))
        device = next(iter(self._trained().values())).device
        self.sums.clear()
        self.sums |= {name: tensors[f"sum.{name}"].to(device) for name in metadata["sums"]}
        losses = _with_prefix(tensors, "decay.")
        losses = {name: value.to(device) for name, value in losses.items()}
        self.decay.restore({**metadata["decay"], **losses})
        for n, stream in enumerate(self.streams):
            stream.batches.queue = tensors[f"stream.{n}.queue"]
            stream.generator.set_state(tensors[f"stream.{n}.generator"])
        torch.set_rng_state(tensors["rng"])
        if "rng.cuda" in tensors and torch.cuda.is_available():
            torch.cuda.set_rng_state(tensors["rng.cuda"])

    def _trained(self) -> dict[str, Tensor]:
        """The objective's trained parameters and its buffers, by name."""
        trained = {name: p for name, p in self.objective.named_parameters() if p.requires_grad}
        return trained | dict(self.objective.named_buffers())

    def _parameters(self) -> list[Tensor]:
        """The optimizer's parameters, in its order."""
        return [p for group in self.optimizer.param_groups for p in group["params"]]

    def _moments(self) -> list[tuple[str, Tensor, Tensor]]:
        """Name, moment and parameter of every moment of the optimizer.

        Values that are no tensors are left out: an optimizer such as timm's finds them again by itself.
        """
        return [
            (f"optimizer.{n}.{name}", value, parameter)
            for n, parameter in enumerate(self._parameters())
            for name, value in self.optimizer.state.get(parameter, {}).items()
            if isinstance(value, Tensor)
        ]

    def _restore_moments(self, tensors: dict[str, Tensor]) -> None:
        parameters = self._parameters()
        for name, value in tensors.items():
            if not name.startswith("optimizer."):
                continue
            _, n, moment = name.split(".")
            parameter = parameters[int(n)]
            # A moment must have its parameter's memory layout: fused AdamW reads both in memory order.
            shaped = parameter if value.shape == parameter.shape else value
            like = torch.empty_like(shaped, dtype=value.dtype, device=parameter.device)
            self.optimizer.state[parameter][moment] = like.copy_(value)


class Checkpoints:
    """The checkpoints of one process of one training: the newest and the one before.

    Args:
        folder: the run directory.
        fingerprint: fingerprint of the training, see `fingerprint_of`.
        rank: rank of the process.
        every: seconds between two checkpoints.
        warn: called with a message if a checkpoint cannot be written or read.
    """

    def __init__(
        self,
        folder: Path,
        fingerprint: str,
        rank: int = 0,
        every: float = 60.0,
        warn: Callable[[str], None] = print,
    ):
        self.newest = folder / f"checkpoint-{rank}.safetensors"
        self.before = folder / f"checkpoint-{rank}-before.safetensors"
        self._fingerprint, self._every, self._warn = fingerprint, every, warn
        self._last = time.monotonic()

    @property
    def due(self) -> bool:
        """Whether `every` seconds have passed since the last checkpoint."""
        return time.monotonic() - self._last >= self._every

    def save(self, step: int, state: TrainingState, **metadata: Any) -> None:
        """Saves the state after `step` steps. If it cannot be written, the training continues.

        Args:
            step: number of completed steps.
            state: the state to save.
            metadata: further JSON values, which `restore` returns.
        """
        tensors, own = state.tensors_and_metadata()
        text = json.dumps({**own, **metadata, "step": step})
        part = self.newest.with_name(self.newest.name + ".part")
        try:
            save_file(tensors, part, metadata={_FINGERPRINT: self._fingerprint, _METADATA: text})
            if self.newest.exists():
                self.newest.replace(self.before)
            part.replace(self.newest)
        except (OSError, SafetensorError) as error:
            part.unlink(missing_ok=True)
            self._warn(f"{self.newest}: not written ({error}); training continues without it")
        self._last = time.monotonic()

    def steps(self) -> list[int]:
        """Steps of the usable checkpoints, the newest first."""
        contents = [self._read(path) for path in (self.newest, self.before)]
        return [metadata["step"] for _, metadata in filter(None, contents)]

    def restore(self, step: int, state: TrainingState) -> dict[str, Any]:
        """Restores the checkpoint of a step into `state`, and returns its metadata.

        Raises:
            ValueError: there is no checkpoint of this step.
        """
        for path in (self.newest, self.before):
            content = self._read(path)
            if content and content[1]["step"] == step:
                state.restore(*content)
                return content[1]
        raise ValueError(f"no checkpoint of step {step}")

    def _read(self, path: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Tensors and metadata; None where there is no checkpoint of this training."""
        if not path.is_file():
            return None
        try:
            with safe_open(path, framework="pt") as file:
                entries = file.metadata() or {}
                if entries.get(_FINGERPRINT) != self._fingerprint:
                    return None
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata = json.loads(entries[_METADATA])
            int(metadata["step"])
            return tensors, metadata
        except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
            self._warn(f"{path}: damaged ({error}); using the checkpoint before it")
            return None


def remove(folder: Path) -> None:
    """Removes the checkpoints of a completed training."""
    for path in folder.glob("checkpoint-*.safetensors*"):
        path.unlink(missing_ok=True)


def fingerprint_of(objective: nn.Module, *settings: Any) -> str:
    """A hash of what a training starts from: `settings`, all weights and buffers, frozen ones too.

    Args:
        objective: its parameters and buffers are hashed.
        settings: configs count by their JSON text, as in the hashes of runs. So a field that is added
            by `late` leaves the hash as it is. Other values count by their `repr`.
    """
    texts = [
        each.model_dump_json() if isinstance(each, BaseModel) else repr(each) for each in settings
    ]
    digest = hashlib.sha256(json.dumps([torch.__version__, *texts]).encode())
    for name, value in objective.state_dict().items():
        digest.update(name.encode())
        digest.update(_contiguous(value).cpu().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _with_prefix(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with a prefix, by the rest of their names."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _contiguous(value: Tensor) -> Tensor:
    """A contiguous copy, which safetensors needs: tensors in a file may not share memory."""
    return value.detach().contiguous().clone()

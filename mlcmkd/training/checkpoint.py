"""Where a training stands, on disk: killed at any step, the same command goes on and ends the same.

    checkpoint-0.safetensors           the newest state of process 0, written whole or not at all
    checkpoint-0-before.safetensors    the one before, for the case that the newest is spoilt

A state belongs to one training: it carries a stamp of everything that decides the outcome (data,
config, seed, the weights that training began with, the frozen teacher's), and a state with
another stamp is not taken. What is frozen is in the stamp, not in the state.
"""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from mlcmkd.distillation.decay import Decay
from mlcmkd.training.sampling import Stream

_STAMP, _FACTS = "stamp", "facts"


@dataclass
class Training:
    """Everything that changes from step to step.

    Attributes:
        objective: its trained parameters and all its buffers are kept.
        optimizer: its moments.
        streams: of batches; their dice, and the rows of an epoch that are still to come.
        decay: what it has observed.
        sums: of the terms since the last line of the log.
    """

    objective: nn.Module
    optimizer: torch.optim.Optimizer
    streams: list[Stream]
    decay: Decay
    sums: dict[str, Tensor]

    def _kept(self) -> dict[str, Tensor]:
        """The objective's own tensors, by name."""
        trained = {name: p for name, p in self.objective.named_parameters() if p.requires_grad}
        return trained | dict(self.objective.named_buffers())

    def _moments(self) -> list[tuple[str, Tensor, Tensor]]:
        """Name, moment and parameter of all that the optimiser remembers."""
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        return [
            (f"optimizer.{n}.{name}", value, parameter)
            for n, parameter in enumerate(parameters)
            for name, value in self.optimizer.state.get(parameter, {}).items()
        ]

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors and JSON facts that `take` makes the same training of."""
        observed = self.decay.state()
        tensors = {f"objective.{name}": value for name, value in self._kept().items()}
        tensors |= {name: value for name, value, _ in self._moments()}
        tensors |= {f"sum.{name}": value for name, value in self.sums.items()}
        tensors |= {f"decay.{k}": v for k, v in observed.items() if isinstance(v, Tensor)}
        for n, stream in enumerate(self.streams):
            tensors[f"stream.{n}.generator"] = stream.generator.get_state()
            tensors[f"stream.{n}.queue"] = stream.batches.queue
        tensors["rng"] = torch.get_rng_state()
        if torch.cuda.is_available():
            tensors["rng.cuda"] = torch.cuda.get_rng_state()
        numbers = {k: v for k, v in observed.items() if not isinstance(v, Tensor)}
        facts = {"decay": numbers, "sums": list(self.sums)}  # a file of tensors keeps no order
        return {name: _whole(value) for name, value in tensors.items()}, facts

    def take(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Makes this training the one that `state` was asked of."""
        with torch.no_grad():
            for name, value in self._kept().items():
                value.copy_(tensors[f"objective.{name}"])
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        for name, value in tensors.items():
            if not name.startswith("optimizer."):
                continue
            _, n, moment = name.split(".")
            parameter = parameters[int(n)]
            # A moment has its parameter's layout in memory; fused AdamW walks both as they lie.
            shaped = parameter if value.shape == parameter.shape else value
            like = torch.empty_like(shaped, dtype=value.dtype, device=parameter.device)
            self.optimizer.state[parameter][moment] = like.copy_(value)
        device = next(iter(self._kept().values())).device
        self.sums.clear()
        self.sums |= {name: tensors[f"sum.{name}"].to(device) for name in facts["sums"]}
        observed = {
            name.removeprefix("decay."): value.to(device)
            for name, value in tensors.items()
            if name.startswith("decay.")
        }
        self.decay.take({**facts["decay"], **observed})
        for n, stream in enumerate(self.streams):
            stream.batches.queue = tensors[f"stream.{n}.queue"]
            stream.generator.set_state(tensors[f"stream.{n}.generator"])
        torch.set_rng_state(tensors["rng"])
        if "rng.cuda" in tensors and torch.cuda.is_available():
            torch.cuda.set_rng_state(tensors["rng.cuda"])


class Checkpoints:
    """The states of one process of one training, newest and the one before.

    Args:
        folder: the run directory.
        stamp: of the training, see `stamp_of`.
        rank: of the process.
        every: seconds between two states.
        say: told where something is not as it should be.
    """

    def __init__(
        self,
        folder: Path,
        stamp: str,
        rank: int = 0,
        every: float = 60.0,
        say: Callable[[str], None] = print,
    ):
        self.newest = folder / f"checkpoint-{rank}.safetensors"
        self.before = folder / f"checkpoint-{rank}-before.safetensors"
        self._stamp, self._every, self._say = stamp, every, say
        self._last = time.monotonic()

    @property
    def due(self) -> bool:
        """Whether so many seconds have passed since the last state."""
        return time.monotonic() - self._last >= self._every

    def save(self, step: int, training: Training, **facts: Any) -> None:
        """Keeps the state after `step` steps; a full disk costs the state, not the training."""
        tensors, told = training.state()
        metadata = {_STAMP: self._stamp, _FACTS: json.dumps({**told, **facts, "step": step})}
        part = self.newest.with_name(self.newest.name + ".part")
        try:
            save_file(tensors, part, metadata=metadata)
            if self.newest.exists():
                self.newest.replace(self.before)
            part.replace(self.newest)
        except (OSError, SafetensorError) as error:
            part.unlink(missing_ok=True)
            self._say(f"{self.newest}: not written ({error}); training goes on without it")
        self._last = time.monotonic()

    def steps(self) -> list[int]:
        """Steps of the states that can be taken, the newest first."""
        return [found[0] for path in (self.newest, self.before) if (found := self._open(path))]

    def take(self, step: int, training: Training) -> dict[str, Any]:
        """Makes `training` the one that stood at `step`; the facts that were saved with it."""
        for path in (self.newest, self.before):
            found = self._open(path)
            if found and found[0] == step:
                training.take(found[1], found[2])
                return found[2]
        raise ValueError(f"no state of step {step}")

    def _open(self, path: Path) -> tuple[int, dict[str, Tensor], dict[str, Any]] | None:
        """Step, tensors and facts; None where there is no state of this training."""
        if not path.is_file():
            return None
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
                if metadata.get(_STAMP) != self._stamp:
                    return None
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            facts = json.loads(metadata[_FACTS])
            return facts["step"], tensors, facts
        except (OSError, SafetensorError, ValueError, KeyError) as error:
            self._say(f"{path}: spoilt ({error}); going back to the state before")
            return None


def remove(folder: Path) -> None:
    """Removes the states of a training that has ended."""
    for path in folder.glob("checkpoint-*.safetensors*"):
        path.unlink(missing_ok=True)


def stamp_of(objective: nn.Module, *told: Any) -> str:
    """A hash of what a training begins with: weights and buffers, frozen ones too, and `told`."""
    digest = hashlib.sha256(repr((torch.__version__, told)).encode())
    for name, value in objective.state_dict().items():
        digest.update(name.encode())
        digest.update(_whole(value).cpu().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _whole(value: Tensor) -> Tensor:
    """As safetensors takes it: one piece of memory, shared with nothing."""
    return value.detach().contiguous().clone()

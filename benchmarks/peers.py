"""Speed compared with other libraries and networks: `python benchmarks/peers.py --write`.

Every table measures alternatives that do the same work alternately on this machine, and gives ratios.
One section alone, in CPU time, which other programs on the machine change less than seconds:

    OMP_NUM_THREADS=1 python benchmarks/peers.py --only augmentation --rounds 9 --write

`--write` writes them to benchmarks/README.md with hardware and date. Lightning and albumentations are
included where they are installed (`pip install lightning albumentations`); nothing else needs them.
"""

import argparse
import datetime
import importlib.util
import logging
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import torch
from peer_networks import NETWORKS
from pipeline import interval_times, objective
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode

from mlcmkd.data.dataset import Pairs
from mlcmkd.data.pairs import load_pairs
from mlcmkd.data.transforms import Augmentation, make_batch
from mlcmkd.distillation.strategies import Distillation
from mlcmkd.evaluation.cost import flops, latency_ms, time_calls
from mlcmkd.models import Landmarker, ModelSpec
from mlcmkd.schemes import get_scheme
from mlcmkd.training.config import FitConfig
from mlcmkd.training.provenance import processor_name
from mlcmkd.training.sampling import Shuffled

README = Path(__file__).parent / "README.md"
SECTIONS = ("loops", "augmentation", "faces")
Lines = Iterator[str]


def table(header: str, rows: list[list[object]]) -> Lines:
    """A Markdown table."""
    yield f"| {header} |"
    yield "| " + " | ".join("---" for _ in header.split("|")) + " |"
    for row in rows:
        yield "| " + " | ".join(str(value) for value in row) + " |"


def measure(kinds: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """The values that each returns, one call of all per round, after a round for warming up."""
    values: dict[str, list[float]] = {name: [] for name in kinds}
    for n in range(rounds + 1):
        for name, call in kinds.items():
            value = call()
            if n:
                values[name].append(value)
    return values


def ratios(speeds: dict[str, list[float]], ours: str) -> list[list[object]]:
    """Rows: name, median images/s, our speed over theirs (median over the rounds)."""
    rows = []
    for name, values in speeds.items():
        ratio = statistics.median(a / b for a, b in zip(speeds[ours], values, strict=True))
        rows.append([name, f"{statistics.median(values):.0f}", f"{ratio:.2f}"])
    return rows


# Loops.


class PerImage(Dataset):
    """Single pairs, each augmented by torchvision's transforms, as in common data loaders."""

    def __init__(self, pairs: Pairs):
        self.pairs = pairs
        self.augment = torchvision_augmentation(pairs.input_px)

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, n: int) -> tuple[Tensor, Tensor, Tensor]:
        return self.augment(self.pairs.rgb[n], self.pairs.thermal[n], self.pairs.landmarks[n])


def torchvision_augmentation(px: int) -> Callable[[Tensor, Tensor, Tensor], tuple[Tensor, ...]]:
    """The same geometry for both images and the landmarks, separate photometry; transforms v2."""
    from torchvision import tv_tensors
    from torchvision.transforms import v2

    geometry = v2.Compose(
        [
            v2.RandomAffine(30, translate=(0.06, 0.06), scale=(0.85, 1.15)),
            v2.RandomHorizontalFlip(),
            v2.CenterCrop(px),
        ]
    )
    colours = v2.Compose(
        [v2.ColorJitter(0.4, 0.4, 0.4), v2.RandomGrayscale(0.2), v2.GaussianBlur(5, (0.1, 1.5))]
    )
    heat = v2.GaussianBlur(5, (0.1, 1.5))
    flip = torch.tensor(get_scheme("ibug68").flip)

    def augment(rgb: Tensor, thermal: Tensor, landmarks: Tensor) -> tuple[Tensor, ...]:
        side = rgb.shape[-1]
        points = tv_tensors.KeyPoints(
            (landmarks + 0.5) * px + (side - px) / 2, canvas_size=(side, side)
        )
        mirrored = tv_tensors.Mask(torch.arange(side).expand(1, side, side).clone())
        photo, warm, points, mirrored = geometry(
            tv_tensors.Image(rgb), tv_tensors.Image(thermal.float() / 65535), points, mirrored
        )
        # A flip does not reorder key points there; a mask shows whether the image was flipped.
        middle = mirrored[0, px // 2]
        if middle[-1] < middle[0]:
            points = points[flip]
        photo = colours(photo).float() / 255
        warm = heat(warm)
        warm = warm * (0.8 + 0.4 * torch.rand(())) + 0.03 * torch.randn_like(warm)
        photo = photo + 0.03 * torch.randn_like(photo)
        return photo.clamp(0, 1), warm.clamp(0, 1), torch.as_tensor(points) / px - 0.5

    return augment


class Hooked(nn.Module):
    """Distillation with hooks, as in other frameworks: whole networks, features from hooks."""

    def __init__(self, teacher: Landmarker, student: Landmarker):
        super().__init__()
        self.teacher, self.student = teacher.eval().requires_grad_(False), student
        self.features: dict[str, Tensor] = {}
        for name, model in (("teacher", teacher), ("student", student)):
            model.neck.register_forward_hook(
                lambda module, given, out, name=name: self.features.__setitem__(name, out)
            )

    def forward(self, rgb: Tensor, thermal: Tensor, landmarks: Tensor) -> Tensor:
        with torch.no_grad():
            teacher_prediction = self.teacher(rgb)
        prediction = self.student(thermal)
        soft = F.log_softmax(teacher_prediction.logits.flatten(2), -1)
        divergence = F.kl_div(
            F.log_softmax(prediction.logits.flatten(2), -1),
            soft,
            reduction="batchmean",
            log_target=True,
        )
        distance = F.mse_loss(self.features["student"], self.features["teacher"])
        return (prediction.coordinates - landmarks).abs().mean() + divergence + distance


def ours(size: str, pairs: Pairs, config: FitConfig, strategy: str) -> float:
    """Images/s of `fit`."""
    start, end = interval_times(size, pairs, config, Distillation(strategy=strategy))
    return config.steps * config.batch / (end - start)


def by_trainer(size: str, pairs: Pairs, config: FitConfig, strategy: str) -> float:
    """Images/s of Lightning's Trainer with the same objective, augmentation and optimizer."""
    import lightning

    distillation = Distillation(strategy=strategy)
    generator = torch.Generator().manual_seed(0)

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.objective = objective(size, pairs, distillation).to(
                memory_format=torch.channels_last
            )

        def on_train_start(self) -> None:
            self.started = time.perf_counter()  # without the Trainer's setup

        def training_step(self, rows: Tensor, _: int) -> Tensor:
            terms = self.objective(make_batch(pairs, rows, Augmentation(), generator), 0.5)
            self.log_dict({k: v.detach() for k, v in terms.items()})
            return sum(terms.values())

        def configure_optimizers(self) -> torch.optim.Optimizer:
            trained = [p for p in self.parameters() if p.requires_grad]
            return torch.optim.AdamW(trained, lr=1e-3, fused=True)

    batches = Shuffled(len(pairs), config.batch, generator)
    rows = [next(batches) for _ in range(config.steps)]
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    trainer = lightning.Trainer(
        max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, gradient_clip_val=5.0,
    )  # fmt: skip
    module = Module()
    trainer.fit(module, DataLoader(rows, batch_size=None))
    return config.steps * config.batch / (time.perf_counter() - module.started)


def by_hooks(size: str, pairs: Pairs, config: FitConfig, workers: int) -> float:
    """Images/s of a hook-based step (FD and LD) with a DataLoader that augments single images."""
    built = objective(size, pairs, Distillation(strategy="fd+ld"))
    module = Hooked(built.teacher.landmarker, built.student)
    trained = [p for p in module.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-3)
    loader = DataLoader(
        PerImage(pairs), config.batch, shuffle=True, drop_last=True, num_workers=workers
    )
    module.student.train()
    start, steps = time.perf_counter(), 0
    while steps < config.steps:
        for rgb, thermal, landmarks in loader:
            module(rgb, thermal, landmarks).backward()
            torch.nn.utils.clip_grad_norm_(trained, 5.0)
            optimizer.step()
            optimizer.zero_grad()
            steps += 1
            if steps == config.steps:
                break
    return config.steps * config.batch / (time.perf_counter() - start)


def loops(rounds: int) -> Lines:
    """Section of the training loop."""
    yield "## The training loop"
    yield ""
    yield (
        "KTL, `base`, 64 px, batch 32, float32, an epoch of 256 pairs of synthetic faces. Lightning's "
        "Trainer has the same objective, augmentation and optimizer (DIKD). The hook-based step takes "
        "features by layer name, as other frameworks do (FD+LD only, the terms that hooks allow), with "
        "torchvision's transforms v2 for single images in a DataLoader."
    )
    yield ""
    pairs = load_pairs("synthetic", "train", 64, count=256, progress=False)
    config = FitConfig(steps=8, batch=32, evaluations=1, accelerator="cpu")
    kinds = {"ours, DIKD": lambda: ours("base", pairs, config, "dikd")}
    if importlib.util.find_spec("lightning"):
        kinds["Lightning Trainer, DIKD"] = lambda: by_trainer("base", pairs, config, "dikd")
    speeds = measure(kinds, rounds)
    yield from table("loop | images/s | ours over it", ratios(speeds, "ours, DIKD"))
    yield ""
    speeds = measure(
        {
            "ours, FD+LD": lambda: ours("base", pairs, config, "fd+ld"),
            "hooks, DataLoader, 0 workers": lambda: by_hooks("base", pairs, config, 0),
            "hooks, DataLoader, 2 workers": lambda: by_hooks("base", pairs, config, 2),
        },
        rounds,
    )
    yield from table("loop | images/s | ours over it", ratios(speeds, "ours, FD+LD"))
    yield ""


# Augmentation and faces.


def batched_augmentation(pairs: Pairs) -> None:
    """Our augmentation of all pairs."""
    generator = torch.Generator().manual_seed(0)
    for rows in torch.arange(len(pairs)).split(32):
        make_batch(pairs, rows, Augmentation(), generator)


def per_image_augmentation(pairs: Pairs) -> None:
    """Augmentation of all pairs by torchvision's transforms v2."""
    data = PerImage(pairs)
    for n in range(len(data)):
        data[n]


def albumentations_pairs(pairs: Pairs, *, same: bool) -> Callable[[], None]:
    """A function that augments all pairs by albumentations, on arrays as in OpenCV.

    Args:
        pairs: their images are read before the time is taken.
        same: whether the operations are ours: gain of the channels, grey, gamma, contrast, blur, noise
            and occlusion in RGB, the same without colour in thermal, as float32 in the order of
            channels that a network takes; without stripes. Otherwise its usual transforms with
            ColorJitter (which also changes the hue), without gamma and occlusion, as they come.
    """
    import albumentations as a

    px, side = pairs.input_px, pairs.rgb.shape[-1]
    size = (0.1, 0.44)
    geometry = a.Compose(
        [
            a.Affine(rotate=(-30, 30), translate_percent=(-0.06, 0.06), scale=(0.85, 1.15)),
            a.HorizontalFlip(p=0.5),
            a.CenterCrop(px, px),
            *([a.CoarseDropout((1, 1), size, size, p=0.4)] if same else []),
        ],
        keypoint_params=a.KeypointParams(format="xy", remove_invisible=False),
        additional_targets={"thermal": "image"},
    )
    tone = [a.RandomGamma((67, 149), p=1), a.RandomBrightnessContrast(p=1)]
    disturbance = [a.GaussianBlur(p=1), a.GaussNoise(p=1)]
    if same:
        gains = a.MultiplicativeNoise((0.8, 1.2), per_channel=True, p=1)
        colours = a.Compose([gains, a.ToGray(p=0.2), *tone, *disturbance])
        heat = a.Compose([*tone, *disturbance])
    else:
        colours = a.Compose([a.ColorJitter(p=1), a.ToGray(p=0.2), *disturbance])
        heat = a.Compose(disturbance)
    photos = [np.ascontiguousarray(each.permute(1, 2, 0).numpy()) for each in pairs.rgb]
    warm = [(each[0].numpy().astype(np.float32) / 65535)[..., None] for each in pairs.thermal]
    points = ((pairs.landmarks + 0.5) * px + (side - px) / 2).numpy()

    def run() -> None:
        for photo, thermal, marks in zip(photos, warm, points, strict=True):
            moved = geometry(image=photo, thermal=thermal, keypoints=marks)
            images = colours(image=moved["image"]), heat(image=moved["thermal"])
            if same:
                for each in images:
                    np.ascontiguousarray(each["image"].transpose(2, 0, 1), np.float32)

    return run


def pairs_per_second(augment: Callable[[], None], count: int) -> float:
    """Pairs per second of CPU time."""
    start = time.process_time()
    augment()
    return count / (time.process_time() - start)


def augmentations(rounds: int) -> Lines:
    """Section of the augmentation."""
    yield "## Augmentation"
    yield ""
    yield (
        "A pair (RGB, thermal, 68 landmarks) of 96 px: rotation, scale, shift, mirror, colour or tone, "
        "blur, noise; ours has also occlusion, gamma and stripes. albumentations with its usual "
        "transforms has none of these and changes the hue; with our operations it has gamma and "
        f"occlusion, and gives float32 images as ours. Pairs per second of CPU time, "
        f"{torch.get_num_threads()} thread(s)."
    )
    yield ""
    pairs = load_pairs("synthetic", "train", 96, count=128, progress=False)
    kinds = {
        "ours, a batch at a time": lambda: batched_augmentation(pairs),
        "torchvision v2, image by image": lambda: per_image_augmentation(pairs),
    }
    if importlib.util.find_spec("albumentations"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            kinds["albumentations, usual transforms"] = albumentations_pairs(pairs, same=False)
            kinds["albumentations, our operations"] = albumentations_pairs(pairs, same=True)
    timed = {name: partial(pairs_per_second, call, len(pairs)) for name, call in kinds.items()}
    speeds = measure(timed, rounds)
    yield from table("pipeline | pairs/s | ours over it", ratios(speeds, "ours, a batch at a time"))
    yield ""


# Latency.


def network_latency(network: nn.Module, px: int, threads: int) -> float:
    """Milliseconds, median, batch 1, ONNX Runtime."""
    image = torch.zeros(1, 3, px, px)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        program = torch.onnx.export(network, (image,), dynamo=True, verbose=False)
        program.save(path)
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
        given = {session.get_inputs()[0].name: image.numpy()}
        return time_calls(lambda: session.run(None, given)).median


def counted(network: nn.Module, px: int) -> int:
    """Floating-point operations of one image; a multiplication and an addition count as two."""
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        network(torch.zeros(1, 3, px, px))
    return counter.get_total_flops()


def latencies(px: int) -> Lines:
    """Section of the latency of light networks."""
    yield "## Single faces"
    yield ""
    yield (
        f"RGB input of {px} px, batch 1, ONNX Runtime {onnxruntime.__version__}, float32, random "
        "weights: speed only, nothing about accuracy."
    )
    yield ""
    rows = []
    for size, head in (
        ("slim", "heatmap"),
        ("slim", "coordinate"),
        ("light", "heatmap"),
        ("mobilenetv2", "coordinate"),
    ):
        model = Landmarker(ModelSpec(size=size, head=head, input_px=px)).eval()
        took = [latency_ms(model, threads).median for threads in (1, 2)]
        rows.append([f"ours, {size}, {head}", model.parameter_count(), flops(model), *took])
    for name, build in NETWORKS.items():
        network = build(px).eval()
        parameters = sum(p.numel() for p in network.parameters())
        took = [network_latency(network, px, threads) for threads in (1, 2)]
        rows.append([name, parameters, counted(network, px), *took])
    first = rows[0][3]
    cells = [
        [name, f"{p / 1e6:.2f} M", f"{f / 1e6:.0f} M", f"{a:.2f}", f"{b:.2f}", f"{a / first:.1f}"]
        for name, p, f, a, b in rows
    ]
    header = "network | parameters | FLOPs | ms, 1 thread | ms, 2 threads | over ours (1 thread)"
    yield from table(header, cells)
    yield ""


def main() -> None:
    """Measures and prints; with --write also writes the README."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--px", type=int, default=96, help="input size of the networks, a multiple of 16"
    )
    parser.add_argument(
        "--write", action="store_true", help="write the tables to benchmarks/README.md"
    )
    parser.add_argument("--only", choices=SECTIONS, help="measure one section; the others stay")
    options = parser.parse_args()
    if options.px % 16:
        parser.error(f"--px {options.px}: give a multiple of 16")
    cv2.setNumThreads(torch.get_num_threads())
    made = (
        f"on {datetime.date.today()}: {processor_name()}, {os.cpu_count()} cores, "
        f"{torch.get_num_threads()} threads, no GPU, PyTorch {torch.__version__}. Medians over "
        f"{options.rounds} alternating rounds; compare the ratios, not the seconds."
    )
    parts = {
        "loops": partial(loops, options.rounds),
        "augmentation": partial(augmentations, options.rounds),
        "faces": partial(latencies, options.px),
    }
    if options.only:
        section = _printed(parts[options.only]())
        command = f"peers.py --only {options.only} --rounds {options.rounds} --write"
        note = f"Measured by `python benchmarks/{command}` {made}"
        text = with_section(
            README.read_text(encoding="utf-8"), [*section[:3], "", note, *section[3:]]
        )
    else:
        head = ["# Comparison with other libraries", ""]
        head += [f"Made by `python benchmarks/peers.py --write` {made}", ""]
        text = "\n".join(head + [line for part in parts.values() for line in _printed(part())])
    if options.write:
        README.write_text(text.rstrip() + "\n", encoding="utf-8")


def _printed(lines: Lines) -> list[str]:
    """The lines, printed as they come."""
    made = []
    for line in lines:
        print(line, flush=True)
        made.append(line)
    return made


def with_section(text: str, section: list[str]) -> str:
    """Replaces the section with the same heading, the first of its lines."""
    start = text.index(section[0] + "\n")
    end = text.find("\n## ", start)
    after = text[end + 1 :] if end >= 0 else ""
    return text[:start] + "\n".join(section).rstrip() + "\n\n" + after


if __name__ == "__main__":
    main()

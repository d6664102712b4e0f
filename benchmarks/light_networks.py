"""Light networks side by side: `python benchmarks/light_networks.py --photos data/300w`.

Every network of light_candidates.py gets the same training time, in CPU minutes of one thread, on the
simulated thermal images: labels only, one learning rate, a schedule over the time. Then it is exported,
quantised on validation faces and scored on the validation split, as float32 and as int8.

    python benchmarks/light_networks.py --photos data/300w --networks swift --px 96 --minutes 20 \\
        --teacher runs/ktl/model.safetensors           # LD from a thermal teacher of the same input size
    python benchmarks/light_networks.py --latency --px 64 96 128    # milliseconds of random weights
    python benchmarks/light_networks.py --time         # milliseconds of all files, alternately
    python benchmarks/light_networks.py --photos data/300w --final     # scores the test split, last
    python benchmarks/light_networks.py --figure docs/figures/light_networks.png

Rows of results/light_networks.csv that exist are reused. Training time and milliseconds are CPU time of
one thread, so other load changes them less than the time of the clock.
"""

import argparse
import csv
import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import cache
from pathlib import Path

import numpy as np
import torch
from light_candidates import CANDIDATES, loss_of
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from mlcmkd.data.pairs import Pairs, load_pairs
from mlcmkd.data.thermal.radiometry import Radiometry
from mlcmkd.data.transforms import Augmentation, Batch, make_batch
from mlcmkd.deployment.onnx.card import INPUTS, OUTPUTS, Card
from mlcmkd.deployment.onnx.export import OPSET, export_onnx, quiet
from mlcmkd.deployment.onnx.files import write_onnx
from mlcmkd.deployment.onnx.pairs import predict_onnx
from mlcmkd.deployment.onnx.quantise import quantise
from mlcmkd.deployment.onnx.session import load_onnx
from mlcmkd.distillation.mlcm_kd import MCL
from mlcmkd.distillation.strategies import Weights
from mlcmkd.evaluation.evaluate import score
from mlcmkd.models import Landmarker
from mlcmkd.training.config import FitConfig
from mlcmkd.training.optimizer import learning_rate, make_optimizer
from mlcmkd.training.sampling import Stream

COLUMNS = (
    "network", "px", "supervision", "minutes", "seed", "optimizer", "steps", "bf16", "parameters",
    "mflops", "float_kb", "int8_kb", "ms", "ms_int8", "val_nme", "val_nme_int8", "test_nme",
    "test_nme_int8",
)  # fmt: skip
KEY = COLUMNS[:6]
Row = dict[str, str]
# Those of the light students in experiments/students.yaml.
AUGMENTATION = Augmentation(rotation=10, scale=0.08, shift=0.03, photometry=0.4, occlusion=0.1)
BATCH = 32
RATES = {"adamw": 0.008, "muon": 0.016}  # docs/results/training_recipe.md
ROUNDS, CALLS = 40, 25


class ToLandmarks(nn.Module):
    """A network that is no Landmarker, with the outputs of an exported one."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        px = image.shape[-1]
        coordinates = self.network(image).coordinates
        none = coordinates[..., 0] * torch.nan
        return coordinates * px + (px - 1) / 2, none, none * px


def export(name: str, network: nn.Module, px: int, pairs: Pairs, path: Path) -> None:
    """Writes a network as a "crop" file, with merged branches."""
    if isinstance(network, Landmarker):
        export_onnx(network, path, "crop")
        return
    merged = network.merged() if hasattr(network, "merged") else network
    with quiet():
        program = torch.onnx.export(
            ToLandmarks(merged).eval(),
            (torch.rand(2, 1, px, px),),
            dynamo=True,
            opset_version=OPSET,
            input_names=list(INPUTS["crop"]),
            output_names=list(OUTPUTS),
            dynamic_shapes={"image": {0: torch.export.Dim("batch")}},
            external_data=False,
            verbose=False,
        )
    own = pairs.radiometry
    radiometry = Radiometry(kind="celsius", low=own.low, high=own.high)
    card = Card(
        kind="crop", scheme="ibug68", points=68, modality="thermal", input_px=px, crop_scale=1.0,
        radiometry=radiometry, size=name, head="coordinate", confidence="none",
    )  # fmt: skip
    write_onnx(program.model_proto, card, path)


def cost(network: nn.Module, px: int) -> tuple[int, float]:
    """Parameters, and millions of floating-point operations per face, with merged branches."""
    merged = network.merged() if hasattr(network, "merged") else network
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        merged.eval()(torch.zeros(1, 1, px, px))
    return sum(p.numel() for p in merged.parameters()), counter.get_total_flops() / 1e6


def faster_in_bf16(step: Callable[[Batch, bool], None], batch: Batch) -> bool:
    """Whether a step takes less time in bfloat16; depthwise convolutions do not."""
    times = {}
    for low in (False, True):
        step(batch, low)
        started = time.process_time()
        for _ in range(2):
            step(batch, low)
        times[low] = time.process_time() - started
    return times[True] < times[False]


def train(
    network: nn.Module, loss: Callable[[Batch], Tensor], trained: nn.Module, pairs: Pairs,
    minutes: float, seed: int, optimizer_name: str,
) -> tuple[int, bool]:  # fmt: skip
    """Trains for a CPU time; returns the number of steps, and whether they ran in bfloat16."""
    stream = Stream(len(pairs), BATCH, seed)
    trained.to(memory_format=torch.channels_last).train()
    config = FitConfig(steps=10_000, learning_rate=RATES[optimizer_name], optimizer=optimizer_name)

    def gradient(batch: Batch, low: bool) -> None:
        with torch.autocast("cpu", torch.bfloat16) if low else nullcontext():
            value = loss(batch)
        value.backward()

    first = make_batch(pairs, next(stream), AUGMENTATION, stream.generator)
    low = faster_in_bf16(gradient, first)
    trained.zero_grad()
    optimizer = make_optimizer(trained, config)
    started, steps = time.process_time(), 0
    while (share := (time.process_time() - started) / (60 * minutes)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(int(share * config.steps), config)
        gradient(make_batch(pairs, next(stream), AUGMENTATION, stream.generator), low)
        nn.utils.clip_grad_norm_(trained.parameters(), config.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        steps += 1
        if steps % 500 == 0:
            print(f"  step {steps}, {100 * share:.0f} %", flush=True)
    network.eval()
    return steps, low


def folder_of(work: Path, row: Row) -> Path:
    """The folder of a row's files."""
    return work / "-".join(row[name].replace(" ", "_") for name in KEY)


def nme_percent(path: Path, pairs: Pairs) -> str:
    """Inter-ocular NME of an exported network, in percent."""
    prediction = predict_onnx(load_onnx(path), pairs)
    return f"{100 * score(prediction, 'ibug68', pairs).nme:.3f}"


@cache
def split_of(photos: str, split: str, px: int) -> Pairs:
    """Pairs with thermal images, read once."""
    return load_pairs(photos, split, px, progress=False).only({"thermal"})


def make_row(key: Row, arguments: argparse.Namespace) -> Row:
    """Trains, exports and scores a network; returns its row without times and test scores."""
    px, seed = int(key["px"]), int(key["seed"])
    pairs = split_of(arguments.photos, "train", px)
    validation = split_of(arguments.photos, "val", px)
    torch.manual_seed(seed)
    network = CANDIDATES[key["network"]].build(px, pairs.radiometry)
    trained: nn.Module = network
    if arguments.init:
        network.load_state_dict(torch.load(arguments.init, weights_only=True))

    def loss(batch: Batch) -> Tensor:
        return loss_of(network, batch.images("thermal"), batch.landmarks)

    if arguments.teacher:
        trained = MCL(Landmarker.load(arguments.teacher), network, Weights(ld=3))

        def loss(batch: Batch) -> Tensor:
            return sum(trained(batch).values())

    minutes = float(key["minutes"])
    steps, low = train(network, loss, trained, pairs, minutes, seed, key["optimizer"])
    folder = folder_of(arguments.work, key)
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), folder / "state.pt")
    plain, int8 = folder / "float32.onnx", folder / "int8.onnx"
    network.to(memory_format=torch.contiguous_format)
    export(key["network"], network, px, pairs, plain)
    quantise(plain, int8, validation)
    parameters, mflops = cost(network, px)
    return key | {
        "steps": str(steps), "bf16": str(low), "parameters": str(parameters),
        "mflops": f"{mflops:.1f}", "float_kb": str(plain.stat().st_size // 1000),
        "int8_kb": str(int8.stat().st_size // 1000), "ms": "", "ms_int8": "",
        "val_nme": nme_percent(plain, validation), "val_nme_int8": nme_percent(int8, validation),
        "test_nme": "", "test_nme_int8": "",
    }  # fmt: skip


Timed = dict[tuple[str, str], dict[str, float]]  # network and px -> column -> milliseconds


def measure_times(folders: dict[tuple[str, str], Path]) -> Timed:
    """Milliseconds of the files in the folders; all of them are timed in each round.

    It is the CPU time of the thread, the median over the rounds; the spread is printed.

    Args:
        folders: folder with float32.onnx and int8.onnx of each network and input size.
    """
    calls: dict[tuple[str, str, str], Callable[[], object]] = {}
    for (name, px), folder in folders.items():
        for file, column in (("float32", "ms"), ("int8", "ms_int8")):
            network, side = load_onnx(folder / f"{file}.onnx"), int(px)
            image = np.random.default_rng(0).random((1, 1, side, side), dtype=np.float32)
            calls[name, px, column] = lambda n=network, i=image: n.run(image=i)
    times: dict[tuple[str, str, str], list[float]] = {key: [] for key in calls}
    for _ in range(ROUNDS):
        for key, call in calls.items():
            for _ in range(5):
                call()
            started = time.thread_time()
            for _ in range(CALLS):
                call()
            times[key].append(1000 * (time.thread_time() - started) / CALLS)
    found: Timed = {key: {} for key in folders}
    for (name, px, column), values in times.items():
        low, middle, high = statistics.quantiles(values, n=4)
        print(
            f"| {name} | {px} | {column} | {middle:.3f} [{low:.3f}, {high:.3f}] | {min(values):.3f} |"
        )
        found[name, px][column] = middle
    return found


def measure_random(arguments: argparse.Namespace) -> None:
    """Prints the milliseconds of networks with random weights, which take as long as trained ones."""
    folders = {}
    for px in arguments.px:
        faces = load_pairs("synthetic", "val", px, count=4, progress=False)
        for name in arguments.networks:
            folder = arguments.work / "random" / f"{name.replace(' ', '_')}-{px}"
            folders[name, str(px)] = folder
            if (folder / "int8.onnx").is_file():
                continue
            folder.mkdir(parents=True, exist_ok=True)
            network = CANDIDATES[name].build(px, faces.radiometry).eval()
            export(name, network, px, faces, folder / "float32.onnx")
            quantise(folder / "float32.onnx", folder / "int8.onnx", faces)
            print(name, px, *cost(network, px), (folder / "int8.onnx").stat().st_size, flush=True)
    measure_times(folders)


def read(path: Path) -> list[Row]:
    """Rows of the table; none if there is no file."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: list[Row]) -> None:
    """Writes the table."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", default="data/300w", help="manifest with thermal images")
    parser.add_argument("--networks", nargs="+", default=list(CANDIDATES), choices=CANDIDATES)
    parser.add_argument("--px", nargs="+", type=int, default=[64])
    parser.add_argument("--minutes", type=float, default=3, help="CPU minutes of each training")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--optimizer", choices=RATES, default="adamw")
    parser.add_argument("--teacher", type=Path, help="weights of a thermal teacher, for LD")
    parser.add_argument("--init", type=Path, help="state.pt of a row to start from")
    parser.add_argument("--work", type=Path, default=Path("runs/light_networks"))
    parser.add_argument("--table", type=Path, default=Path("results/light_networks.csv"))
    parser.add_argument("--latency", action="store_true", help="time random weights, train nothing")
    parser.add_argument("--time", action="store_true", help="time all files, and train nothing")
    parser.add_argument("--final", action="store_true", help="score the test split, train nothing")
    parser.add_argument("--figure", type=Path, help="draw the table, and train nothing")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.latency:
        measure_random(arguments)
        return
    rows = read(arguments.table)
    if arguments.time:
        found = measure_times(
            {(row["network"], row["px"]): folder_of(arguments.work, row) for row in rows}
        )
        for row in rows:
            times = found[row["network"], row["px"]]
            row.update({column: f"{ms:.3f}" for column, ms in times.items()})
    if arguments.final:
        for row in rows:
            test = split_of(arguments.photos, "test", int(row["px"]))
            for name, column in (("float32", "test_nme"), ("int8", "test_nme_int8")):
                row[column] = nme_percent(folder_of(arguments.work, row) / f"{name}.onnx", test)
    if arguments.figure:
        from light_figure import draw

        draw(rows).savefig(arguments.figure, dpi=110)
    if arguments.time or arguments.final or arguments.figure:
        write(arguments.table, rows)
        return
    supervision = "labels" if arguments.teacher is None else "labels, LD"
    supervision += ", from rendered" if arguments.init else ""
    for seed in arguments.seeds:
        for name in arguments.networks:
            for px in arguments.px:
                minutes = f"{arguments.minutes:g}"
                values = (name, px, supervision, minutes, seed, arguments.optimizer)
                key = dict(zip(KEY, map(str, values), strict=True))
                if any(all(row[c] == key[c] for c in KEY) for row in rows):
                    continue
                print(key, flush=True)
                rows.append(make_row(key, arguments))
                write(arguments.table, rows)
                print(rows[-1], flush=True)


if __name__ == "__main__":
    main()

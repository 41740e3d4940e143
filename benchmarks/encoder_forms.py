"""What the inference forms of the encoder gain, and how far they are from float64.

Times the original's way of computing (every token of every layer, heads unfolded) against ours, at the
published size and with random weights. The forms take turns, so that a busy machine slows them alike.

    python benchmarks/encoder_forms.py [--rounds 7] [--threads N] [--crops 16] [--segments 16]
"""

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from copy import deepcopy

import torch
from torch import Tensor

from emoclip_clinic.encoder import EmoClipNetwork, get_architecture, random_network

Form = Callable[[Tensor], Tensor]


def interleave(forms: dict[str, Form], values: Tensor, *, rounds: int) -> dict[str, list[float]]:
    """Seconds of each form, `rounds` times in turn, after one round that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in forms}
    for number in range(rounds + 1):
        for name, form in forms.items():
            start = time.perf_counter()
            form(values)
            if number:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def report(
    title: str, unit: str, forms: dict[str, Form], values: Tensor, exact: Tensor, *, rounds: int
) -> None:
    """Print time, ratio to the first form, and distance to float64 of each form."""
    seconds = interleave(forms, values, rounds=rounds)
    first = seconds[next(iter(forms))]
    print(f"\n{title} ({len(values)} {unit}, median of {rounds} [min, max])")
    for name, form in forms.items():
        ratios = [a / b for a, b in zip(first, seconds[name], strict=True)]
        distance = float((form(values).double() - exact).norm() / exact.norm())
        milliseconds = 1e3 * statistics.median(seconds[name]) / len(values)
        print(
            f"  {name:42s} {milliseconds:8.2f} ms each   ratio {statistics.median(ratios):5.2f} "
            f"[{min(ratios):.2f}, {max(ratios):.2f}]   distance to float64 {distance:.1e}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7, help="measurements of each form (default 7)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="threads of PyTorch")
    parser.add_argument("--crops", type=int, default=16, help="face crops encoded at once (default 16)")
    parser.add_argument("--segments", type=int, default=16, help="segments encoded at once (default 16)")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(
        f"{platform.processor() or platform.machine()}, {options.threads} threads, "
        f"Python {platform.python_version()}, PyTorch {torch.__version__}, "
        f"{torch.backends.cpu.get_cpu_capability()}"
    )
    architecture = get_architecture("vit-b-32")
    plain: EmoClipNetwork = random_network(architecture, seed=0).requires_grad_(False)
    folded = deepcopy(plain)
    folded.fold()
    exact = deepcopy(plain).double()
    generator = torch.Generator().manual_seed(0)
    crops = torch.randn(options.crops, 3, 224, 224, generator=generator)
    frames = torch.randn(options.segments, 32, architecture.embed_dim, generator=generator)
    with torch.inference_mode():
        report(
            "Image tower",
            "crops",
            {
                "open_clip, all tokens": plain.visual,
                "ours, class token only in the last block": plain.encode_frames,
            },
            crops,
            exact.visual(crops.double()),
            rounds=options.rounds,
        )
        report(
            "Temporal part, 32 frames",
            "segments",
            {
                "plain, all tokens": lambda x: plain.temporal.tokens(x)[:, 0],
                "plain, class token only in the last layer": plain.encode_segments,
                "folded, class token only (the default)": folded.encode_segments,
            },
            frames,
            exact.temporal.tokens(frames.double())[:, 0],
            rounds=options.rounds,
        )
    weights = {
        name: sum(x.numel() for x in part.state_dict().values())
        for name, part in (("plain", plain.temporal), ("folded", folded.temporal))
    }
    print(
        f"\nWeights of the temporal part: {weights['plain'] / 1e6:.1f} M plain, "
        f"{weights['folded'] / 1e6:.1f} M folded, ratio {weights['plain'] / weights['folded']:.1f}"
    )


if __name__ == "__main__":
    main()

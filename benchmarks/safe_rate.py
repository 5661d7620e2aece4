"""The rate beyond which more than half of layer 1 dies within 200 steps, measured and as the formulas have it.

    python benchmarks/safe_rate.py            # some minutes; --quick: one seed, the article's first weights alone

For each scale of the input and kind of first weights the rate is searched by halving its logarithm, on the embedded
images, by NumPy, without a screen. Prints tables for docs/rates.md.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from deadrelu_tui.builtin import fashion_mnist
from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.engine.by_numpy.network import Draws, Network
from deadrelu_tui.theory.rates import half_dies
from deadrelu_tui.theory.sample import sample
from deadrelu_tui.theory.start import Beginning, beginning

SCALES = (1 / 255, 1 / 64, 1 / 16, 1 / 4, 1.0)
INITS = ("normal:0.001", "normal:0.1", "he", "xavier")
STEPS, BATCH, UNITS = 200, 256, 300
_LOW, _HIGH, _HALVINGS = 1.0, 100.0, 5
_LOOKED = (1, 2, 3, 6, 20, 200)


@dataclass(frozen=True)
class Bench:
    """Images of some scale, and first weights of some kind."""

    images: Dataset
    scale: float
    init: str

    @property
    def expected(self) -> Beginning:
        """What theory expects."""
        pixels, labels = sample(self.images.train_images, self.images.train_labels, self.scale)
        return beginning(pixels, labels, (UNITS,), self.init, "relu", BATCH)

    def dead(self, lr: float, seed: int, looked: Sequence[int] = (STEPS,)) -> list[float]:
        """Train and return the share of layer 1 that is dead on the probe set after each of some numbers of steps."""
        images, found = self.images, list[float]()
        network = Network(Draws(self.init, seed).parameters((images.train_images.shape[1], UNITS, 10)), BATCH)
        probe = images.probe_images.astype(np.float32) * np.float32(self.scale)
        with np.errstate(all="ignore"):
            for step, batch in zip(range(1, max(looked) + 1), _batches(len(images.train_labels), seed), strict=False):
                pixels = images.train_images[batch].astype(np.float32) * np.float32(self.scale)
                network.learn(pixels, images.train_labels[batch].astype(np.intp), "relu", metrics=False)
                network.update(lr / BATCH)
                if step in looked:
                    found.append(float(network.silent(probe, "relu")[0].mean()))
        return found

    def boundary(self, seed: int) -> float:
        """Return the rate beyond which more than half is dead."""
        low, high = (each / self.expected.norm for each in (_LOW, _HIGH))
        for _ in range(_HALVINGS):
            middle = math.sqrt(low * high)
            if self.dead(middle, seed)[-1] > 0.5:
                high = middle
            else:
                low = middle
        return math.sqrt(low * high)


def _batches(images: int, seed: int) -> Iterator[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    random = np.random.RandomState(seed)
    while True:
        order = random.permutation(images)
        yield from (order[low : low + BATCH] for low in range(0, images - BATCH + 1, BATCH))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    images = fashion_mnist.find(full=False)
    print("| first weights | input scale | half dies beyond, measured | times ‖x‖ | 10/‖x‖ | first update alone |")
    print("|---|---|---|---|---|---|")
    for init in ("normal:0.01", *(() if quick else INITS)):
        for scale in SCALES if init == "normal:0.01" else (SCALES[0], SCALES[-1]):
            bench = Bench(images, scale, init)
            seeds = (0,) if quick or init != "normal:0.01" else (0, 1)
            measured = math.exp(float(np.mean([math.log(bench.boundary(seed)) for seed in seeds])))
            expected = bench.expected
            print(f"| {init} | {scale:.3g} | {measured:.2g} | {measured * expected.norm:.1f} "
                  f"| {half_dies(expected.norm):.2g} | {expected.one_step:.2g} |", flush=True)  # fmt: skip
    print(f"\n| lr · ‖x‖, raw pixels | {' | '.join(f'dead after {each}' for each in _LOOKED)} |")
    print(f"|---|{'---|' * len(_LOOKED)}")
    bench = Bench(images, 1.0, "normal:0.01")
    for times in (1, 3, 10, 30, 100, 1_000):
        shares = bench.dead(times / bench.expected.norm, 0, _LOOKED)
        print(f"| {times} | {' | '.join(f'{each:.1%}' for each in shares)} |", flush=True)


if __name__ == "__main__":
    main()

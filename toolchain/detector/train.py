"""Trains the hazard detector on the frames that `sim/dataset/main.ts` wrote. Equal data, seeds and numbers of workers give an equal network.

torchrun --nproc-per-node 2 train.py --train DIR [DIR ...] --out DIR

With --steady the end may be left open: a number N of steps written to the file `fall` in --out lets the rate fall over the next N steps.

Each worker has one thread and its own part of a batch; they meet once per step to share their gradients, which on a busy machine costs far
less than threads that meet in every layer.
"""

import argparse
import copy
import json
import math
import os
import time
from datetime import timedelta
from pathlib import Path

import torch
from torch import distributed

from data import likely, load_frames, make_batch
from export import export_onnx
from loss import detection_loss
from model import ENLARGED_SIZE, HazardDetector

SMALL_SHARE = 0.7  # of all steps, the first: crops, which are less work each
CALM_SHARE = 0.12  # of all steps, at the end: hardly any change of the frames
WARM_STEPS = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=3200)
    parser.add_argument("--batch", type=int, default=12, help="frames per step in full size, of all workers together")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--crop", type=int, nargs=2, default=(144, 192), help="height and width of the crops of the first steps")
    parser.add_argument("--weights", type=Path, help="weights to go on from")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steady", type=int, help="steps at full rate on crops; after them the rate falls on whole frames until --steps. Left out: a cosine over all steps")
    parser.add_argument("--harsh", action="store_true", help="wider light, noise, and small hazards count more")
    parser.add_argument("--every", type=int, default=500, help="steps between exports")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    workers, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    if workers > 1:
        distributed.init_process_group("gloo", timeout=timedelta(hours=12))
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)  # all workers begin with the same weights
    random = torch.Generator().manual_seed(arguments.seed * 1000 + rank)
    shuffle = torch.Generator().manual_seed(arguments.seed)
    frames = load_frames(arguments.train, jpeg_share=0.4)
    say = print if rank == 0 else lambda *_, **__: None
    say(f"{len(frames)} frames, {int((frames.kinds >= 0).sum())} objects", flush=True)

    model = HazardDetector().to(memory_format=torch.channels_last)
    if arguments.weights is not None:
        model.load_state_dict(torch.load(arguments.weights, weights_only=True))
    average = copy.deepcopy(model).eval()  # of the weights over time: better than any one of them
    decayed = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.03}, {"params": plain, "weight_decay": 0}], lr=arguments.rate)
    order = torch.empty(0, dtype=torch.long)
    chances = likely(frames)
    began, sums, log = time.time(), torch.zeros(2), []
    step, steps, steady = -1, arguments.steps, arguments.steady
    while (step := step + 1) < steps:
        rate, whole, strength = plan(step, steps, steady)
        for group in optimizer.param_groups:
            group["lr"] = arguments.rate * rate
        size = ENLARGED_SIZE if whole else tuple(arguments.crop)
        batch = arguments.batch if whole else arguments.batch * 2
        if len(order) < batch:
            fresh = chances.multinomial(len(frames), replacement=True, generator=shuffle) if arguments.harsh else torch.randperm(len(frames), generator=shuffle)
            order = torch.cat((order, fresh))
        picks, order = order[rank:batch:workers], order[batch:]
        images, boxes, kinds = make_batch(frames, picks, size, strength, random, arguments.harsh)
        model.train()
        model.set_size(*size)
        raw = model(images.contiguous(memory_format=torch.channels_last))
        scores, fit = detection_loss(model.cells, model.boxes(raw), raw, boxes, kinds, arguments.harsh)
        optimizer.zero_grad(set_to_none=True)
        (scores + 2 * fit).backward()
        told = int((arguments.out / "fall").read_text()) if rank == 0 and (arguments.out / "fall").exists() else 0
        if workers > 1:
            told = share_gradients(model, workers, told)
        if told > 0 and steady is not None and step < steady:
            steady, steps = step + 1, step + 1 + told
        torch.nn.utils.clip_grad_norm_(model.parameters(), 10)
        optimizer.step()
        follow(average, model, min(0.998, (1 + step) / (10 + step)))
        sums += torch.stack((scores.detach(), fit.detach()))
        if (step + 1) % 50 == 0:
            seconds = time.time() - began
            entry = {"step": step + 1, "scores": round(float(sums[0]) / 50, 4), "boxes": round(float(sums[1]) / 50, 4), "seconds": round(seconds)}
            say(json.dumps(entry), flush=True)
            log.append(entry)
            sums.zero_()
        if rank == 0 and ((step + 1) % arguments.every == 0 or step + 1 == steps):
            torch.save(average.state_dict(), arguments.out / "hazards.pt")
            partial = copy.deepcopy(average).to(memory_format=torch.contiguous_format)
            partial.set_size(*ENLARGED_SIZE)
            facts = export_onnx(partial, arguments.out / "hazards.onnx")
            settings = {"frames": len(frames), "steps": steps, "batch": arguments.batch, "rate": arguments.rate, "crop": arguments.crop, "continued": arguments.weights is not None, "workers": workers, "seed": arguments.seed, "steady": steady, "harsh": arguments.harsh}
            record = {**facts, **settings, "stepsDone": step + 1, "seconds": round(time.time() - began), "log": log}
            (arguments.out / "training.json").write_text(json.dumps(record))


def plan(step: int, steps: int, steady: int | None) -> tuple[float, bool, float]:
    """Share of the full rate, whether frames are shown whole, and how much they are changed."""
    warm = min(1.0, (step + 1) / WARM_STEPS)
    if steady is None:
        progress = step / steps
        return warm * (0.01 + 0.99 * (1 + math.cos(math.pi * progress)) / 2), progress >= SMALL_SHARE, 1.0 if progress < 1 - CALM_SHARE else 0.35
    falling = max(0.0, (step - steady) / max(1, steps - steady))  # warm up, stay, fall: may be told late when to end (Hu et al. 2024, MiniCPM)
    return warm * (1 - 0.99 * math.sqrt(falling)), step >= steady, 1.0 if falling < 0.4 else 0.35


def share_gradients(model: HazardDetector, workers: int, told: int) -> int:
    """Every worker goes on with the mean of all gradients, and knows what the first was told."""
    gradients = [p.grad for p in model.parameters()]
    flat = torch.cat([gradient.flatten() for gradient in gradients] + [torch.tensor([float(told)])])
    distributed.all_reduce(flat)
    flat /= workers
    at = 0
    for gradient in gradients:
        gradient.copy_(flat[at : at + gradient.numel()].view_as(gradient))
        at += gradient.numel()
    return round(float(flat[-1]) * workers)


@torch.no_grad()
def follow(average: HazardDetector, model: HazardDetector, keep: float) -> None:
    means = average.state_dict()
    for name, value in model.state_dict().items():
        mean = means[name]
        if value.dtype.is_floating_point:
            mean.lerp_(value, 1 - keep)
        else:
            mean.copy_(value)


if __name__ == "__main__":
    main()

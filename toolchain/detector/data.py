"""Labelled frames in memory, and batches of them made new each time by zoom, mirror, light and colour."""

import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from model import CLASSES, ENLARGED, HEIGHT, WIDTH

MOST_OBJECTS = 24  # of one frame; the crowded sites of the generator stay below
LEAST_SIDE_PX = 4.0  # cut off or zoomed away below this, an object is set aside
SMALL_SIDE_PX = 24.0  # square root of the area: hazards that are hard to see
LEAST_SHARE = 0.35  # of an object's box that must lie inside the crop


@dataclass
class Frames:
    """`images` [N, H, W, 3] uint8; `boxes` [N, M, 4] corners in px; `kinds` [N, M]: class, -1 nothing there, -2 ignored."""

    images: np.ndarray
    boxes: Tensor
    kinds: Tensor

    def __len__(self) -> int:
        return len(self.images)


def load_frames(folders: list[Path], jpeg_share: float, seed: int = 0) -> Frames:
    """Reads data sets; some pictures pass through a JPEG of random quality, as frames do that cross a network."""
    random = np.random.default_rng(seed)
    described = [(folder, json.loads((folder / "dataset.json").read_text())) for folder in folders]
    images = np.empty((sum(len(description["frames"]) for _, description in described), HEIGHT, WIDTH, 3), np.uint8)
    boxes, kinds = [], []
    for folder, description in described:
        if tuple(description["classes"]) != CLASSES:
            raise SystemExit(f"{folder} has the classes {description['classes']}, the detector has {CLASSES}")
        for frame in description["frames"]:
            picture = Image.open(folder / frame["image"])
            if picture.size != (WIDTH, HEIGHT):
                raise SystemExit(f"{folder / frame['image']} measures {picture.size}, {(WIDTH, HEIGHT)} is expected")
            if random.random() < jpeg_share:
                squeezed = io.BytesIO()
                picture.save(squeezed, "JPEG", quality=int(random.integers(25, 95)))
                picture = Image.open(squeezed)
            images[len(kinds)] = picture
            objects = [(CLASSES.index(o["class"]), o["box"]) for o in frame["objects"]] + [(-2, o["box"]) for o in frame["ignored"]]
            if len(objects) > MOST_OBJECTS:
                raise SystemExit(f"{folder / frame['image']} holds {len(objects)} objects, at most {MOST_OBJECTS} are expected")
            gap = MOST_OBJECTS - len(objects)
            kinds.append([kind for kind, _ in objects] + [-1] * gap)
            boxes.append([box for _, box in objects] + [[0, 0, 0, 0]] * gap)
    return Frames(images, torch.tensor(boxes, dtype=torch.float32), torch.tensor(kinds))


def uniform(shape: tuple[int, ...], low: float, high: float, random: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(shape, generator=random)


def likely(frames: Frames) -> Tensor:
    """How often each frame [N] is shown when small hazards are to be learnt: with one of those more often, without any hazard seldom."""
    there = frames.kinds >= 0
    small = there & (area(frames.boxes) < SMALL_SIDE_PX**2)
    return torch.where(small.any(1), 1.5, torch.where(there.any(1), 1.0, 0.4))


def make_batch(frames: Frames, picks: Tensor, size: tuple[int, int], strength: float, random: torch.Generator, harsh: bool = False) -> tuple[Tensor, Tensor, Tensor]:
    """Images [B, 3, h, w] in 0..1, enlarged as the network wants them, with their boxes [B, M, 4] and kinds [B, M], cut out at random.

    At strength 0 nothing else about the frames changes.

    `harsh`: wider changes of light, and noise; crops look towards small objects more often.
    """
    height, width = size
    count = len(picks)
    images = torch.from_numpy(frames.images[picks.numpy()]).permute(0, 3, 1, 2).float().div_(255)
    full_h, full_w = images.shape[2:]
    boxes, kinds = frames.boxes[picks], frames.kinds[picks]
    # Zoom (px of the crop per px of the frame) and the frame's point that the crop's centre shows.
    log_zoom = torch.where(torch.rand(count, generator=random) < 0.5, uniform((count,), -0.7, 0.45, random), torch.zeros(count))
    zoom = ENLARGED * (log_zoom * strength).exp()
    centre = torch.stack((uniform((count,), 0, 1, random) * full_w, uniform((count,), 0, 1, random) * full_h), 1)
    slack = torch.stack((full_w - width / zoom, full_h - height / zoom), 1).abs() / 2 + 20 * strength
    middle = torch.tensor((full_w / 2, full_h / 2))
    # A small crop looks towards one of the objects, else it would mostly show walls.
    there = kinds >= 0
    worth = there / area(boxes).clamp(min=64).sqrt() * 8 if harsh else there.float()
    chosen = (worth + 1e-6 * (kinds == -1)).clamp(min=1e-9).multinomial(1, generator=random)[:, 0]
    target = boxes[torch.arange(count), chosen].unflatten(1, (2, 2)).mean(1) + uniform((count, 2), -0.35, 0.35, random) * torch.tensor((width, height)) / zoom[:, None]
    centre = torch.where(there.any(1)[:, None], target, centre)
    centre = torch.minimum(torch.maximum(centre, middle - slack), middle + slack)
    mirror = torch.where(torch.rand(count, generator=random) < 0.5 * (strength > 0), -1.0, 1.0)

    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0] = mirror * width / zoom / full_w
    theta[:, 1, 1] = height / zoom / full_h
    theta[:, 0, 2] = centre[:, 0] * 2 / full_w - 1
    theta[:, 1, 2] = centre[:, 1] * 2 / full_h - 1
    grid = functional.affine_grid(theta, [count, 3, height, width], align_corners=False)
    images = functional.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    boxes = boxes - centre.repeat(1, 2)[:, None]
    boxes = boxes * zoom[:, None, None]
    boxes[..., 0::2] *= mirror[:, None, None]
    left, right = boxes[..., 0].minimum(boxes[..., 2]), boxes[..., 0].maximum(boxes[..., 2])
    boxes = torch.stack((left + width / 2, boxes[..., 1] + height / 2, right + width / 2, boxes[..., 3] + height / 2), -1)
    boxes, kinds = cut(boxes, kinds, width, height)
    if strength > 0:
        images = dirty(relight(images, strength * 1.7, random), strength, random) if harsh else relight(images, strength, random)
    return images, boxes, kinds


def cut(boxes: Tensor, kinds: Tensor, width: int, height: int) -> tuple[Tensor, Tensor]:
    """Boxes within the picture; what is nearly gone becomes 'ignored', what is gone nothing."""
    whole = area(boxes)
    limits = torch.tensor((width, height, width, height))
    inside = boxes.clamp(min=0).minimum(limits)
    left = area(inside)
    sides = inside[..., 2:] - inside[..., :2]
    poor = (left < LEAST_SHARE * whole) | (sides.amin(-1) < LEAST_SIDE_PX)
    kinds = torch.where((kinds >= 0) & poor, -2, kinds)
    kinds = torch.where(left <= 0, -1, kinds)
    return inside, kinds


def area(boxes: Tensor) -> Tensor:
    return (boxes[..., 2] - boxes[..., 0]).clamp(min=0) * (boxes[..., 3] - boxes[..., 1]).clamp(min=0)


def relight(images: Tensor, strength: float, random: torch.Generator) -> Tensor:
    """Other gains per channel, contrast and saturation per frame."""
    count = len(images)
    gain = (uniform((count, 1, 1, 1), -0.35, 0.35, random) * strength).exp() * (uniform((count, 3, 1, 1), -0.16, 0.16, random) * strength).exp()
    saturation = 1 + uniform((count, 1, 1, 1), -0.4, 0.35, random) * strength
    images = images * gain
    grey = images.mean(1, keepdim=True)
    return (grey + (images - grey) * saturation).clamp_(0, 1)


def dirty(images: Tensor, strength: float, random: torch.Generator) -> Tensor:
    """Other tone curves, and noise on half of the frames."""
    count = len(images)
    images = images.clamp_(min=1e-4).pow((uniform((count, 1, 1, 1), -0.4, 0.4, random) * strength).exp())
    sigma = uniform((count, 1, 1, 1), -0.04, 0.04, random).clamp(min=0) * strength
    return (images + sigma * torch.randn(images.shape, generator=random)).clamp_(0, 1)

"""What the network is told: which cells answer for which object, and how wrong each was.

Cells are matched by least cost with a dynamic number of cells per object (SimOTA, Ge et al. 2021) and a soft preference for the middle
(RTMDet, Lyu et al. 2022). A score is taught to be the overlap of its box (quality focal loss, Li et al. 2020), so that scores rank boxes by
how well they fit; boxes learn by GIoU (Rezatofighi et al. 2019).
"""

import torch
from torch import Tensor
from torch.nn import functional

from data import area

CANDIDATES = 13  # most cells of one object
MOST_WEIGHT = 2.5  # of one cell of a small object
FAR = 1e8


def overlap(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and GIoU of boxes with broadcast shapes [..., 4]."""
    low, high = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    both = (high - low).clamp(min=0).prod(-1)
    union = area(a) + area(b) - both + 1e-7
    hull = (torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])).prod(-1) + 1e-7
    iou = both / union
    return iou, iou - (hull - union) / hull


@torch.no_grad()
def match(cells: Tensor, found: Tensor, logits: Tensor, boxes: Tensor, kinds: Tensor) -> tuple[Tensor, Tensor]:
    """For boxes found [B, A, 4] and truth [B, M, 4]: the object of each cell [B, A] (-1: none) and its overlap [B, A]."""
    real = kinds >= 0
    iou, _ = overlap(found[:, None], boxes[:, :, None])  # [B, M, A]
    iou = iou * real[..., None]
    centre, stride = cells[:, :2], cells[:, 2]
    middle = (boxes[..., :2] + boxes[..., 2:]) / 2
    away = (centre - middle[:, :, None]).abs().amax(-1) / stride  # in cells, [B, M, A]
    inside = ((centre >= boxes[:, :, None, :2]) & (centre <= boxes[:, :, None, 2:])).all(-1)
    possible = (inside | (away < 1.5)) & real[..., None]
    score = logits.gather(2, kinds.clamp(min=0)[:, None].expand(-1, logits.shape[1], -1)).transpose(1, 2)  # [B, M, A]
    wrong = functional.binary_cross_entropy_with_logits(score, iou, reduction="none") * (iou - score.sigmoid()).abs().square()
    cost = wrong - 3 * torch.log(iou + 1e-7) + 10 ** (away.clamp(max=8) - 3)
    cost = torch.where(possible, cost, FAR)
    amount = (iou * possible).topk(CANDIDATES, -1).values.sum(-1).int().clamp(min=1)  # [B, M]
    least, where = cost.topk(CANDIDATES, -1, largest=False)
    taken = (torch.arange(CANDIDATES) < amount[..., None]) & (least < FAR)
    chosen = torch.zeros_like(cost, dtype=torch.bool).scatter_(2, where, taken)
    cost = torch.where(chosen, cost, FAR)
    cheapest, owner = cost.min(1)
    owner = torch.where(cheapest < FAR, owner, -1)
    return owner, iou.gather(1, owner.clamp(min=0)[:, None])[:, 0] * (owner >= 0)


def detection_loss(cells: Tensor, found: Tensor, raw: Tensor, boxes: Tensor, kinds: Tensor, even: bool = False) -> tuple[Tensor, Tensor]:
    """Loss of scores and loss of boxes, both per matched object's worth of cells.

    `even`: the cells of an object with few of them count more, else small objects hardly count beside large ones.
    """
    logits = raw[..., 4:]
    owner, iou = match(cells, found, logits, boxes, kinds)
    held = owner >= 0
    classes = kinds.gather(1, owner.clamp(min=0)).clamp(min=0)
    wanted = functional.one_hot(classes, logits.shape[2]) * (iou * held)[..., None]
    error = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none") * (wanted - logits.sigmoid()).abs().square()
    centre = cells[:, :2]
    aside = (kinds == -2)[..., None] & ((centre >= boxes[:, :, None, :2] - 4) & (centre <= boxes[:, :, None, 2:] + 4)).all(-1)
    error = error * (held | ~aside.any(1))[..., None]
    share = torch.ones_like(iou)
    if even:
        amount = torch.zeros_like(kinds, dtype=iou.dtype).scatter_add_(1, owner.clamp(min=0), held.to(iou.dtype))
        share = (CANDIDATES / amount.clamp(min=1)).sqrt().clamp(max=MOST_WEIGHT).gather(1, owner.clamp(min=0))
        error = error * torch.where(held, share, 1.0)[..., None]
    worth = (iou * held * share).sum().clamp(min=1)
    truth = boxes.gather(1, owner.clamp(min=0)[..., None].expand(-1, -1, 4))[held]
    _, fit = overlap(found[held], truth)
    weight = iou[held].clamp(min=0.05) * share[held]
    return error.sum() / worth, ((1 - fit) * weight).sum() / weight.sum().clamp(min=1)

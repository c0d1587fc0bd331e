"""The hazard detector: a small single-stage, anchor-free convolutional network.

Backbone of residual stages down to stride 16, one top-down and one bottom-up path (as in PANet, Liu et al. 2018), a decoupled head per
level (YOLOX, Ge et al. 2021). Activations are ReLU: inference engines fuse it into the convolution, which a CPU thanks for.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

CLASSES = ("survivor", "gas-cylinder", "chemical-drum", "fire", "fuel-can", "radioactive-crate")
WIDTH, HEIGHT = 320, 240  # [px] the rovers' camera, so that its frames need no letterbox
ENLARGED = 1.2  # the network looks at frames enlarged by this, to 384 x 288: far hazards are a dozen pixels high
ENLARGED_SIZE = (round(HEIGHT * ENLARGED), round(WIDTH * ENLARGED))  # both divisible by the coarsest stride
STRIDES = (8, 16)
LARGEST_LOG_SIZE = 4.0  # e^4 strides of 16 px are 873 px: wider than any box, and no overflow from hostile input


class ConvNormRelu(nn.Sequential):
    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.03),
            nn.ReLU(inplace=True),
        )


class Residual(nn.Module):
    """Two convolutions around half of the channels, and a way past them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(ConvNormRelu(channels, channels // 2, 1), ConvNormRelu(channels // 2, channels, 3))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class Context(nn.Module):
    """Spatial pyramid pooling in its quick form: three 5 x 5 maxima one after another see 13 x 13 cells (YOLOv5's SPPF)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = ConvNormRelu(channels, channels // 2, 1)
        self.pool = nn.MaxPool2d(5, 1, 2)
        self.merge = ConvNormRelu(channels * 2, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        a = self.squeeze(x)
        b = self.pool(a)
        c = self.pool(b)
        return self.merge(torch.cat((a, b, c, self.pool(c)), 1))


class Head(nn.Module):
    """Scores and boxes of one level: [N, 4 + classes, H, W], raw."""

    def __init__(self, inputs: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.stem = ConvNormRelu(inputs, hidden, 1)
        self.scores = nn.Sequential(ConvNormRelu(hidden, hidden), nn.Conv2d(hidden, classes, 1))
        self.boxes = nn.Sequential(ConvNormRelu(hidden, hidden), nn.Conv2d(hidden, 4, 1))
        nn.init.constant_(self.scores[-1].bias, -4.6)  # a prior of one in a hundred (Lin et al. 2017, focal loss)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return torch.cat((self.boxes(x), self.scores(x)), 1)


class HazardDetector(nn.Module):
    """Finds hazards in RGB images of 0..1.

    In training: `images` [N, 3, h, w], enlarged already, h and w divisible by 16, to raw [N, A, 4 + C] (centre offset and log size in strides,
    logits). In evaluation: `images` [N, 3, HEIGHT, WIDTH] to [N, 4 + C, A], the usual YOLOv8 layout: cx, cy, w, h in input pixels, then
    class scores in 0..1. A = h/8 * w/8 + h/16 * w/16, rows first, fine level first.
    """

    def __init__(self, classes: int = len(CLASSES)) -> None:
        super().__init__()
        self.stage4 = nn.Sequential(ConvNormRelu(3, 16, 3, 2), ConvNormRelu(16, 32, 3, 2), Residual(32))
        self.stage8 = nn.Sequential(ConvNormRelu(32, 64, 3, 2), Residual(64), Residual(64))
        self.stage16 = nn.Sequential(ConvNormRelu(64, 128, 3, 2), Residual(128), Residual(128), Residual(128), Context(128))
        self.lateral = ConvNormRelu(128, 64, 1)
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.fine = nn.Sequential(ConvNormRelu(128, 64, 1), Residual(64))
        self.down = ConvNormRelu(64, 64, 3, 2)
        self.coarse = nn.Sequential(ConvNormRelu(128, 128, 1), Residual(128))
        self.heads = nn.ModuleList((Head(64, 48, classes), Head(128, 64, classes)))
        self.set_size(*ENLARGED_SIZE)

    def set_size(self, height: int, width: int) -> None:
        """Lays out the cells for another size of the enlarged images; weights stay."""
        cells = []
        for stride in STRIDES:
            y, x = torch.meshgrid(torch.arange(height // stride), torch.arange(width // stride), indexing="ij")
            centre = (torch.stack((x, y), -1).reshape(-1, 2) + 0.5) * stride
            cells.append(torch.cat((centre, torch.full((len(centre), 1), stride)), 1))
        self.register_buffer("cells", torch.cat(cells).float(), persistent=False)  # [A, 3] centre x, y and stride in px

    def raw(self, images: Tensor) -> Tensor:
        """[N, 4 + C, A] as the heads say it."""
        fine = self.stage8(self.stage4(images))
        coarse = self.lateral(self.stage16(fine))
        fine = self.fine(torch.cat((self.up(coarse), fine), 1))
        coarse = self.coarse(torch.cat((self.down(fine), coarse), 1))
        return torch.cat([head(x).flatten(2) for head, x in zip(self.heads, (fine, coarse), strict=True)], 2)

    def forward(self, images: Tensor) -> Tensor:
        if self.training:
            return self.raw(images).transpose(1, 2)
        raw = self.raw(functional.interpolate(images, size=ENLARGED_SIZE, mode="bilinear", align_corners=False))
        stride = self.cells[:, 2]
        centre = raw[:, :2] * stride + self.cells[:, :2].T
        size = raw[:, 2:4].clamp(max=LARGEST_LOG_SIZE).exp() * stride
        return torch.cat((centre / ENLARGED, size / ENLARGED, raw[:, 4:].sigmoid()), 1)

    def boxes(self, raw: Tensor) -> Tensor:
        """Raw [N, A, 4 + C] to corners [N, A, 4] in px."""
        stride = self.cells[:, 2:]
        centre = raw[..., :2] * stride + self.cells[:, :2]
        half = raw[..., 2:4].clamp(max=LARGEST_LOG_SIZE).exp() * stride / 2
        return torch.cat((centre - half, centre + half), -1)

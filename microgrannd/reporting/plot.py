"""The plots of a report: gradient sizes and ratios by layer and epoch, and histograms of activations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from .._charts import bars, curves, figure, histograms
from .._text import visible
from .measure import USUAL, LayerReport

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot(layers: Sequence[LayerReport], over_time: Mapping[int, Sequence[LayerReport]]) -> Figure:
    """Draw the numbers of layers, those of all epochs where they are known.

    Args:
        layers: to be drawn.
        over_time: the same layers after each epoch.
    """
    names = [visible(layer.name, 20) for layer in layers]
    stepping = all(layer.update is not None for layer in layers) or any(
        layer.update is not None for epoch in over_time.values() for layer in epoch
    )
    values = {name: layer.values for name, layer in zip(names, layers, strict=True) if layer.values}
    axes = figure(1, 2 + bool(values))
    titles = ["mean |gradient|", "update / weight" if stepping else "gradient / weight"]
    for ax, title, of in zip(axes, titles, (_mean, _step if stepping else _ratio), strict=False):
        if over_time:
            curves(ax, {
                name: {epoch: of(known[at]) for epoch, known in over_time.items() if at < len(known)}
                for at, name in enumerate(names)
            }, title)  # fmt: skip
        else:
            bars(ax, {name: of(layer) for name, layer in zip(names, layers, strict=True)}, title)
    if stepping:
        axes[1].axhspan(*USUAL, color="#009e73", alpha=0.12, label="usual")
    if values:
        histograms(axes[2], values, "activations")
    for ax in axes:
        if ax.get_legend_handles_labels()[0]:
            ax.legend(fontsize="small")
    whole: Figure = axes[0].figure
    return whole


def _mean(layer: LayerReport) -> float | None:
    return layer.gradient.mean


def _step(layer: LayerReport) -> float | None:
    return layer.update_to_weight


def _ratio(layer: LayerReport) -> float | None:
    return layer.gradient_to_weight

"""Readings of the welding shop, one a second, as a function of device and time alone.

The same second of the same device always has the same reading, so that a shop loaded today and again tomorrow is
one history. Time is cut into blocks of a quarter of an hour, each with a job (a regime), a quality and its own
random numbers.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from feature_service.demo.plan import LABEL
from feature_service.domain.model.array import BoolArray, FloatArray, IndexArray, TextArray
from feature_service.domain.model.frame import Frame

_SEED: Final = 20_240_501
_BLOCK: Final = 900
_FIELDS: Final = ("current", "voltage", "wire_feed", "gas_flow", "temperature")
_NOISE: Final = np.array([4.0, 0.35, 0.12, 0.25, 0.4])
_MISSING: Final = 0.002
_SPIKES: Final = 0.0005


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """Settings of a kind of work while the arc burns: A, V, m/min, L/min; and the share of jobs that are it."""

    current: float
    voltage: float
    wire_feed: float
    gas_flow: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Quality:
    """What a fault does to the settings, as factors; and the share of blocks that have it."""

    label: str
    current: float
    voltage: float
    gas_flow: float
    share: float


_OFF: Final = _Job(current=0.0, voltage=0.0, wire_feed=0.0, gas_flow=0.0, share=0.15)
_JOBS: Final = (
    _OFF,
    _Job(current=120.0, voltage=18.5, wire_feed=4.2, gas_flow=12.0, share=0.3),
    _Job(current=165.0, voltage=21.5, wire_feed=6.0, gas_flow=14.0, share=0.3),
    _Job(current=220.0, voltage=26.0, wire_feed=8.4, gas_flow=16.0, share=0.25),
)
_QUALITIES: Final = (
    _Quality(label="good", current=1.0, voltage=1.0, gas_flow=1.0, share=0.76),
    _Quality(label="porosity", current=1.0, voltage=1.02, gas_flow=0.55, share=0.1),
    _Quality(label="undercut", current=1.15, voltage=1.12, gas_flow=1.0, share=0.08),
    _Quality(label="lack_of_fusion", current=0.8, voltage=0.94, gas_flow=1.0, share=0.06),
)


def shop_frame(device: int, start: int, end: int) -> Frame:
    """Return the readings of the `device`-th machine (from 1) in the seconds start <= t < end since the epoch.

    Seconds in which the machine was off the network have no row.
    """
    blocks = [_block(device, block) for block in range(start // _BLOCK, -(-end // _BLOCK))]
    seconds = np.concatenate([block.seconds for block in blocks])
    values = np.concatenate([block.values for block in blocks])
    labels = np.concatenate([block.labels for block in blocks])
    keep = np.concatenate([block.online for block in blocks]) & (seconds >= start) & (seconds < end)
    return Frame(
        timestamps=seconds[keep].astype("datetime64[s]").astype("datetime64[us]"),
        numbers={name: np.round(values[keep, column], 3) for column, name in enumerate(_FIELDS)},
        texts={LABEL: labels[keep]},
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Block:
    seconds: IndexArray
    values: FloatArray
    labels: TextArray
    online: BoolArray


def _block(device: int, block: int) -> _Block:
    random = _random(device, block)
    job, quality = _work(device, block)
    offset = np.arange(_BLOCK)
    arc = ((offset + int(random.integers(60))) % 60 < 44) & (job is not _OFF)
    values = _NOISE * random.normal(size=(_BLOCK, len(_FIELDS)))
    values[:, 0] += arc * job.current * quality.current * (1 + 0.02 * device)
    values[:, 1] += arc * job.voltage * quality.voltage
    values[:, 2] += arc * job.wire_feed
    values[:, 3] += arc * job.gas_flow * quality.gas_flow
    values[:, :4] = np.where(arc[:, np.newaxis], values[:, :4], np.abs(values[:, :4]) * 0.1)
    values[:, 4] += _temperature(device, block, offset)
    values[random.random(values.shape) < _SPIKES] *= 4.0
    values[random.random(values.shape) < _MISSING] = np.nan
    labels = np.full(_BLOCK, None if job is _OFF else quality.label, dtype=np.object_)
    online = np.ones(_BLOCK, dtype=np.bool_)
    if random.random() < 0.1:
        lost = int(random.integers(_BLOCK - 120))
        online[lost : lost + int(random.integers(15, 120))] = False
    return _Block(seconds=block * _BLOCK + offset, values=values, labels=labels, online=online)


def _temperature(device: int, block: int, offset: IndexArray) -> FloatArray:
    """The torch nears the heat of its job, from that of the job before, with a time constant of four minutes."""
    before, after = (_heat(device, each) for each in (block - 1, block))
    day = np.sin(2 * np.pi * ((block * _BLOCK + offset) % 86_400) / 86_400 - np.pi / 2)
    return 22.0 + 3.0 * day + after + (before - after) * np.exp(-offset / 240.0)


def _heat(device: int, block: int) -> float:
    job, quality = _work(device, block)
    return 0.18 * job.current * quality.current


def _work(device: int, block: int) -> tuple[_Job, _Quality]:
    """A job lasts an hour (four blocks) and starts at another quarter on each machine; quality goes by block."""
    job_draw = _random(device, (block + device) // 4, 1).random()
    quality_draw = _random(device, block, 2).random()
    job = _drawn(job_draw, [job.share for job in _JOBS])
    quality = _drawn(quality_draw, [quality.share for quality in _QUALITIES])
    return _JOBS[job], _QUALITIES[quality]


def _drawn(draw: float, shares: list[float]) -> int:
    return min(int(np.searchsorted(np.cumsum(shares), draw, side="right")), len(shares) - 1)


def _random(*key: int) -> np.random.Generator:
    return np.random.default_rng([_SEED, *key])

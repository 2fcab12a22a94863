"""Tone mapping: frames of HDR (PQ and HLG, BT.2020) as code values of SDR (BT.709).

A page is shown on whatever screen there is, most of them of SDR, where untouched code values of HDR look grey.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

PQ, HLG = 16, 18
"""Transfer characteristics of ITU-T H.273, table 3."""
_WHITE = 203.0
"""Luminance of diffuse white in HDR, cd/m2 (ITU-R BT.2408)."""
_PEAK = 1000.0
"""Luminance that becomes the white of SDR, cd/m2: that of the display most films are graded on."""
_STEPS = 4096
_FROM_2020 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32)
"""RGB of BT.2020 to RGB of BT.709, both linear (ITU-R BT.2087)."""
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)


def is_hdr(transfer: int) -> bool:
    """Tells whether a transfer characteristic (H.273) is one of HDR."""
    return transfer in (PQ, HLG)


@functools.cache
def _light(transfer: int) -> npt.NDArray[np.float32]:
    """Returns the luminance, 1 being diffuse white, of each of `_STEPS` code values."""
    code = np.linspace(0.0, 1.0, _STEPS)
    if transfer == PQ:
        # SMPTE ST 2084, section 5.2.
        m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
        power = code ** (1 / m2)
        light = 10000.0 * (np.maximum(power - c1, 0.0) / (c2 - c3 * power)) ** (1 / m1)
    else:
        # ITU-R BT.2100, table 5; the system gamma of 1.2 is applied to each channel, which keeps greys exact.
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        scene = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
        light = _PEAK * scene**1.2
    return np.asarray(light / _WHITE, np.float32)


def tone_mapped(rgb: npt.NDArray[np.uint16], transfer: int) -> npt.NDArray[np.uint8]:
    """Returns a picture of HDR as one of SDR.

    Luminance passes Reinhard's curve with a white point (E. Reinhard et al., "Photographic Tone Reproduction for
    Digital Images", SIGGRAPH 2002, equation 4), which keeps the hue; then primaries and gamma become those of BT.709.

    Args:
      rgb: (H, W, 3) code values of BT.2020, 65535 being 1.
      transfer: `PQ` or `HLG`.

    Returns:
      (H, W, 3) code values of BT.709 at a gamma of 2.4, 255 being white.
    """
    light = _light(transfer)[(rgb.astype(np.uint32) * (_STEPS - 1) + 32767) // 65535]
    light = np.maximum(light @ _FROM_2020.T, 0.0)
    luminance = (light @ _LUMINANCE)[..., None]
    white = _PEAK / _WHITE
    mapped = light * ((1.0 + luminance / white**2) / (1.0 + luminance))
    return np.asarray(np.clip(mapped, 0.0, 1.0) ** (1 / 2.4) * 255.0 + 0.5, np.uint8)

"""Errors of a pipe whose reader has ended, as each system reports them.

Windows calls that an invalid argument (python/cpython#79935), so that the class of the error does not tell it.
"""

from __future__ import annotations

import errno

from frame_booster import files


def is_gone(error: BaseException) -> bool:
    """Tells whether what was written, to a pipe, has failed since its reader has ended.

    Args:
      error: of Python or of FFmpeg.
    """
    if isinstance(error, BrokenPipeError):
        return True
    return files.WINDOWS and getattr(error, "errno", None) == errno.EINVAL

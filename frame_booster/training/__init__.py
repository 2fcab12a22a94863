"""Making weights. Needs the extra `train`.

Imports go one way: `publishing` and `loop` -> `evaluation` -> `data` -> `config`; `loop` -> `losses`.
"""

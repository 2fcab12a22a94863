"""Training of the networks: data, losses, loop, evaluation, publishing. Needs the extra `train`.

Imports go one way: `publishing` and `loop` -> `evaluation` -> `data` -> `config`; `loop` -> `losses`.
"""

"""A run's model, loaded when it is first needed: after all that can be refused without it has been looked at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from frame_booster.engine.contract import LoadedNetwork
from frame_booster.engine.weights import shipped_weights
from frame_booster.errors import ModelError
from frame_booster.options import BoostOptions
from frame_booster.pipeline.noted_network import NotedNetwork
from frame_booster.pipeline.result import Loaded


class LazyModel:
    """A model, or how to get one; called, it gives the model.

    Args:
      options: of the run.
      model: loaded, or what loads it for these options.
    """

    def __init__(self, options: BoostOptions, model: LoadedNetwork | Callable[[BoostOptions], LoadedNetwork]) -> None:
        self._options = options
        self._load = model if callable(model) else None
        self._model = None if callable(model) else model
        self._noted: NotedNetwork | None = None

    def __call__(self) -> LoadedNetwork:
        if self._model is None:
            assert self._load is not None
            self._model = self._load(self._options)
        return self._model

    def load_as(self, noted: NotedNetwork) -> None:
        """Has the model loaded as an earlier run has noted.

        Raises:
          InputError: it is loaded already, and computes otherwise.
        """
        if self._model is not None:
            noted.check(self._model)
        self._noted, self._options = noted, noted.asked(self._options)

    @property
    def loaded(self) -> LoadedNetwork | None:
        """The model, where it was needed."""
        return self._model

    @property
    def facts(self) -> Loaded:
        """What there is to tell of the model; it is loaded only where no earlier run has noted that."""
        return self._model or self._noted or self()

    @property
    def weights(self) -> Path:
        """The file of its weights, which need not be loaded for it.

        Raises:
          ModelError: there is none.
        """
        if self._model is not None:
            return self._model.weights
        options = self._options
        path = shipped_weights(options.model) if options.weights is None else Path(options.weights)
        if not path.is_file():
            raise ModelError("no such weights file", path=path)
        return path

    def check(self) -> None:
        """Checks what can be checked without loading it.

        Raises:
          ModelError: there is no file of weights.
        """
        _ = self.weights

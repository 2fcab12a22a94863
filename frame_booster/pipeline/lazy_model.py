"""A model that is loaded when it is first needed, after all checks that need no model."""

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
    """A model that is loaded on demand: calling this object returns it.

    Args:
      options: options of the run.
      model: a loaded model, or a function that loads it for given options.
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
        """Makes the model load with the engine, precision and flow scale of an earlier run.

        Raises:
          InputError: the model is already loaded with others.
        """
        if self._model is not None:
            noted.check(self._model)
        self._noted, self._options = noted, noted.asked(self._options)

    @property
    def loaded(self) -> LoadedNetwork | None:
        """The model; None if it is not loaded."""
        return self._model

    @property
    def facts(self) -> Loaded:
        """Facts about the model, which is loaded only if no earlier run has recorded them."""
        return self._model or self._noted or self()

    @property
    def weights(self) -> Path:
        """Path of the weights; does not load the model.

        Raises:
          ModelError: the file does not exist.
        """
        if self._model is not None:
            return self._model.weights
        options = self._options
        path = shipped_weights(options.model) if options.weights is None else Path(options.weights)
        if not path.is_file():
            raise ModelError("no such weights file", path=path)
        return path

    def check(self) -> None:
        """Checks the model as far as possible without loading it.

        Raises:
          ModelError: the file of weights does not exist.
        """
        _ = self.weights

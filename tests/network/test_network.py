"""All networks: parameters, sizes, times, and what must hold whatever the weights."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from frame_booster.errors import ModelError
from frame_booster.network.fbnet_r.exchange import ExchangedConvolution, SignedConvolution, halves_exchanged
from frame_booster.network.fbnet_r.fusion import MADE
from frame_booster.network.layers import Convolution, Stage, count_weights, named_weights
from frame_booster.network.presets import PRESETS, create_network
from frame_booster.training.evaluation.inspect import stage_costs
from frame_booster.training.losses.matching import matching_error
from tests.conftest import picture


def fill(network: Any, scale: float = 1.0) -> Any:
    """Gives a network reproducible weights that depend on names only."""
    for name, variable in named_weights(network):
        rng = np.random.default_rng(list(name.encode()))
        shape = tuple(int(side) for side in variable.shape)
        fan = int(np.prod(shape[:-1])) if len(shape) > 1 else 100
        variable.assign((scale * rng.normal(0, (1.0 / fan) ** 0.5, shape)).astype(np.float32))
    return network


@lru_cache(maxsize=4)
def network(name: str) -> Any:
    return fill(create_network(name), 0.5)


def frames(height: int, width: int, step: float = 1.0) -> tuple[tf.Tensor, tf.Tensor]:
    return tuple(tf.constant(picture(k, width, height)[None], tf.float32) for k in (0.0, step))  # type: ignore[return-value]


@pytest.mark.parametrize("dilation", [1, 2, 4])
def test_a_spread_kernel_keeps_the_size_and_sees_zeros_outside(dilation: int) -> None:
    layer = Convolution(3, 4, dilation=dilation, slope=None, name="spread")
    x = tf.constant(np.random.default_rng(1).normal(size=(1, 9, 7, 3)).astype(np.float32))
    expected = tf.nn.conv2d(x, layer.kernel, 1, "SAME", dilations=dilation) + layer.bias
    np.testing.assert_allclose(layer(x).numpy(), expected.numpy(), atol=1e-5)


def test_published_parameters_stage_by_stage() -> None:
    fbnet = create_network("fbnet")
    assert count_weights(fbnet.extract_first) == count_weights(fbnet.extract_second) == 23_584
    assert sum(count_weights(level) for level in fbnet.flow_levels) == 848_272
    assert count_weights(fbnet.fusion) == 304_531
    assert count_weights(fbnet) == 1_199_971
    assert sum(int(np.prod(v.shape)) for v in fbnet.trainable_variables) == 1_199_971


def test_fbnet_r_is_within_its_budget() -> None:
    costs = stage_costs("fbnet-r")
    by_hand = 9 * (3 * 16 / 4 + (16 * 32 + 32 * 32) / 16 + (32 * 64 + 64 * 64) / 64 + (64 * 64 + 64 * 64) / 256)
    assert costs[0].macs_per_pixel == pytest.approx(by_hand), "a frame's features count once"
    assert sum(cost.parameters for cost in costs) == count_weights(create_network("fbnet-r")) <= 1_500_000
    assert sum(cost.macs_per_pixel for cost in costs) <= 50_000


def test_multiply_adds_of_the_published_network() -> None:
    """The first convolution of one extraction: 3x3x3 to 16 channels on four scales, by hand."""
    costs = {cost.stage: cost.macs_per_pixel for cost in stage_costs("fbnet", 64, 64)}
    first = 432 * (1 + 1 / 4 + 1 / 16 + 1 / 64)
    second = 9 * 16 * 32 * (1 / 4 + 1 / 16 + 1 / 64)
    third = 9 * 32 * 64 * (1 / 16 + 1 / 64)
    assert costs["extract_first"] == pytest.approx(first + second + third)
    assert 190_000 < sum(costs.values()) < 200_000


def test_pyramid_channels_and_sizes() -> None:
    levels = create_network("fbnet").extract_first(tf.zeros([1, 32, 48, 3]))
    assert [tuple(x.shape) for x in levels] == [(1, 32, 48, 16), (1, 16, 24, 48), (1, 8, 12, 112), (1, 4, 6, 112)]


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize(("height", "width", "batch"), [(32, 48, 1), (64, 32, 3)])
def test_predicts_frames_of_the_input_size(name: str, height: int, width: int, batch: int) -> None:
    first, second = (tf.repeat(frame, batch, 0) for frame in frames(height, width))
    prediction = network(name)(first, second)
    assert tuple(prediction.frame.shape) == (batch, height, width, 3)
    assert prediction.frame.dtype == tf.float32
    assert 0.0 <= float(tf.reduce_min(prediction.frame)) <= float(tf.reduce_max(prediction.frame)) <= 1.0
    assert tuple(prediction.flows[-1][0].shape) == (batch, height, width, 2)


@pytest.mark.parametrize("name", PRESETS)
def test_a_batch_is_as_one_by_one(name: str) -> None:
    (a, b), (c, d) = frames(32, 32), frames(32, 32, 3.0)
    together = network(name)(tf.concat([a, c], 0), tf.concat([b, d], 0)).frame
    apart = tf.concat([network(name)(a, b).frame, network(name)(c, d).frame], 0)
    np.testing.assert_allclose(together, apart, atol=1e-5)


@pytest.mark.parametrize("t", [0.5, 0.3])
def test_exchanged_frames_give_the_same_picture(t: float) -> None:
    (first, second), net = frames(32, 48, 3.0), network("fbnet-r")
    made = net(first, second, tf.constant([t]))
    turned = net(second, first, tf.constant([1.0 - t]))
    np.testing.assert_allclose(made.unclipped, turned.unclipped, atol=2e-5)
    np.testing.assert_allclose(made.flows[-1][0], turned.flows[-1][1], atol=1e-3)
    assert np.abs(made.unclipped - net(second, first, tf.constant([t])).unclipped).max() > 0.01 or t == 0.5


def test_a_kernel_for_one_order_serves_both() -> None:
    exchange = [2, 3, 0, 1, 4]
    paired = fill(ExchangedConvolution(exchange, 3, name="paired"))
    signed = fill(SignedConvolution(halves_exchanged(6), [-1, 1], slope=None, name="signed"))
    x = tf.random.stateless_normal([1, 6, 8, 5], [1, 2])
    other = tf.gather(x, exchange, axis=-1)
    one, two = paired(x), paired(other)
    np.testing.assert_allclose(one, tf.gather(two, halves_exchanged(6), axis=-1), atol=1e-6)
    np.testing.assert_allclose(signed(one), signed(two) * [-1.0, 1.0], atol=1e-6)
    assert float(tf.reduce_max(tf.abs(signed(one)))) > 0.1


@pytest.mark.parametrize("name", PRESETS)
def test_streamed_is_as_pair_by_pair(name: str) -> None:
    pictures = tf.constant(np.stack([picture(k, 32, 32) for k in range(3)]), tf.float32)
    half = tf.fill([2], 0.5)
    streamed = network(name).between(pictures, tf.constant([0, 1]), tf.constant([1, 2]), half).frame
    for k in range(2):
        pair = network(name)(pictures[k : k + 1], pictures[k + 1 : k + 2], half[:1]).frame
        np.testing.assert_allclose(streamed[k], pair[0], atol=1e-5)


@pytest.mark.parametrize("name", PRESETS)
def test_every_weight_has_a_gradient(name: str) -> None:
    net = network(name)
    variables = [variable for _, variable in named_weights(net)]
    first, second = frames(32, 32)
    with tf.GradientTape() as tape:
        made = net(first, second)
        loss = tf.reduce_mean(tf.square(made.unclipped - 0.3))
        if made.proposal is not None:
            # The coarse motion is taught by labels alone.
            labels, t = tf.zeros([1, 32, 32, 4]), tf.constant([0.5])
            loss += matching_error(made.proposal, labels, first, first, first, t)
    missing = [
        key
        for (key, _), gradient in zip(named_weights(net), tape.gradient(loss, variables), strict=True)
        if gradient is None
    ]
    assert missing == []


@pytest.mark.parametrize("name", PRESETS)
def test_bfloat16_is_close_to_float32(name: str) -> None:
    first, second = frames(32, 48)
    exact = network(name)(first, second).frame
    rough = fill(create_network(name, "bfloat16"), 0.5)(first, second)
    assert rough.frame.dtype == tf.float32
    assert float(tf.reduce_mean(tf.abs(exact - rough.frame))) < 0.02


def test_fbnet_r_untrained_follows_the_motion() -> None:
    """Its corrections start at zero: matching alone must beat blending on a scene that moves."""
    first, second = frames(64, 96, 2.0)
    truth = picture(1.0, 96, 64)
    made = create_network("fbnet-r")(first, second).frame.numpy()[0]
    blend = (first + second).numpy()[0] / 2
    inner = (slice(8, -8), slice(8, -8))
    errors = [np.mean((x[inner] - truth[inner]) ** 2) for x in (made, blend)]
    assert errors[0] < errors[1] / 10


def test_fbnet_r_untrained_chooses_as_the_costs_say_and_may_choose_for_each_frame() -> None:
    first, second = (tf.constant(picture(k, 64, 64)[None], tf.float32) for k in (0, 3))
    untrained = create_network("fbnet-r")(first, second)
    weights0, weights1 = (choice.weights.numpy() for choice in untrained.choices)
    np.testing.assert_allclose(weights0, weights1, atol=1e-6)
    np.testing.assert_allclose(weights0.sum(-1), 1.0, atol=1e-5)
    trained = fill(create_network("fbnet-r"), 1.0)(first, second)
    assert np.abs(trained.choices[0].weights - trained.choices[1].weights).max() > 0.01


@pytest.mark.parametrize("t", [0.25, 0.75])
def test_fbnet_r_makes_any_time(t: float) -> None:
    first, second = frames(64, 96, 2.0)
    truth = picture(2.0 * t, 96, 64)
    made = create_network("fbnet-r")(first, second, tf.constant([t])).frame.numpy()[0]
    blend = ((1 - t) * first + t * second).numpy()[0]
    inner = (slice(8, -8), slice(8, -8))
    errors = [np.mean((x[inner] - truth[inner]) ** 2) for x in (made, blend)]
    assert errors[0] < errors[1] / 4


def test_fbnet_r_leaves_a_still_pair_alone() -> None:
    first, _ = frames(48, 64)
    made = network("fbnet-r")(first, first).frame
    np.testing.assert_allclose(made, first, atol=1e-6)


def test_fbnet_r_shows_the_plain_blend_where_it_doubts() -> None:
    first, second = frames(48, 64, 3.0)
    blend = 0.75 * first + 0.25 * second
    net = fill(create_network("fbnet-r"), 0.5)
    net.fusion.out.kernel.assign(tf.zeros_like(net.fusion.out.kernel))
    for doubt, expected in ((10.0, True), (-10.0, False)):
        bias = np.zeros(4 * MADE, np.float32)
        bias[MADE - 1 :: MADE] = doubt
        net.fusion.out.bias.assign(bias)
        made = net(first, second, tf.constant([0.25])).unclipped
        assert np.allclose(made, blend, atol=1e-5) is expected


def test_fbnet_r_keeps_a_logo_sharp_over_a_moving_scene() -> None:
    first, second = (frame.numpy() for frame in frames(64, 96, 3.0))
    for frame in (first, second):
        frame[:, 8:40, 10:50] = 0.1
        frame[:, 22:26, 26:34] = 0.9
    made = network("fbnet-r")(tf.constant(first), tf.constant(second)).frame.numpy()
    assert np.abs(made[:, 20:28, 24:36] - first[:, 20:28, 24:36]).max() < 1 / 255


def test_unknown_network() -> None:
    with pytest.raises(ModelError, match="unknown network 'x'"):
        create_network("x")


def test_a_stage_without_parts_is_refused_when_it_is_defined() -> None:
    with pytest.raises(TypeError, match="Nothing must list its sub-layers"):
        type("Nothing", (Stage,), {})

import io
import json
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stockops.errors import ModelDamagedError
from stockops.forecasting import checkpoint
from stockops.forecasting.checkpoint import Checkpoint
from stockops.forecasting.inference import LSTMConfig, layout
from stockops.forecasting.lstm import PriceLSTM

CARD: dict[str, Any] = {
    "ticker": "AAPL",
    "data": {"first": "2015-01-02", "last": "2024-06-28"},
    "config": {"context": 60, "horizon": 5, "features": 7, "hidden": 4, "layers": 3, "dropout": 0.2},
}


def sealed(seed: int = 0) -> Checkpoint:
    torch.manual_seed(seed)
    model = PriceLSTM(LSTMConfig(hidden=4))
    torch.nn.init.normal_(model.head.weight)
    model.scaler_mean.copy_(torch.arange(7))
    model.range_quantiles.fill_(1.5)
    return checkpoint.seal(model.weights(), CARD)


PACKED = checkpoint.pack(sealed())


def unpack(data: bytes) -> Checkpoint:
    return checkpoint.unpack(data, "outputs/AAPL/AAPL_child_model.pt", "train it anew")


def test_what_is_unpacked_is_what_was_packed() -> None:
    before, after = sealed(), unpack(PACKED)
    assert after.card == before.card
    assert after.version == before.version
    assert after.trained_to.isoformat() == "2024-06-28"
    assert before.weights.keys() == after.weights.keys()
    for name, value in before.weights.items():
        np.testing.assert_array_equal(after.weights[name], value, err_msg=name)


def test_the_file_is_a_plain_state_dict_with_the_scaler_inside() -> None:
    state = torch.load(io.BytesIO(PACKED), weights_only=True)
    assert all(isinstance(value, torch.Tensor) for value in state.values())
    assert torch.equal(state["scaler_mean"], torch.arange(7, dtype=torch.float64))
    assert json.loads(bytes(state["card"].numpy()))["ticker"] == "AAPL"


def test_torch_reads_the_same_as_we_do_without_it() -> None:
    state, ours = torch.load(io.BytesIO(PACKED), weights_only=True), unpack(PACKED)
    network = PriceLSTM.of(ours.weights, ours.config)
    assert not network.training
    for name, value in network.state_dict().items():
        assert torch.equal(state[name], value), name


def test_the_layout_is_that_of_the_network() -> None:
    config = LSTMConfig(hidden=12, layers=2)
    arrays = PriceLSTM(config).weights()
    assert {name: (str(array.dtype), array.shape) for name, array in arrays.items()} == layout(config)
    assert list(arrays) == list(layout(config))


def test_the_same_checkpoint_gives_the_same_bytes() -> None:
    assert checkpoint.pack(sealed()) == PACKED


def test_other_weights_or_another_card_are_another_version() -> None:
    assert sealed(1).version != sealed().version
    assert checkpoint.seal(sealed().weights, {**CARD, "ticker": "MSFT"}).version != sealed().version


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_half_written_file_is_damaged_and_the_cure_is_named(share: float) -> None:
    with pytest.raises(ModelDamagedError, match=r"AAPL_child_model.pt is damaged.*train it anew"):
        unpack(PACKED[: int(len(PACKED) * share)])


@settings(deadline=None, max_examples=150)
@given(position=st.integers(0, len(PACKED) - 1), flip=st.integers(1, 255))
def test_a_flipped_byte_never_changes_what_is_loaded(position: int, flip: int) -> None:
    data = bytearray(PACKED)
    data[position] ^= flip
    try:
        loaded = unpack(bytes(data))
    except ModelDamagedError:
        return
    assert checkpoint.pack(loaded) == PACKED  # a byte that carries nothing


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize(
    "data", [b"not a model", json.dumps(CARD).encode(), b"\x80\x04K\x01.", b"PK\x03\x04" + b"0" * 99]
)
def test_anything_else_is_no_model(data: bytes) -> None:
    with pytest.raises(ModelDamagedError):
        unpack(data)


def test_a_pickle_is_not_executed() -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (pytest.fail, ("unpickled",))

    buffer = io.BytesIO()
    torch.save({"card": Bomb()}, buffer)
    with pytest.raises(ModelDamagedError):
        unpack(buffer.getvalue())


def test_a_state_dict_of_another_network_is_no_model() -> None:
    buffer = io.BytesIO()
    torch.save(torch.nn.Linear(2, 2).state_dict(), buffer)
    with pytest.raises(ModelDamagedError):
        unpack(buffer.getvalue())


def test_a_model_whose_weights_mean_something_else_is_refused_and_the_cure_named() -> None:
    other = checkpoint.pack(checkpoint.seal(sealed().weights, {**CARD, "method": 1}))
    with pytest.raises(ModelDamagedError, match=r"AAPL_child_model.pt comes from another release.*train it anew"):
        unpack(other)

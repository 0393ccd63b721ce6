import io
import json
import pickle
import tracemalloc
import zipfile
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stockops.documents.encoding import as_json
from stockops.errors import ModelDamagedError
from stockops.forecasting import checkpoint
from stockops.forecasting.checkpoint import Checkpoint
from stockops.forecasting.inference import LSTMConfig, layout
from stockops.forecasting.lstm import PriceLSTM
from stockops.records import PARENT, ModelRef
from tests.builders import card

AAPL = ModelRef("child", "AAPL")
CARD = card(LSTMConfig(hidden=4))


def sealed(seed: int = 0) -> Checkpoint:
    torch.manual_seed(seed)
    model = PriceLSTM(LSTMConfig(hidden=4))
    torch.nn.init.normal_(model.head.weight)
    model.scaler_mean.copy_(torch.arange(7))
    model.range_quantiles.fill_(1.5)
    return checkpoint.create(model.weights(), CARD)


PACKED = checkpoint.serialize(sealed())


def deserialize(data: bytes, ref: ModelRef = AAPL) -> Checkpoint:
    return checkpoint.deserialize(data, ref, "outputs/AAPL/AAPL_child_model.pt", "train it anew")


def test_what_is_unpacked_is_what_was_packed() -> None:
    before, after = sealed(), deserialize(PACKED)
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
    state, ours = torch.load(io.BytesIO(PACKED), weights_only=True), deserialize(PACKED)
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
    assert checkpoint.serialize(sealed()) == PACKED


def test_other_weights_or_another_card_are_another_version() -> None:
    assert sealed(1).version != sealed().version
    assert checkpoint.create(sealed().weights, replace(CARD, ticker="MSFT")).version != sealed().version


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_half_written_file_is_damaged_and_the_cure_is_named(share: float) -> None:
    with pytest.raises(ModelDamagedError, match=r"AAPL_child_model.pt is damaged.*train it anew"):
        deserialize(PACKED[: int(len(PACKED) * share)])


@settings(deadline=None, max_examples=150)
@given(position=st.integers(0, len(PACKED) - 1), flip=st.integers(1, 255))
def test_any_flipped_byte_is_noticed(position: int, flip: int) -> None:
    data = bytearray(PACKED)
    data[position] ^= flip
    with pytest.raises(ModelDamagedError):
        deserialize(bytes(data))


def packed(**fields: Any) -> bytes:
    return checkpoint.serialize(checkpoint.create(sealed().weights, replace(CARD, **fields)))


def of_torch(loaded: Checkpoint, **members: Any) -> bytes:
    """What earlier releases wrote: torch.save of the same arrays."""
    text = np.frombuffer(json.dumps(as_json(loaded.card)).encode(), np.uint8)
    buffer = io.BytesIO()
    arrays = {**loaded.weights, "card": text}
    torch.save({name: torch.from_numpy(array.copy()) for name, array in arrays.items()} | members, buffer)
    return buffer.getvalue()


def rewritten(data: bytes, name: str, content: bytes, *, serialize: int = zipfile.ZIP_STORED, more: str = "") -> bytes:
    """The archive with another member, or with one more."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(buffer, "w", serialize) as after:
        for member in before.namelist():
            after.writestr(member, content if member.endswith(name) else before.read(member))
        if more:
            after.writestr(more, content)
    return buffer.getvalue()


def test_a_file_that_torch_wrote_is_read_and_means_the_same() -> None:
    loaded = deserialize(of_torch(sealed()))
    assert loaded.card == sealed().card
    assert checkpoint.serialize(loaded) == PACKED


OF_TORCH = of_torch(sealed())


@settings(deadline=None, max_examples=100)
@given(position=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_a_flipped_byte_of_a_file_that_torch_wrote_changes_nothing_that_is_loaded(position: int, flip: int) -> None:
    data = bytearray(OF_TORCH)
    data[position % len(data)] ^= flip
    try:
        loaded = deserialize(bytes(data))
    except ModelDamagedError:
        return
    assert checkpoint.serialize(loaded) == PACKED  # a byte between the members


@pytest.mark.parametrize("wrong", [PARENT, ModelRef("child", "MSFT"), ModelRef("parent", "AAPL")])
def test_a_whole_model_that_is_another_is_refused_by_name(wrong: ModelRef) -> None:
    with pytest.raises(ModelDamagedError, match=r"is the child model of AAPL, not the (child|parent) model of"):
        deserialize(PACKED, wrong)
    with pytest.raises(ModelDamagedError, match=r"is the parent model of \^GSPC, not the child model of AAPL"):
        deserialize(packed(kind="parent", ticker="^GSPC"))


def test_a_model_kept_apart_for_a_look_back_is_the_same_model() -> None:
    assert deserialize(PACKED, ModelRef("child", "AAPL", date(2024, 6, 28))).version == sealed().version


class Harm:
    """What a notebook would run that gives such a file to torch.load without weights_only."""

    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("harm",)


def test_the_pickle_that_we_do_not_read_must_be_that_of_the_arrays() -> None:
    harmful = pickle.dumps(Harm(), 2)
    for data in (PACKED, OF_TORCH):
        with pytest.raises(ModelDamagedError):
            deserialize(rewritten(data, "data.pkl", harmful))
        with pytest.raises(ModelDamagedError):
            deserialize(rewritten(data, "data.pkl", pickle_of(data)[:-1] + harmful[2:]))
        with pytest.raises(ModelDamagedError):
            deserialize(rewritten(data, "nothing", b"print()", more="archive/code/run.py"))
    with pytest.raises(ModelDamagedError):
        deserialize(of_torch(sealed(), more=torch.zeros(1)))
    deserialize(rewritten(PACKED, "nothing", b""))  # the same members without a digest are what they were


def pickle_of(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(archive.namelist()[0])


def test_a_file_that_would_unpack_to_gigabytes_is_refused_unread() -> None:
    bomb = rewritten(PACKED, "data/4", bytes(64 << 20), serialize=zipfile.ZIP_DEFLATED)
    assert len(bomb) < 1 << 20
    tracemalloc.start()
    try:
        with pytest.raises(ModelDamagedError):
            deserialize(bomb)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_a_card_that_claims_a_billion_layers_is_refused_at_once() -> None:
    with pytest.raises(ModelDamagedError):
        deserialize(packed(config=replace(CARD.config, layers=10**9)))


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize(
    "data", [b"not a model", json.dumps(as_json(CARD)).encode(), b"\x80\x04K\x01.", b"PK\x03\x04" + b"0" * 99]
)
def test_anything_else_is_no_model(data: bytes) -> None:
    with pytest.raises(ModelDamagedError):
        deserialize(data)


def test_a_pickle_is_not_executed() -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (pytest.fail, ("unpickled",))

    buffer = io.BytesIO()
    torch.save({"card": Bomb()}, buffer)
    with pytest.raises(ModelDamagedError):
        deserialize(buffer.getvalue())


def test_a_state_dict_of_another_network_is_no_model() -> None:
    buffer = io.BytesIO()
    torch.save(torch.nn.Linear(2, 2).state_dict(), buffer)
    with pytest.raises(ModelDamagedError):
        deserialize(buffer.getvalue())


def test_a_model_whose_weights_mean_something_else_is_refused_and_the_cure_named() -> None:
    other = packed(method=1)
    with pytest.raises(ModelDamagedError, match=r"AAPL_child_model.pt comes from another release.*train it anew"):
        deserialize(other)

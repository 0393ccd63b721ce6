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


def make_checkpoint(seed: int = 0) -> Checkpoint:
    torch.manual_seed(seed)
    model = PriceLSTM(LSTMConfig(hidden=4))
    torch.nn.init.normal_(model.head.weight)
    model.scaler_mean.copy_(torch.arange(7))
    model.range_quantiles.fill_(1.5)
    return checkpoint.create(model.weights(), CARD)


SERIALIZED = checkpoint.serialize(make_checkpoint())


def deserialize(data: bytes, ref: ModelRef = AAPL) -> Checkpoint:
    return checkpoint.deserialize(data, ref, "outputs/AAPL/AAPL_child_model.pt", "train it anew")


def test_a_checkpoint_survives_a_round_trip_unchanged() -> None:
    before, after = make_checkpoint(), deserialize(SERIALIZED)
    assert after.card == before.card
    assert after.version == before.version
    assert after.trained_to.isoformat() == "2024-06-28"
    assert before.weights.keys() == after.weights.keys()
    for name, value in before.weights.items():
        np.testing.assert_array_equal(after.weights[name], value, err_msg=name)


def test_the_file_is_a_plain_state_dict_with_the_scaler_inside() -> None:
    state = torch.load(io.BytesIO(SERIALIZED), weights_only=True)
    assert all(isinstance(value, torch.Tensor) for value in state.values())
    assert torch.equal(state["scaler_mean"], torch.arange(7, dtype=torch.float64))
    assert json.loads(bytes(state["card"].numpy()))["ticker"] == "AAPL"


def test_torch_reads_the_same_weights_as_our_own_reader() -> None:
    state, loaded = torch.load(io.BytesIO(SERIALIZED), weights_only=True), deserialize(SERIALIZED)
    network = PriceLSTM.of(loaded.weights, loaded.config)
    assert not network.training
    for name, value in network.state_dict().items():
        assert torch.equal(state[name], value), name


def test_the_layout_matches_the_network() -> None:
    config = LSTMConfig(hidden=12, layers=2)
    arrays = PriceLSTM(config).weights()
    assert {name: (str(array.dtype), array.shape) for name, array in arrays.items()} == layout(config)
    assert list(arrays) == list(layout(config))


def test_the_same_checkpoint_gives_the_same_bytes() -> None:
    assert checkpoint.serialize(make_checkpoint()) == SERIALIZED


def test_different_weights_or_another_card_change_the_version() -> None:
    assert make_checkpoint(1).version != make_checkpoint().version
    assert (
        checkpoint.create(make_checkpoint().weights, replace(CARD, ticker="MSFT")).version != make_checkpoint().version
    )


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_file_is_damaged_and_the_error_names_the_cure(share: float) -> None:
    with pytest.raises(ModelDamagedError, match=r"AAPL_child_model.pt is damaged.*train it anew"):
        deserialize(SERIALIZED[: int(len(SERIALIZED) * share)])


@settings(deadline=None, max_examples=150)
@given(position=st.integers(0, len(SERIALIZED) - 1), flip=st.integers(1, 255))
def test_any_flipped_byte_is_detected(position: int, flip: int) -> None:
    data = bytearray(SERIALIZED)
    data[position] ^= flip
    with pytest.raises(ModelDamagedError):
        deserialize(bytes(data))


@pytest.mark.parametrize("flip", [1, 80, 128, 255])  # 80 makes the length of the comment zero
def test_any_flipped_byte_from_the_end_record_on_is_detected(flip: int) -> None:
    for position in range(SERIALIZED.rindex(b"PK\x05\x06"), len(SERIALIZED)):
        data = bytearray(SERIALIZED)
        data[position] ^= flip
        with pytest.raises(ModelDamagedError):
            deserialize(bytes(data))


def serialized_with(**fields: Any) -> bytes:
    return checkpoint.serialize(checkpoint.create(make_checkpoint().weights, replace(CARD, **fields)))


def saved_by_torch(loaded: Checkpoint, **members: Any) -> bytes:
    """Return what earlier releases wrote: torch.save of the same arrays."""
    text = np.frombuffer(json.dumps(as_json(loaded.card)).encode(), np.uint8)
    buffer = io.BytesIO()
    arrays = {**loaded.weights, "card": text}
    torch.save({name: torch.from_numpy(array.copy()) for name, array in arrays.items()} | members, buffer)
    return buffer.getvalue()


def rewrite_archive(
    data: bytes, name: str, content: bytes, *, compression: int = zipfile.ZIP_STORED, extra_member: str = ""
) -> bytes:
    """Return the archive with one member replaced, or with an extra one."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(buffer, "w", compression) as after:
        for member in before.namelist():
            after.writestr(member, content if member.endswith(name) else before.read(member))
        if extra_member:
            after.writestr(extra_member, content)
    return buffer.getvalue()


def test_a_file_written_by_torch_loads_as_the_same_checkpoint() -> None:
    loaded = deserialize(saved_by_torch(make_checkpoint()))
    assert loaded.card == make_checkpoint().card
    assert checkpoint.serialize(loaded) == SERIALIZED


SAVED_BY_TORCH = saved_by_torch(make_checkpoint())


@settings(deadline=None, max_examples=100)
@given(position=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_a_flipped_byte_in_a_torch_file_never_changes_what_is_loaded(position: int, flip: int) -> None:
    data = bytearray(SAVED_BY_TORCH)
    data[position % len(data)] ^= flip
    try:
        loaded = deserialize(bytes(data))
    except ModelDamagedError:
        return
    assert checkpoint.serialize(loaded) == SERIALIZED  # the byte lies between the members


@pytest.mark.parametrize("wrong", [PARENT, ModelRef("child", "MSFT"), ModelRef("parent", "AAPL")])
def test_an_intact_model_of_another_ref_is_rejected_by_name(wrong: ModelRef) -> None:
    with pytest.raises(ModelDamagedError, match=r"is the child model of AAPL, not the (child|parent) model of"):
        deserialize(SERIALIZED, wrong)
    with pytest.raises(ModelDamagedError, match=r"is the parent model of \^GSPC, not the child model of AAPL"):
        deserialize(serialized_with(kind="parent", ticker="^GSPC"))


def test_a_model_stored_under_an_as_of_is_the_same_model() -> None:
    assert deserialize(SERIALIZED, ModelRef("child", "AAPL", date(2024, 6, 28))).version == make_checkpoint().version


class MaliciousPickle:
    """Runs code in a notebook that passes the file to torch.load without weights_only."""

    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("harm",)


def test_the_pickle_that_is_never_loaded_must_match_the_arrays() -> None:
    malicious = pickle.dumps(MaliciousPickle(), 2)
    for data in (SERIALIZED, SAVED_BY_TORCH):
        with pytest.raises(ModelDamagedError):
            deserialize(rewrite_archive(data, "data.pkl", malicious))
        with pytest.raises(ModelDamagedError):
            deserialize(rewrite_archive(data, "data.pkl", pickle_in(data)[:-1] + malicious[2:]))
        with pytest.raises(ModelDamagedError):
            deserialize(rewrite_archive(data, "nothing", b"print()", extra_member="archive/code/run.py"))
    with pytest.raises(ModelDamagedError):
        deserialize(saved_by_torch(make_checkpoint(), more=torch.zeros(1)))
    deserialize(rewrite_archive(SERIALIZED, "nothing", b""))  # rewriting the same members changes nothing


def pickle_in(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(archive.namelist()[0])


def test_a_decompression_bomb_is_rejected_without_being_read() -> None:
    bomb = rewrite_archive(SERIALIZED, "data/4", bytes(64 << 20), compression=zipfile.ZIP_DEFLATED)
    assert len(bomb) < 1 << 20
    tracemalloc.start()
    try:
        with pytest.raises(ModelDamagedError):
            deserialize(bomb)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_a_card_claiming_a_billion_layers_is_rejected() -> None:
    with pytest.raises(ModelDamagedError):
        deserialize(serialized_with(config=replace(CARD.config, layers=10**9)))


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize(
    "data", [b"not a model", json.dumps(as_json(CARD)).encode(), b"\x80\x04K\x01.", b"PK\x03\x04" + b"0" * 99]
)
def test_a_file_that_is_not_a_checkpoint_is_rejected(data: bytes) -> None:
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


def test_a_state_dict_of_another_network_is_rejected() -> None:
    buffer = io.BytesIO()
    torch.save(torch.nn.Linear(2, 2).state_dict(), buffer)
    with pytest.raises(ModelDamagedError):
        deserialize(buffer.getvalue())


def test_a_model_of_another_method_is_rejected_and_the_error_names_the_cure() -> None:
    other = serialized_with(method=1)
    with pytest.raises(ModelDamagedError, match=r"AAPL_child_model.pt comes from another release.*train it anew"):
        deserialize(other)

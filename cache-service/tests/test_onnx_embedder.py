"""A model in the cache-service's own process: a tiny one that is made here, loaded and run as any other."""

from array import array
from pathlib import Path
from typing import Any

import numpy
import onnx
import pytest
from penstock.cache.v1 import cache_pb2 as pb
from tokenizers import Tokenizer, models, pre_tokenizers

from cache_service.adapters.semantic.onnx_embedder import OnnxEmbedder
from penstock_kit.context import CallContext, Caller, use_context
from penstock_testkit.waiting import until_true

WORDS = ["[UNK]", "open", "close", "the", "valve", "pump"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model whose last layer is a row of a table for each token."""
    helper: Any = onnx.helper
    kinds: Any = onnx.TensorProto
    table = numpy.eye(len(WORDS), 4, dtype="float32") + 0.1
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"])],
        "tiny",
        [helper.make_tensor_value_info(name, kinds.INT64, [1, None]) for name in ("input_ids", "attention_mask")],
        [helper.make_tensor_value_info("last_hidden_state", kinds.FLOAT, [1, None, 4])],
        [helper.make_tensor("table", kinds.FLOAT, table.shape, table.flatten())],
    )
    model: Any = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    library: Any = onnx
    library.save(model, str(tmp_path / "model.onnx"))
    new_tokenizer: Any = Tokenizer
    tokenizer = new_tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return tmp_path


def numbers_of(vector: bytes) -> list[float]:
    return [round(number, 4) for number in array("f", vector)]


async def test_a_vector_is_the_mean_of_the_last_layer_over_the_tokens(folder: Path) -> None:
    embedder = OnnxEmbedder(folder, deadline=60.0)
    assert numbers_of(await embedder.embed("open valve")) == [0.1, 0.6, 0.1, 0.1]
    assert numbers_of(await embedder.embed("close")) == [0.1, 0.1, 1.1, 0.1]
    assert embedder.name == f"local/{folder.name}"


async def test_a_question_without_a_vector_is_stored_and_found_by_the_model_of_the_service(
    folder: Path, serve_with: Any
) -> None:
    system = await serve_with(CACHE_SEMANTIC_MODEL=folder)
    answer = pb.SemanticAnswer(finish_reason="stop", text="Turn it.", model="p/m")
    store = pb.SemanticStoreRequest(partition_key="k", text="open the valve", value=b"stored", answer=answer)
    ann = Caller(user_id="ann", tenant_id="acme", scopes=frozenset({"admin"}))
    with use_context(CallContext("req_t", ann)):

        async def is_stored() -> bool:  # the first questions may be there before the model is
            return bool((await system.stub.SemanticStore(store)).entry_id)

        await until_true(is_stored)
        found = await system.stub.SemanticLookup(pb.SemanticLookupRequest(partition_key="k", text="open the valve"))
        other = await system.stub.SemanticLookup(pb.SemanticLookupRequest(partition_key="k", text="the pump"))
    assert (found.hit, found.value, other.hit) == (True, b"stored", False)


async def test_a_text_without_tokens_has_no_vector(folder: Path) -> None:
    assert await OnnxEmbedder(folder, deadline=60.0).embed("") == b""


async def test_a_folder_without_a_model_gives_no_vector_and_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    embedder = OnnxEmbedder(tmp_path, deadline=60.0)
    assert [await embedder.embed("open") for _ in range(3)] == [b"", b"", b""]
    assert capsys.readouterr().out.count("gives no vectors") == 1


async def test_a_model_that_takes_too_long_gives_no_vector(folder: Path) -> None:
    assert await OnnxEmbedder(folder, deadline=0.0).embed("open valve") == b""

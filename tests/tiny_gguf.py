"""Write a tiny model of llama's architecture with random weights: `python tiny_gguf.py OUT.gguf`.

Needs `gguf` and `numpy`. A real llama.cpp engine loads it, answers with noise, and obeys a JSON schema.
"""

import sys

import gguf
import numpy as np

DIM, LAYERS, HEADS, FEED_FORWARD = 64, 2, 4, 128


def write(path: str, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    text = ["▁", *'abcdefghijklmnopqrstuvwxyz{}":,0123456789. ']
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{i:02X}>" for i in range(256)), *text]
    kinds = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL]
    kinds += [gguf.TokenType.BYTE] * 256 + [gguf.TokenType.NORMAL] * len(text)
    w = gguf.GGUFWriter(path, "llama")
    w.add_name("tiny")
    w.add_context_length(2048)
    w.add_embedding_length(DIM)
    w.add_block_count(LAYERS)
    w.add_feed_forward_length(FEED_FORWARD)
    w.add_head_count(HEADS)
    w.add_head_count_kv(HEADS)
    w.add_layer_norm_rms_eps(1e-5)
    w.add_rope_dimension_count(DIM // HEADS)
    w.add_vocab_size(len(tokens))
    w.add_file_type(gguf.LlamaFileType.ALL_F32)
    w.add_tokenizer_model("llama")
    w.add_tokenizer_pre("default")
    w.add_token_list(tokens)
    w.add_token_scores([0.0] * 259 + [-float(i) for i in range(len(text))])
    w.add_token_types(kinds)
    w.add_bos_token_id(1)
    w.add_eos_token_id(2)
    w.add_unk_token_id(0)
    w.add_chat_template("{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant: ")

    def random(name: str, *shape: int) -> None:
        w.add_tensor(name, (rng.standard_normal(shape) * 0.05).astype("f4"))

    random("token_embd.weight", len(tokens), DIM)
    w.add_tensor("output_norm.weight", np.ones(DIM, "f4"))
    random("output.weight", len(tokens), DIM)
    for i in range(LAYERS):
        for norm in ("attn_norm", "ffn_norm"):
            w.add_tensor(f"blk.{i}.{norm}.weight", np.ones(DIM, "f4"))
        for proj in ("attn_q", "attn_k", "attn_v", "attn_output"):
            random(f"blk.{i}.{proj}.weight", DIM, DIM)
        random(f"blk.{i}.ffn_gate.weight", FEED_FORWARD, DIM)
        random(f"blk.{i}.ffn_up.weight", FEED_FORWARD, DIM)
        random(f"blk.{i}.ffn_down.weight", DIM, FEED_FORWARD)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


if __name__ == "__main__":
    write(sys.argv[1])

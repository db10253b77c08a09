"""Checks an exported checkpoint against Hugging Face transformers' own DeepseekV4ForCausalLM (float32, one prefill).

    pip install transformers && python test_transformers.py ../flash-mini
"""
import json
import pathlib
import random
import sys

import torch
from transformers import DeepseekV4Config, DeepseekV4ForCausalLM

from batches import Encoder
from checkpoint import load_checkpoint
from generate_data import sample
from lexicon import Source
from wire import render

PLACES = [  # beginning of our (the native) name within a layer: theirs; the first that fits
    ('attn.indexer.compressor.', 'self_attn.compressor.indexer.'), ('attn.indexer.weights_proj', 'self_attn.compressor.indexer.scorer.weights_proj'),
    ('attn.indexer.', 'self_attn.compressor.indexer.'), ('attn.', 'self_attn.'), ('attn_norm', 'input_layernorm'), ('ffn_norm', 'post_attention_layernorm'),
    ('hc_attn_', 'attn_hc.'), ('hc_ffn_', 'ffn_hc.'), ('ffn.', 'mlp.')]
TENSORS = [('wq_a', 'q_a_proj'), ('q_norm', 'q_a_norm'), ('wq_b', 'q_b_proj'), ('wkv', 'kv_proj'), ('wgate', 'gate_proj'), ('wo_a', 'o_a_proj'), ('wo_b', 'o_b_proj'),
           ('attn_sink', 'sinks'), ('.ape', '.position_bias'), ('compressor.norm', 'compressor.kv_norm'), ('indexer.norm', 'indexer.kv_norm')]


def their_name(name):
    whole = {'embed.weight': 'model.embed_tokens.weight', 'head.weight': 'lm_head.weight', 'norm.weight': 'model.norm.weight'}
    if name in whole:
        return whole[name]
    if name.startswith('hc_head_'):
        return 'model.hc_head.hc_' + name.removeprefix('hc_head_')
    _, layer, part = name.split('.', 2)
    ours, theirs = next(place for place in PLACES if part.startswith(place[0]))
    part = theirs + part.removeprefix(ours)
    for ours, theirs in TENSORS:
        part = part.replace(ours, theirs)
    return f'model.layers.{layer}.{part}'


def their_tensors(model):
    for key, parameter in model.weights.items():
        name = key.replace('/', '.')
        if name.endswith(('ffn.w1', 'ffn.w3')):
            continue
        if name.endswith('ffn.w2'):
            at = name.removesuffix('w2')
            gate, up = model.weight(at + 'w1'), model.weight(at + 'w3')
            theirs = their_name(at)
            yield theirs + 'experts.gate_up_proj', torch.cat([gate[:-1], up[:-1]], 1)
            yield theirs + 'experts.down_proj', parameter[:-1]
            for tensor, part in ((gate, 'gate_proj'), (up, 'up_proj'), (parameter, 'down_proj')):
                yield f'{theirs}shared_experts.{part}.weight', tensor[-1]
        else:
            yield their_name(name), parameter
    for name, buffer in model.named_buffers():
        kind, layer = name.split('_')
        yield f'model.layers.{layer}.mlp.gate.' + ('tid2eid' if kind == 'table' else 'e_score_correction_bias'), buffer


@torch.no_grad()
def main():
    folder = pathlib.Path(sys.argv[1])
    ours, encoder = load_checkpoint(folder), Encoder(folder / 'tokenizer.json')
    config = json.loads((folder / 'config.json').read_text())
    for key in ('quantization_config', 'torch_dtype'):
        config.pop(key)
    theirs = DeepseekV4ForCausalLM(DeepseekV4Config(**config)).eval()
    left = theirs.load_state_dict(dict(their_tensors(ours)), strict=False)
    assert not left.missing_keys and not left.unexpected_keys, left
    source, worst, positions, same = Source(random.Random(5), 'test', folder.name), 0.0, 0, 0
    for skill in ('tool_call', 'memory', 'json', 'multistep', 'tool_parallel'):
        ids = torch.tensor([encoder.encode(''.join(text for text, _ in render(sample(source, skill))))])
        a, b = ours.logits(ids, torch.float32)[0], theirs(input_ids=ids).logits[0]
        worst = max(worst, (a.softmax(-1) - b.softmax(-1)).abs().max().item())
        positions += len(a)
        same += int((a.argmax(-1) == b.argmax(-1)).sum())
    print(f'{folder.name}: {positions} positions, largest difference of a probability {worst:.1e}, same first token at {same}')
    assert worst < 1e-3 and same >= positions - 1


if __name__ == '__main__':
    main()

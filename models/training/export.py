"""Writes a trained state as a checkpoint in the official layout: config.json, model.safetensors (+ index), tokenizer.json, gearbox.json.

    python export.py --state T/flash-mini/state.pt --tokenizer T/tokenizer.json --tier flash-mini --out ../flash-mini --revision 2026-11-24
"""
import argparse
import json
import pathlib
import shutil

import torch
from safetensors.torch import save_file

from model import V4
from quantise import EXPERTS, FP8_LINEARS, fp4_parts, fp8_parts, is_bf16

E2M1_VALUES = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6])


def scale_bytes(scale):
    return scale.to(torch.float8_e8m0fnu)


def packed_fp4(w):
    """[out, in] to int8 [out, in / 2] (low nibble first) and E8M0 scales [out, in / 32]."""
    values, scale = fp4_parts(w)
    code = (values.abs()[..., None] == E2M1_VALUES).int().argmax(-1) + 8 * (values < 0)
    return (code[:, 0::2] | code[:, 1::2] << 4).to(torch.uint8).view(torch.int8), scale_bytes(scale)


def stored(model):
    """{native name: tensor} in storage types."""
    out = {}

    def put_fp8(name, w):
        values, scale = fp8_parts(w)
        out[name + '.weight'], out[name + '.scale'] = values, scale_bytes(scale)

    for key, parameter in model.weights.items():
        name, w = key.replace('/', '.'), parameter.detach().float()
        if name.endswith(EXPERTS):
            at, which = name.rsplit('.', 1)
            for e in range(w.shape[0] - 1):
                prefix = f'{at}.experts.{e}.{which}'
                out[prefix + '.weight'], out[prefix + '.scale'] = packed_fp4(w[e])
            put_fp8(f'{at}.shared_experts.{which}', w[-1])
        elif name.endswith(FP8_LINEARS) and 'compressor' not in name:
            put_fp8(name.removesuffix('.weight'), w)
        else:
            out[name] = w.bfloat16() if is_bf16(name) else w
    for layer in range(model.config['num_hidden_layers']):
        if layer < model.config['num_hash_layers']:
            out[f'layers.{layer}.ffn.gate.tid2eid'] = getattr(model, f'table_{layer}')
        else:
            out[f'layers.{layer}.ffn.gate.bias'] = getattr(model, f'bias_{layer}')
    return {name: tensor.contiguous() for name, tensor in out.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--state', required=True)
    parser.add_argument('--tokenizer', required=True)
    parser.add_argument('--tier', required=True)
    parser.add_argument('--out', required=True)
    parser.add_argument('--revision', required=True)
    parser.add_argument('--weights', choices=['average', 'last'], default='average', help='moving average of the weights, or the last step')
    parser.add_argument('--master', help='also writes a small resumable state here: unrounded weights in bfloat16, without optimiser state')
    options = parser.parse_args()
    saved = torch.load(options.state, weights_only=False)
    model = V4(saved['config'])
    model.load_state_dict(saved['model'])
    if options.master:
        small = {name: value.bfloat16() if value.is_floating_point() else value for name, value in saved['model'].items()}
        torch.save({'model': small, 'state': saved['state'], 'config': saved['config']}, options.master)
    if options.weights == 'average':
        with torch.no_grad():
            for name, value in saved['average'].items():
                model.weights[name.replace('.', '/')].copy_(value)
    out = pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    tensors = stored(model)
    save_file(tensors, str(out / 'model.safetensors'), metadata={'format': 'pt'})
    total = sum(t.numel() * t.element_size() for t in tensors.values())
    write = lambda name, value: (out / name).write_text(json.dumps(value, indent=2) + '\n')
    write('model.safetensors.index.json', {'metadata': {'total_size': total}, 'weight_map': {name: 'model.safetensors' for name in sorted(tensors)}})
    write('config.json', saved['config'])
    params = sum(p.numel() for p in model.weights.values())
    write('gearbox.json', {'name': options.tier, 'tier': options.tier.split('-')[0], 'revision': options.revision, 'effortLadder': '0731', 'trained': True, 'params': params,
                           'training': {'tokens': saved['state']['tokens'], 'steps': saved['state']['step'], 'minutes': round(saved['state']['seconds'] / 60)}})
    shutil.copy(options.tokenizer, out / 'tokenizer.json')
    print(f'{options.tier}: {params} parameters, {total / 1e6:.2f} MB of tensors, {len(tensors)} tensors; '
          f'step {saved["state"]["step"]}, {saved["state"]["tokens"] / 1e6:.1f}M tokens, {saved["state"]["seconds"] / 60:.0f} min')


if __name__ == '__main__':
    main()

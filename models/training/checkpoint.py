"""Reads an exported checkpoint back into the float network, so that evaluation sees exactly the stored (rounded) weights."""
import json
import pathlib

import torch
from safetensors.torch import load_file

from export import E2M1_VALUES
from model import V4
from quantise import EXPERTS, FP8_LINEARS


def spread(scale, rows, columns):
    return scale.float().repeat_interleave(128, 0)[:rows].repeat_interleave(128, 1)[:, :columns]


def unpacked_fp4(packed, scale):
    codes = packed.view(torch.uint8)
    codes = torch.stack([codes & 15, codes >> 4], -1).flatten(-2).long()
    values = E2M1_VALUES[codes & 7] * torch.where(codes >= 8, -1.0, 1.0)
    return (values.unflatten(-1, (-1, 32)) * scale.float()[..., None]).flatten(-2)


def load_checkpoint(folder):
    folder = pathlib.Path(folder)
    model = V4(json.loads((folder / 'config.json').read_text()))
    tensors = load_file(str(folder / 'model.safetensors'))

    def fp8(name):
        w = tensors[name + '.weight']
        return w.float() * spread(tensors[name + '.scale'], *w.shape)

    with torch.no_grad():
        for key, parameter in model.weights.items():
            name = key.replace('/', '.')
            if name.endswith(EXPERTS):
                at, which = name.rsplit('.', 1)
                routed = [unpacked_fp4(tensors[f'{at}.experts.{e}.{which}.weight'], tensors[f'{at}.experts.{e}.{which}.scale']) for e in range(parameter.shape[0] - 1)]
                parameter.copy_(torch.stack([*routed, fp8(f'{at}.shared_experts.{which}')]))
            elif name.endswith(FP8_LINEARS) and 'compressor' not in name:
                parameter.copy_(fp8(name.removesuffix('.weight')))
            else:
                parameter.copy_(tensors[name].float())
        for name, tensor in tensors.items():
            if name.endswith('tid2eid'):
                getattr(model, f'table_{name.split(".")[1]}').copy_(tensor)
            elif name.endswith('gate.bias'):
                getattr(model, f'bias_{name.split(".")[1]}').copy_(tensor)
    return model

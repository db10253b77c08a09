"""Checks the network against the golden logits (float64) and the Sinkhorn kernel against autograd. Run: python test_model.py"""
import json
import math
import pathlib

import torch

import fused
import model as net
from fused import Sinkhorn
from model import V4, share_reference

GOLDEN = json.loads((pathlib.Path(__file__).parent / 'fixtures' / 'v4-tiny-golden.json').read_text())
MASK = (1 << 64) - 1


def uniform(name, *shape):
    """The golden's own weights: FNV-1a of the name seeds splitmix64."""
    seed = 0xcbf29ce484222325
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x100000001b3) & MASK
    values = []
    for i in range(math.prod(shape)):
        z = (seed + (i + 1) * 0x9E3779B97F4A7C15) & MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        values.append(((z ^ (z >> 31)) >> 11) / 2 ** 53)
    return torch.tensor(values, dtype=torch.float64).view(shape)


def golden_weight(name, shape):
    signed = lambda: 2 * uniform(name, *shape) - 1
    if name == 'embed.weight' or name.endswith('attn_sink'):
        return signed()
    if name.endswith('norm.weight'):
        return 1 + 0.1 * signed()
    if name.endswith(('ape', '_base')):
        return 0.5 * signed()
    if name.endswith('_scale'):
        return 0.5 + uniform(name, *shape)
    return signed() * math.sqrt(3.0 / shape[-1])


def golden_model():
    c = GOLDEN['config']
    config = dict(
        vocab_size=c['vocab'], hidden_size=c['D'], num_attention_heads=c['H'], head_dim=c['hd'], qk_rope_head_dim=c['rd'], q_lora_rank=c['ql'], o_groups=c['G'],
        o_lora_rank=c['ol'], sliding_window=c['win'], compress_ratios=c['ratios'], num_hidden_layers=len(c['ratios']), n_routed_experts=c['E'],
        num_experts_per_tok=c['K'], moe_intermediate_size=c['F'], num_hash_layers=c['n_hash'], swiglu_limit=c['limit'], routed_scaling_factor=c['route'],
        rope_theta=c['theta'], compress_rope_theta=c['ctheta'], index_n_heads=c['ih'], index_head_dim=c['ihd'], index_topk=c['itopk'], max_position_embeddings=64,
        rope_scaling=dict(original_max_position_embeddings=c['orig'], factor=c['factor'], beta_fast=c['bfast'], beta_slow=c['bslow']))
    model = V4(config).double()
    model.set_precision(torch.float64)
    with torch.no_grad():
        for key, parameter in model.weights.items():
            name = key.replace('/', '.')
            if name.endswith(('ffn.w1', 'ffn.w2', 'ffn.w3')):
                at, which = name.rsplit('.', 1)
                names = [f'{at}.experts.{e}.{which}.weight' for e in range(c['E'])] + [f'{at}.shared_experts.{which}.weight']
                parameter.copy_(torch.stack([golden_weight(n, parameter.shape[1:]) for n in names]))
            else:
                parameter.copy_(golden_weight(name, parameter.shape))
        for layer in range(len(c['ratios'])):
            gate = f'layers.{layer}.ffn.gate.'
            if layer < c['n_hash']:
                u = uniform(gate + 'tid2eid', c['vocab'], 2)
                first = (u[:, 0] * c['E']).floor().long()
                getattr(model, f'table_{layer}').copy_(torch.stack([first, (first + 1 + (u[:, 1] * (c['E'] - 1)).floor().long()) % c['E']], 1))
            else:
                getattr(model, f'bias_{layer}').copy_(0.1 * (2 * uniform(gate + 'bias', c['E']) - 1))
    return model


def check_attention():
    """The bfloat16 attention core, queries in blocks, against autograd: 200 positions, window 150, ratio 4."""
    B, T, H, d, window = 2, 200, 3, 16, 150
    i = torch.arange(T)
    mask = torch.cat([(i[None] <= i[:, None]) & (i[None] > i[:, None] - window), torch.arange(T // 4)[None] < (i[:, None] + 1) // 4], -1)
    given = [torch.randn(B, T, H, d).bfloat16(), torch.randn(B, T, d).bfloat16(), torch.randn(B, T // 4, d).bfloat16(), torch.randn(H)]
    gradient, results = torch.randn(B, T, H, d), []
    for kernel in (True, False):
        q, keys, compressed, sink = [value.clone().requires_grad_() for value in given]
        if kernel:
            o = fused.attend(q, keys, compressed, sink, window, 4, 0.25)
        else:
            every = torch.cat([keys, compressed], 1).float()
            score = torch.einsum('bthd,bsd->bhts', q.float(), every)
            o = torch.einsum('bhts,bsd->bthd', share_reference(score, sink, mask, 0.25), every)
        results.append([o.float(), *(g.float() for g in torch.autograd.grad((o.float() * gradient).sum(), (q, keys, compressed, sink)))])
    errors = [((x - y).abs().max() / y.abs().max()).item() for x, y in zip(*results)]
    print('attention kernel: largest relative differences ' + ' '.join(f'{e:.1e}' for e in errors))
    assert max(errors) < 0.03


def check_fused():
    """Every other fused function against its reference, values and gradients, on bfloat16 inputs."""
    r = torch.randn
    cos, sin = torch.cos(r(5, 8)), torch.sin(r(5, 8))
    cases = {
        'streams_in': [r(7, 4, 32).bfloat16(), r(24, 128) * 0.1, r(24), r(3), 1 + 0.1 * r(32)], 'streams_out': [r(7, 4, 32).bfloat16(), r(7, 32).bfloat16(), r(7, 4), r(7, 16)],
        'norm_rotate': [r(2, 5, 3, 32).bfloat16(), None, cos, sin], 'rms': [r(6, 32).bfloat16(), 1 + 0.1 * r(32)], 'rotate_back': [r(2, 5, 3, 32).bfloat16(), cos, sin],
        'gated': [r(6, 32).bfloat16() * 3, r(6, 32).bfloat16() * 3, r(6, 1), 2.0]}
    for name, arguments in cases.items():
        outcomes = []
        for run in (fused.FUNCTIONS, net.REFERENCE):
            inputs = [a.clone().requires_grad_(a.dim() > 0 and a is not cos and a is not sin) if isinstance(a, torch.Tensor) else a for a in arguments]
            values = run[name](*inputs)
            values = values if isinstance(values, tuple) else (values,)
            torch.manual_seed(3)
            loss = sum((v.float() * torch.randn(v.shape)).sum() for v in values)
            wanted = [a for a in inputs if isinstance(a, torch.Tensor) and a.requires_grad]
            outcomes.append([v.detach().float() for v in values] + [g.float() for g in torch.autograd.grad(loss, wanted)])
        error = max(((a.reshape(b.shape) - b).abs().max() / (b.abs().max() + 1e-3)).item() for a, b in zip(*outcomes))
        print(f'{name}: largest relative difference {error:.1e}')
        assert error < 0.03


def main():
    ids = torch.tensor([[(7 * i + 3) % 32 for i in range(41)]])
    with torch.no_grad():
        logits = golden_model().logits(ids, torch.float64)[0]
    for position in (0, 12, 40):
        expected = torch.tensor(GOLDEN['exact'][f'logits_pos{position}'], dtype=torch.float64)
        error = (logits[position] - expected).abs().max().item()
        print(f'golden logits at {position}: largest difference {error:.1e}')
        assert error < 1e-9
    a = torch.randn(37, 16, requires_grad=True)
    g = torch.randn(37, 16)
    fast, slow = torch.autograd.grad(Sinkhorn.apply(a), a, g)[0], torch.autograd.grad(net.sinkhorn(a.double()), a, g.double())[0]
    print(f'sinkhorn gradient: largest difference {(fast - slow).abs().max().item():.1e}')
    assert (fast - slow).abs().max() < 1e-4
    check_attention()
    check_fused()


if __name__ == '__main__':
    main()

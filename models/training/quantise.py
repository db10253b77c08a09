"""Rounding of weights to the storage formats: FP4 experts (groups of 32), FP8 linears (128x128 blocks), BF16; E8M0 scales.

`round_weight(name, w)` gives the values that the engine will read; `straight_through` uses them in the forward pass and
lets the gradient pass unchanged. Activations stay as they are: the engine serves with float activations.
"""
import torch

FP8_LINEARS = ('wq_a.weight', 'wq_b.weight', 'attn.wkv.weight', 'wo_a.weight', 'wo_b.weight')
EXPERTS = ('ffn.w1', 'ffn.w3', 'ffn.w2')


def power_of_two_ceiling(x):
    mantissa, exponent = torch.frexp(x)
    return torch.exp2(torch.where(mantissa == 0.5, exponent - 1, exponent).float())


def e2m1(x):
    """Nearest of 0, .5, 1, 1.5, 2, 3, 4, 6; ties to the even code."""
    a = x.abs()
    return x.sign() * torch.where(a < 2, torch.round(a * 2) / 2, torch.where(a < 4, torch.round(a), torch.round(a / 2) * 2)).clamp(max=6)


def fp4_parts(w):
    """[..., in] to (E2M1 values, scales [..., in / 32])."""
    groups = w.unflatten(-1, (-1, 32))
    scale = power_of_two_ceiling((groups.abs().amax(-1) / 6).clamp_min(2.0 ** -120))
    return e2m1((groups / scale[..., None]).clamp(-6, 6)).flatten(-2), scale


def fp8_parts(w):
    """[out, in] to (E4M3 tensor, scales [ceil(out / 128), ceil(in / 128)])."""
    rows, columns = w.shape
    padded = torch.nn.functional.pad(w, (0, -columns % 128, 0, -rows % 128))
    blocks = padded.unflatten(1, (-1, 128)).unflatten(0, (-1, 128))  # [R, 128, C, 128]
    scale = power_of_two_ceiling((blocks.abs().amax((1, 3)) / 448).clamp_min(2.0 ** -120))
    values = (blocks / scale[:, None, :, None]).clamp(-448, 448).to(torch.float8_e4m3fn)
    return values.flatten(2, 3).flatten(0, 1)[:rows, :columns].contiguous(), scale


def fp4(w):
    values, scale = fp4_parts(w)
    return (values.unflatten(-1, (-1, 32)) * scale[..., None]).flatten(-2)


def fp8(w):
    values, scale = fp8_parts(w)
    rows, columns = w.shape
    return values.float() * scale.repeat_interleave(128, 0)[:rows].repeat_interleave(128, 1)[:, :columns]


def is_bf16(name):
    return name.startswith(('embed', 'head', 'norm')) or name.endswith('norm.weight') or ('compressor' in name and name.endswith('.weight')) \
        or name.endswith(('ffn.gate.weight', 'weights_proj.weight'))


def round_weight(name, w):
    if name.endswith(EXPERTS):
        return torch.cat([fp4(w[:-1]), fp8(w[-1])[None]])
    if name.endswith(FP8_LINEARS) and 'compressor' not in name:
        return fp8(w)
    return w.bfloat16().float() if is_bf16(name) else w


def straight_through(name, w):
    with torch.no_grad():
        change = round_weight(name, w) - w
    return w + change

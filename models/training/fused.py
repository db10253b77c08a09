"""bfloat16 training path: the elementwise parts of model.py as C++ kernels with hand-written gradients (kernels.cpp).

Each function here has the signature and the meaning of its namesake in model.py, which stays the reference;
test_model.py compares the two, values and gradients.
"""
import ctypes
import functools
import hashlib
import pathlib
import subprocess
import tempfile

import torch
from torch.autograd import Function

EPS = 1e-6
P, I, R = ctypes.c_void_p, ctypes.c_int64, ctypes.c_float
SIGNATURES = {
    'sinkhorn': [P] * 4 + [I, R], 'attention_share': [P] * 4 + [I] * 8 + [R], 'attention_share_backward': [P] * 4 + [I] * 8 + [R],
    'streams_in': [P] * 11 + [I, I, R], 'streams_in_backward': [P] * 17 + [I, I, R], 'streams_out': [P] * 5 + [I, I], 'streams_out_backward': [P] * 9 + [I, I],
    'norm_rotate': [P] * 6 + [I] * 6 + [R, R], 'norm_rotate_backward': [P] * 8 + [I] * 6 + [R], 'gated': [P] * 4 + [I, I, R], 'gated_backward': [P] * 7 + [I, I, R]}


@functools.cache
def library():
    """Compiles kernels.cpp once per content and machine."""
    source = pathlib.Path(__file__).with_name('kernels.cpp')
    built = pathlib.Path(tempfile.gettempdir()) / f'gearbox-kernels-{hashlib.sha256(source.read_bytes()).hexdigest()[:12]}.so'
    if not built.exists():
        with tempfile.TemporaryDirectory() as folder:
            partial = pathlib.Path(folder) / built.name
            subprocess.check_call(['g++', '-O3', '-march=native', '-ffast-math', '-shared', '-fPIC', '-o', str(partial), str(source)])
            built.with_suffix('.new').write_bytes(partial.read_bytes())
            built.with_suffix('.new').rename(built)
    loaded = ctypes.CDLL(str(built))
    for name, types in SIGNATURES.items():
        getattr(loaded, name).argtypes = types
    return loaded


def call(name, *values):
    getattr(library(), name)(*[value.data_ptr() if isinstance(value, torch.Tensor) else value for value in values])


def solid(x):
    return x.contiguous()


class Sinkhorn(Function):
    """[N, 16] float32 logits (row = source stream, column = destination) to doubly stochastic matrices."""

    @staticmethod
    def forward(context, logits):
        logits = solid(logits)
        out = torch.empty_like(logits)
        call('sinkhorn', logits, out, None, None, logits.shape[0], EPS)
        context.save_for_backward(logits)
        return out

    @staticmethod
    def backward(context, gradient):
        logits, = context.saved_tensors
        gradient, out = solid(gradient), torch.empty_like(logits)
        call('sinkhorn', logits, None, gradient, out, logits.shape[0], EPS)
        return out


class AttentionShare(Function):
    """Scores [B, H, R, S] of query rows from `first` on to attention weights: `keys` window keys, then compressed ones; a sink per head."""

    @staticmethod
    def forward(context, score, sink, keys, first, window, ratio, scale):
        score = solid(score)
        share, sink_share = torch.empty_like(score), torch.empty(score.shape[:3])
        context.numbers = (*score.shape, keys, first, window, ratio, scale)
        call('attention_share', score, sink, share, sink_share, *context.numbers)
        context.save_for_backward(share, sink_share)
        return share

    @staticmethod
    def backward(context, gradient):
        share, sink_share = context.saved_tensors
        gradient, sink_gradient = gradient.clone(memory_format=torch.contiguous_format), torch.zeros(context.numbers[1])
        call('attention_share_backward', share, sink_share, gradient, sink_gradient, *context.numbers)
        return gradient, sink_gradient, None, None, None, None, None


class StreamsIn(Function):
    @staticmethod
    def forward(context, h, raw, base, scale, norm):
        h, raw = solid(h), solid(raw)
        N, _, D = h.shape
        x, write, mix, read, r, q = h.new_empty(N, D), torch.empty(N, 4), torch.empty(N, 16), torch.empty(N, 4), torch.empty(N), torch.empty(N)
        call('streams_in', h, raw, base, scale, norm, x, write, mix, read, r, q, N, D, EPS)
        context.save_for_backward(h, raw, base, scale, norm, write, read, r, q)
        return x, write, mix

    @staticmethod
    def backward(context, gx, gwrite, gmix):
        h, raw, base, scale, norm = context.saved_tensors[:5]
        gx, gwrite, gmix = solid(gx), solid(gwrite), solid(gmix)
        out = [torch.empty_like(h), torch.empty_like(raw), torch.zeros_like(base), torch.zeros_like(scale), torch.zeros_like(norm)]
        call('streams_in_backward', *context.saved_tensors, gx, gwrite, gmix, *out, h.shape[0], h.shape[2], EPS)
        return tuple(out)


class StreamsOut(Function):
    @staticmethod
    def forward(context, h, y, write, mix):
        h, y, write, mix = solid(h), solid(y), solid(write), solid(mix)
        out = torch.empty_like(h)
        call('streams_out', h, y, write, mix, out, h.shape[0], h.shape[2])
        context.save_for_backward(h, y, write, mix)
        return out

    @staticmethod
    def backward(context, gradient):
        saved = context.saved_tensors
        out = [torch.empty_like(value) for value in saved]
        call('streams_out_backward', *saved, solid(gradient), *out, saved[0].shape[0], saved[0].shape[2])
        return tuple(out)


class NormRotate(Function):
    @staticmethod
    def forward(context, x, weight, cos, sin, heads, norm, sign):
        x, cos, sin = solid(x), solid(cos), solid(sin)
        d, N = x.shape[-1], x.numel() // x.shape[-1]
        out, q = torch.empty_like(x), torch.empty(N)
        context.numbers = (N, d, cos.shape[-1], heads, max(1, cos.shape[0]), int(norm), sign)
        call('norm_rotate', x, weight, cos, sin, out, q, *context.numbers, EPS)
        context.save_for_backward(x, weight, cos, sin, q)
        return out

    @staticmethod
    def backward(context, gradient):
        x, weight, cos, sin, q = context.saved_tensors
        out, gweight = torch.empty_like(x), None if weight is None else torch.zeros_like(weight)
        call('norm_rotate_backward', x, weight, cos, sin, q, solid(gradient), out, gweight, *context.numbers)
        return out, gweight, None, None, None, None, None


class Gated(Function):
    @staticmethod
    def forward(context, g, u, weight, limit):
        g, u = solid(g), solid(u)
        weight = None if weight is None else solid(weight)
        out = torch.empty_like(g)
        call('gated', g, u, weight, out, *g.shape, limit)
        context.save_for_backward(g, u, weight)
        context.limit = limit
        return out

    @staticmethod
    def backward(context, gradient):
        g, u, weight = context.saved_tensors
        gg, gu, gweight = torch.empty_like(g), torch.empty_like(u), None if weight is None else torch.empty_like(weight)
        call('gated_backward', g, u, weight, solid(gradient), gg, gu, gweight, *g.shape, context.limit)
        return gg, gu, gweight, None


NOTHING = torch.empty(0, 0)


def streams_in(h, fn, base, scale, norm):
    return StreamsIn.apply(h, torch.nn.functional.linear(h.flatten(1), fn.to(h.dtype)), base, scale, norm)


def norm_rotate(x, weight, cos, sin):
    """`x` [B, T, d] or [B, T, H, d]; tables [T, half]."""
    return NormRotate.apply(x, weight, cos, sin, x.shape[2] if x.dim() == 4 else 1, True, 1.0)


def rms(x, weight=None):
    return NormRotate.apply(x, weight, NOTHING, NOTHING, 1, True, 1.0)


def rotate_back(x, cos, sin):
    return NormRotate.apply(x, None, cos, sin, x.shape[2], False, -1.0)


def attend(q, keys, compressed, sink, window, ratio, scale):
    """q [B, T, H, d] to the output of the same shape. Queries go in up to four blocks, so that most of the causal half is never computed."""
    B, T, H, d = q.shape
    rows = T if T <= 96 else T // 2 if T <= 192 else T // 4
    parts = []
    for first in range(0, T, rows):
        end = min(T, first + rows)
        seen = keys[:, :end] if compressed is None else torch.cat([keys[:, :end], compressed[:, :end // ratio]], 1)
        score = torch.matmul(q[:, first:end].transpose(1, 2).reshape(B, -1, d), seen.transpose(1, 2)).view(B, H, end - first, -1)
        share = AttentionShare.apply(score, sink, end, first, window, 0 if compressed is None else ratio, scale)
        parts.append(torch.matmul(share.view(B, -1, seen.shape[1]), seen).view(B, H, end - first, d).transpose(1, 2))
    return torch.cat(parts, 1)


FUNCTIONS = dict(streams_in=streams_in, streams_out=StreamsOut.apply, sinkhorn=Sinkhorn.apply, norm_rotate=norm_rotate, rms=rms, rotate_back=rotate_back, gated=Gated.apply)

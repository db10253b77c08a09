"""DeepSeek-V4 in PyTorch, differentiable, native tensor names; the arithmetic of the reference without its fake quantisation.

Routed experts are stacked: `layers.N.ffn.w1` is [E + 1, F, D] and its last slice is the shared expert. Everything else has
the name it has in the checkpoint. Shapes: B sequences, T tokens, N = B*T, D width, H heads, d head size, m compress ratio.
"""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

import fused

EPS = 1e-6


def sinkhorn(logits):
    """[N, 16] logits (row = source stream, column = destination) to doubly stochastic matrices, 20 iterations."""
    a = logits.view(-1, 4, 4).softmax(-1) + EPS
    a = a / (a.sum(-2, keepdim=True) + EPS)
    for _ in range(19):
        a = a / (a.sum(-1, keepdim=True) + EPS)
        a = a / (a.sum(-2, keepdim=True) + EPS)
    return a.reshape(-1, 16)


# ---- primitives

def wide(x):
    return x if x.dtype == torch.float64 else x.float()


def linear(x, weight):
    return F.linear(x, weight.to(x.dtype))


def rms(x, weight=None):
    y = wide(x)
    y = y * torch.rsqrt(y.square().mean(-1, keepdim=True) + EPS)
    return (y if weight is None else y * weight).to(x.dtype)


def rotate(x, cos, sin):
    """Interleaved rotation of the last 2*cos.shape[-1] components."""
    size = 2 * cos.shape[-1]
    still, pairs = x[..., :-size], x[..., -size:].unflatten(-1, (size // 2, 2))
    a, b, cos, sin = pairs[..., 0], pairs[..., 1], cos.to(x.dtype), sin.to(x.dtype)
    return torch.cat([still, torch.stack([a * cos - b * sin, a * sin + b * cos], -1).flatten(-2)], -1)


def rotary_frequencies(size, theta, yarn):
    """`yarn`: None or (original length, factor, beta fast, beta slow). Amplitude stays 1."""
    f = theta ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
    if yarn:
        length, factor, fast, slow = yarn
        turn = lambda rotations: size * math.log(length / (rotations * 2 * math.pi)) / (2 * math.log(theta))
        low, high = max(math.floor(turn(fast)), 0), min(math.ceil(turn(slow)), size - 1)
        ramp = ((torch.arange(size // 2, dtype=torch.float64) - low) / max(high - low, 0.001)).clamp(0, 1)
        f = f / factor * ramp + f * (1 - ramp)
    return f


# ---- residual streams

def stream_logits(h, fn):
    v = h.flatten(1)
    return wide(linear(v, fn)) * torch.rsqrt(wide(v).square().mean(-1, keepdim=True) + EPS)


def streams_in(h, fn, base, scale, norm):
    """[N, 4, D] to the sublayer input [N, D], the write weights [N, 4] and the mixing logits [N, 16]."""
    z = stream_logits(h, fn)
    read = (torch.sigmoid(z[:, :4] * scale[0] + base[:4]) + EPS).to(h.dtype)
    write = 2 * torch.sigmoid(z[:, 4:8] * scale[1] + base[4:8])
    x = sum(read[:, j, None] * h[:, j] for j in range(4))
    return rms(x, norm), write, z[:, 8:] * scale[2] + base[8:]


def streams_out(h, y, write, mix):
    """Destination k takes write_k * y and sum_j mix[j, k] * h_j."""
    mix, write = mix.view(-1, 4, 4).to(h.dtype), write.to(h.dtype)
    return torch.stack([write[:, k, None] * y + sum(mix[:, j, k, None] * h[:, j] for j in range(4)) for k in range(4)], 1)


def streams_end(h, fn, base, scale, norm):
    p = (torch.sigmoid(stream_logits(h, fn) * scale + base) + EPS).to(h.dtype)
    return rms(sum(p[:, j, None] * h[:, j] for j in range(4)), norm)


# ---- mixture of experts

class ExpertLinear(torch.autograd.Function):
    """Rows of x are sorted by expert; `sizes[e]` rows go through weight[e] ([E, out, in])."""

    @staticmethod
    def forward(context, x, weight, sizes):
        w = weight.to(x.dtype)
        context.save_for_backward(x, w)
        context.sizes = sizes
        return torch.cat([part @ w[e].T for e, part in enumerate(x.split(sizes))])

    @staticmethod
    def backward(context, gradient):
        x, w = context.saved_tensors
        parts, inputs = gradient.split(context.sizes), x.split(context.sizes)
        dx = torch.cat([part @ w[e] for e, part in enumerate(parts)])
        dw = torch.stack([part.T @ inputs[e] for e, part in enumerate(parts)]).float()
        return dx, dw, None


def route(x, gate, bias, table, tokens, top, scale):
    """Chosen experts [N, K] and their weights. Hash layers look the token up; others add the balance bias for the choice only."""
    score = torch.sqrt(F.softplus(F.linear(wide(x), gate)) + 1e-20)
    chosen = table[tokens] if table is not None else (score.detach() + bias).topk(top, -1).indices
    picked = score.gather(1, chosen)
    return chosen, picked / picked.sum(-1, keepdim=True) * scale


def gated(g, u, weight, limit):
    v = F.silu(wide(g).clamp(max=limit)) * wide(u).clamp(-limit, limit)
    return (v if weight is None else v * weight).to(g.dtype)


def expert_rows(chosen, weight, experts, block=64):
    """Lays the (token, expert) pairs out by expert, each expert's part padded to whole blocks so that matrix shapes repeat
    (the CPU library prepares a kernel per shape). Returns token of each row, weight of each row (0 in padding), part sizes."""
    flat = chosen.flatten()
    order = flat.argsort(stable=True)
    sizes = torch.bincount(flat, minlength=experts)
    padded = (sizes + block - 1) // block * block
    shift = (padded.cumsum(0) - padded) - (sizes.cumsum(0) - sizes)
    at = torch.arange(len(flat)) + shift[flat[order]]
    total = int(padded.sum())
    source = torch.zeros(total, dtype=torch.long)
    source[at] = order // chosen.shape[1]
    row_weight = weight.new_zeros(total).index_put((at,), weight.flatten()[order])
    return source, row_weight[:, None], padded.tolist()


def expert_mix(x, chosen, weight, w1, w3, w2, limit, gated=gated):
    """Routed experts on rows sorted by expert, plus the shared expert (the last slice)."""
    source, row_weight, sizes = expert_rows(chosen, weight, w1.shape[0] - 1)
    both = torch.cat([w1, w3], 1)
    g, u = ExpertLinear.apply(x[source], both[:-1], sizes).chunk(2, -1)
    routed = torch.zeros_like(x, dtype=torch.float64 if x.dtype == torch.float64 else torch.float32)
    routed = routed.index_add(0, source, ExpertLinear.apply(gated(g, u, row_weight, limit), w2[:-1], sizes).to(routed.dtype))
    g, u = linear(x, both[-1]).chunk(2, -1)
    return (routed + linear(gated(g, u, None, limit), w2[-1])).to(x.dtype)


# ---- attention

def norm_rotate(x, weight, cos, sin):
    """RMS norm over the last axis, then the rotation. `x` is [B, T, d] or [B, T, H, d], the tables [T, half]."""
    if x.dim() == 4:
        cos, sin = cos[:, None], sin[:, None]
    return rotate(rms(x, weight), cos, sin)


def rotate_back(x, cos, sin):
    return rotate(x, cos[:, None], -sin[:, None])


def compress(x, p, prefix, m, size, cos, sin, norm_rotate=norm_rotate):
    """[B, T, D] to [B, T // m, size]; ratio 4 also pools the a-half of the block before."""
    B, T, _ = x.shape
    n = T // m
    x = x[:, :n * m]
    k = linear(x, p[prefix + 'wkv.weight']).view(B, n, m, -1)
    g = linear(x, p[prefix + 'wgate.weight']).view(B, n, m, -1)
    ape = p[prefix + 'ape']
    if m == 4:
        before = lambda t, fill: F.pad(t[:, :-1, :, :size], (0, 0, 0, 0, 1, 0), value=fill)
        k = torch.cat([before(k, 0.0), k[..., size:]], 2)
        g = torch.cat([before(g, -1e30), g[..., size:]], 2)
        ape = torch.cat([ape[:, :size], ape[:, size:]])
    # One softmax over the slots per channel.
    pooled = (wide(k) * (wide(g) + ape).softmax(2)).sum(2).to(x.dtype)
    return norm_rotate(pooled, p[prefix + 'norm.weight'], cos[:n * m:m], sin[:n * m:m])


def index_choice(x, q_low, p, config, visible, cos, sin):
    """The indexer's selection among visible compressed entries, as a [B, T, n] mask."""
    B, T, _ = x.shape
    heads, size = config['index_n_heads'], config['index_head_dim']
    q = rotate(linear(q_low, p['indexer.wq_b.weight']).view(B, T, heads, size), cos[:T, None], sin[:T, None])
    k = compress(x, p, 'indexer.compressor.', 4, size, cos, sin)
    w = linear(x, p['indexer.weights_proj.weight']) * (size ** -0.5 * heads ** -0.5)
    score = (torch.relu(torch.einsum('bthd,bjd->bthj', q, k)) * w[..., None]).sum(2).masked_fill(~visible, -1e30)
    top = score.topk(config['index_topk'], -1).indices
    return visible & torch.zeros_like(score, dtype=torch.bool).scatter(2, top, True)


def share_reference(score, sink, mask, scale):
    """Softmax over the masked scores and the sink, in the wide type."""
    score = (wide(score) * scale).masked_fill(~mask, -1e30)
    top = score.detach().amax(-1, keepdim=True)
    e = torch.exp(score - top)
    return e / (e.sum(-1, keepdim=True) + torch.exp(sink.view(1, -1, 1, 1) - top))


def attention_mask(x, q_low, p, config, m, cos, sin):
    """[T, S] or [B, 1, T, S]: what each position sees."""
    B, T, _ = x.shape
    i = torch.arange(T)
    mask = (i[None] <= i[:, None]) & (i[None] > i[:, None] - config['sliding_window'])
    if not m or T < m:
        return mask
    visible = torch.arange(T // m)[None] < (i[:, None] + 1) // m
    if m == 4 and T // m > config['index_topk']:
        visible = index_choice(x, q_low, p, config, visible, cos, sin)
        return torch.cat([mask.expand(B, T, T), visible], -1)[:, None]
    return torch.cat([mask, visible], -1)


def attention(x, p, config, m, cos, sin, run):
    """[B, T, D] to [B, T, D]. One shared key = value vector per token; window keys, then compressed ones; a sink per head."""
    B, T, _ = x.shape
    H, d, G = config['num_attention_heads'], config['head_dim'], config['o_groups']
    c, s = cos[:T], sin[:T]
    q_low = run['rms'](linear(x, p['wq_a.weight']), p['q_norm.weight'])
    q = run['norm_rotate'](linear(q_low, p['wq_b.weight']).view(B, T, H, d), None, c, s)
    keys = run['norm_rotate'](linear(x, p['wkv.weight']), p['kv_norm.weight'], c, s)
    compressed = compress(x, p, 'compressor.', m, d, cos, sin, run['norm_rotate']) if m and T >= m else None
    scale = d ** -0.5
    if x.dtype == torch.bfloat16 and not (m == 4 and T // m > config['index_topk']):
        o = fused.attend(q, keys, compressed, p['attn_sink'], config['sliding_window'], m, scale)
    else:
        keys = keys if compressed is None else torch.cat([keys, compressed], 1)
        score = torch.matmul(q.transpose(1, 2).reshape(B, H * T, d), keys.transpose(1, 2)).view(B, H, T, -1)
        share = share_reference(score, p['attn_sink'], attention_mask(x, q_low, p, config, m, cos, sin), scale).to(x.dtype)
        o = torch.matmul(share.view(B, H * T, -1), keys).view(B, H, T, d).transpose(1, 2)
    o = run['rotate_back'](o, c, s).reshape(B * T, G, -1)
    w = p['wo_a.weight'].view(G, -1, o.shape[-1]).to(x.dtype)
    u = torch.cat([o[:, group] @ w[group].T for group in range(G)], -1)
    return linear(u, p['wo_b.weight']).view(B, T, -1)


# ---- the network

REFERENCE = dict(streams_in=streams_in, streams_out=streams_out, sinkhorn=sinkhorn, norm_rotate=norm_rotate, rms=rms, rotate_back=rotate_back, gated=gated)


class V4(nn.Module):
    """`config` uses the Hugging Face keys of config.json. `transform(name, parameter)` may round weights on the fly (QAT)."""

    def __init__(self, config, seed=0):
        super().__init__()
        self.config, self.transform, self.loads = config, None, []
        self.weights = nn.ParameterDict()
        for name, tensor in initial_weights(config, seed):
            self.weights[name.replace('.', '/')] = nn.Parameter(tensor)
        experts, vocab = config['n_routed_experts'], config['vocab_size']
        ids = torch.arange(vocab)
        for layer in range(config['num_hidden_layers']):
            if layer < config['num_hash_layers']:
                step = 1 + (ids // experts) % (experts - 1)
                table = torch.stack([(ids + k * step) % experts for k in range(config['num_experts_per_tok'])], 1)
                self.register_buffer(f'table_{layer}', table)
            else:
                self.register_buffer(f'bias_{layer}', torch.zeros(experts))
        self.set_precision(torch.float32)

    def set_precision(self, dtype, length=None):
        """Rotary tables up to `length` positions."""
        config = self.config
        t = torch.arange(length or min(config['max_position_embeddings'], 4096), dtype=torch.float64)[:, None]
        y = config['rope_scaling']
        yarn = (y['original_max_position_embeddings'], y['factor'], y['beta_fast'], y['beta_slow'])
        plain = t * rotary_frequencies(config['qk_rope_head_dim'], config['rope_theta'], None)
        stretched = t * rotary_frequencies(config['qk_rope_head_dim'], config['compress_rope_theta'], yarn)
        self.tables = {False: (plain.cos().to(dtype), plain.sin().to(dtype)), True: (stretched.cos().to(dtype), stretched.sin().to(dtype))}

    def weight(self, name):
        parameter = self.weights[name.replace('.', '/')]
        return parameter if self.transform is None else self.transform(name, parameter)

    def attention_weights(self, layer, scoring):
        prefix = f'layers/{layer}/attn/'
        names = [key[len(prefix):].replace('/', '.') for key in self.weights.keys() if key.startswith(prefix)]
        return {name: self.weight(f'layers.{layer}.attn.{name}') for name in names if scoring or 'indexer' not in name}

    def hidden(self, ids, dtype=torch.bfloat16):
        """[B, T] ids to [B*T, D] after the final norm."""
        config, run = self.config, fused.FUNCTIONS if dtype == torch.bfloat16 else REFERENCE
        B, T = ids.shape
        tokens = ids.reshape(-1)
        h = F.embedding(tokens, self.weight('embed.weight')).to(dtype)[:, None].expand(-1, 4, -1).contiguous()
        self.loads = []
        for layer in range(config['num_hidden_layers']):
            m, at = config['compress_ratios'][layer], f'layers.{layer}.'
            site = lambda kind: [self.weight(f'{at}hc_{kind}_{part}') for part in ('fn', 'base', 'scale')] + [self.weight(f'{at}{kind}_norm.weight')]
            x, write, mix = run['streams_in'](h, *site('attn'))
            scoring = m == 4 and T // 4 > config['index_topk']
            y = attention(x.view(B, T, -1), self.attention_weights(layer, scoring), config, m, *self.tables[m > 0], run)
            h = run['streams_out'](h, y.reshape(B * T, -1), write, run['sinkhorn'](mix))
            x, write, mix = run['streams_in'](h, *site('ffn'))
            chosen, weight = route(x, self.weight(f'{at}ffn.gate.weight'), getattr(self, f'bias_{layer}', None), getattr(self, f'table_{layer}', None),
                                          tokens, config['num_experts_per_tok'], config['routed_scaling_factor'])
            self.loads.append(torch.bincount(chosen.flatten(), minlength=config['n_routed_experts']).float())
            y = expert_mix(x, chosen, weight, *[self.weight(f'{at}ffn.{w}') for w in ('w1', 'w3', 'w2')], config['swiglu_limit'], run['gated'])
            h = run['streams_out'](h, y, write, run['sinkhorn'](mix))
        return streams_end(h, *[self.weight(f'hc_head_{part}') for part in ('fn', 'base', 'scale')], self.weight('norm.weight'))

    def logits(self, ids, dtype=torch.float32):
        x = self.hidden(ids, dtype)
        return F.linear(wide(x), self.weight('head.weight').to(wide(x).dtype)).view(*ids.shape, -1)


def initial_weights(config, seed):
    """(name, tensor) of every trained tensor."""
    generator = torch.Generator().manual_seed(seed)
    noise = lambda *shape, std: torch.randn(*shape, generator=generator) * std
    matrix = lambda *shape: noise(*shape, std=shape[-1] ** -0.5)
    D, H, d = config['hidden_size'], config['num_attention_heads'], config['head_dim']
    rank, G, low = config['q_lora_rank'], config['o_groups'], config['o_lora_rank']
    E, width, V = config['n_routed_experts'], config['moe_intermediate_size'], config['vocab_size']
    yield 'embed.weight', noise(V, D, std=0.5)
    yield 'head.weight', noise(V, D, std=0.5 * D ** -0.5)
    yield 'norm.weight', torch.ones(D)
    yield 'hc_head_fn', noise(4, 4 * D, std=0.01)
    yield 'hc_head_base', torch.full((4,), -1.1)
    yield 'hc_head_scale', torch.full((1,), 0.3)

    def compressor(prefix, m, size):
        halves = 2 if m == 4 else 1
        yield prefix + 'wkv.weight', matrix(halves * size, D)
        yield prefix + 'wgate.weight', matrix(halves * size, D) * 0.5
        yield prefix + 'ape', torch.zeros(m, halves * size)
        yield prefix + 'norm.weight', torch.ones(size)

    for layer, m in enumerate(config['compress_ratios'][:config['num_hidden_layers']]):
        at = f'layers.{layer}.'
        for number, kind in enumerate(('attn', 'ffn')):
            # Each site starts by reading mostly one stream and by mixing the streams little.
            base = torch.cat([torch.full((4,), -1.5), noise(4, std=0.3), torch.eye(4).flatten() * 4 + noise(16, std=0.1)])
            base[(2 * layer + number) % 4] = 1.5
            yield f'{at}{kind}_norm.weight', torch.ones(D)
            yield f'{at}hc_{kind}_fn', noise(24, 4 * D, std=0.01)
            yield f'{at}hc_{kind}_base', base
            yield f'{at}hc_{kind}_scale', torch.full((3,), 0.3)
        a = at + 'attn.'
        yield a + 'wq_a.weight', matrix(rank, D)
        yield a + 'q_norm.weight', torch.ones(rank)
        yield a + 'wq_b.weight', matrix(H * d, rank)
        yield a + 'wkv.weight', matrix(d, D)
        yield a + 'kv_norm.weight', torch.ones(d)
        yield a + 'attn_sink', torch.zeros(H)
        yield a + 'wo_a.weight', matrix(G * low, H * d // G)
        yield a + 'wo_b.weight', matrix(D, G * low) * 0.5
        if m:
            yield from compressor(a + 'compressor.', m, d)
        if m == 4:
            yield a + 'indexer.wq_b.weight', matrix(config['index_n_heads'] * config['index_head_dim'], rank)
            yield a + 'indexer.weights_proj.weight', matrix(config['index_n_heads'], D)
            yield from compressor(a + 'indexer.compressor.', 4, config['index_head_dim'])
        yield at + 'ffn.gate.weight', noise(E, D, std=D ** -0.5)
        yield at + 'ffn.w1', matrix(E + 1, width, D)
        yield at + 'ffn.w3', matrix(E + 1, width, D)
        yield at + 'ffn.w2', matrix(E + 1, D, width) * 0.5

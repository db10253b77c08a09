"""Trains one tier from scratch. A run may be cut anywhere and resumed: all state is in OUT/state.pt.

    python train.py --tier flash-mini --tokenizer T/tokenizer.json --out T/flash-mini --minutes 90
    (the same command again continues; --minutes is the planned total, which sets the learning-rate schedule)
"""
import argparse
import collections
import json
import pathlib
import random
import signal
import time

import torch

import model as net
from batches import Batches, Encoder
from presets import config_of
from quantise import straight_through

MATRICES = ('wq_a.weight', 'wq_b.weight', 'wkv.weight', 'wgate.weight', 'wo_a.weight', 'wo_b.weight', 'ffn.w1', 'ffn.w2', 'ffn.w3')


def is_matrix(name):
    return name.endswith(MATRICES) and 'indexer' not in name


class Muon:
    """Momentum, then an approximate orthogonalisation of each matrix's update (Newton-Schulz, five steps, bfloat16)."""

    def __init__(self, named, groups, rate):
        self.rate, self.momentum, self.by_shape = rate, {}, collections.defaultdict(list)
        for name, p in named:
            view = (groups, p.shape[0] // groups, p.shape[1]) if name.endswith('wo_a.weight') else p.shape if p.dim() == 3 else (1, *p.shape)
            self.momentum[name] = torch.zeros_like(p)
            self.by_shape[tuple(view[1:])].append((name, p, view))

    @torch.no_grad()
    def step(self, factor):
        for (rows, columns), members in self.by_shape.items():
            updates = []
            for name, p, view in members:
                gradient = p.grad if p.grad is not None else torch.zeros_like(p)
                average = self.momentum[name]
                average.lerp_(gradient, 0.05)
                updates.append(gradient.lerp(average, 0.95).view(view))
            x = torch.cat(updates).bfloat16()
            x = x.mT if rows > columns else x
            x = x / (x.float().norm(dim=(1, 2), keepdim=True) + 1e-7).bfloat16()
            for _ in range(5):
                square = x @ x.mT
                x = 3.4445 * x + (-4.7750 * square + 2.0315 * (square @ square)) @ x
            x = x.mT if rows > columns else x
            rate, at = self.rate * factor, 0
            for name, p, view in members:
                p.mul_(1 - rate * 0.01)
                p.add_(x[at:at + view[0]].float().reshape(p.shape), alpha=-rate * max(1, rows / columns) ** 0.5)
                at += view[0]


def adam_groups(named, rate):
    groups = []
    for name, p in named:
        scale = 0.5 if name.endswith('_fn') else 1.5 if name.startswith(('embed', 'head')) else 1.0
        groups.append({'params': [p], 'lr': rate * scale, 'base': rate * scale, 'weight_decay': 0.01 if p.dim() > 1 and not name.endswith('_fn') else 0.0})
    return groups


def schedule(progress, step):
    """Short warm-up, constant, then a straight line to zero over the last 55 %."""
    return min(1.0, (step + 1) / 40) * min(1.0, max(0.02, (1 - progress) / 0.55))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--tier', required=True)
    parser.add_argument('--tokenizer', required=True)
    parser.add_argument('--out', required=True)
    parser.add_argument('--minutes', type=float, required=True, help='planned training time of the whole run')
    parser.add_argument('--stop-after', type=float, default=1e9, help='minutes after which this piece stops, saved')
    parser.add_argument('--tokens', type=int, default=4096, help='tokens in a micro-batch')
    parser.add_argument('--micro', type=int, default=2, help='micro-batches in a step')
    parser.add_argument('--muon-rate', type=float, default=0.02)
    parser.add_argument('--adam-rate', type=float, default=2e-3)
    parser.add_argument('--round-from', type=float, default=0.6, help='share of the run after which weights are rounded in the forward pass')
    parser.add_argument('--practice', type=float, default=0.25, help='share of batches that are dense drills, once copying is learned')
    parser.add_argument('--copies', type=float, default=0.06, help='share of batches that are pure copying, once it is learned')
    parser.add_argument('--seed', type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    out = pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)

    encoder = Encoder(options.tokenizer)
    config = config_of(options.tier, encoder.tokenizer.get_vocab_size())
    model = net.V4(config, options.seed)
    named = [(key.replace('/', '.'), p) for key, p in model.weights.items()]
    matrices = [(n, p) for n, p in named if is_matrix(n)]
    others = [(n, p) for n, p in named if not is_matrix(n) and 'indexer' not in n]
    muon = Muon(matrices, config['o_groups'], options.muon_rate)
    adam = torch.optim.AdamW(adam_groups(others, options.adam_rate), betas=(0.9, 0.95), eps=1e-10, fused=True)
    average = {n: p.detach().clone() for n, p in named}
    state = {'step': 0, 'seconds': 0.0, 'tokens': 0, 'curve': [], 'copying': 0.0}
    path = out / 'state.pt'
    if path.exists():
        saved = torch.load(path, weights_only=False)
        model.load_state_dict(saved['model'])
        state.update(saved['state'])
        if 'adam' in saved:  # absent in the small state that export.py --master writes
            adam.load_state_dict(saved['adam'])
            average = saved['average']
            for name, value in saved['momentum'].items():
                muon.momentum[name].copy_(value)
        else:
            average = {n: p.detach().clone() for n, p in named}
        print(f'resumed at step {state["step"]}, {state["seconds"] / 60:.1f} min', flush=True)
    count = sum(p.numel() for _, p in named)
    print(f'{options.tier}: {count / 1e6:.2f}M parameters, vocabulary {config["vocab_size"]}', flush=True)

    def save():
        partial = path.with_suffix('.tmp')
        torch.save({'model': model.state_dict(), 'adam': adam.state_dict(), 'momentum': muon.momentum, 'average': average, 'state': state, 'config': config}, partial)
        partial.rename(path)

    stopping = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.append(True))
    # Each piece of a run draws its own stream, so that a resumed run does not repeat examples.
    batches = Batches(encoder, options.tier, f'{options.seed} {state["step"]}', options.tokens)
    begun, saved_at, loss_sum, loss_count, hits, before = time.perf_counter(), time.perf_counter(), 0.0, 0, 0, state['seconds']
    first = state['step']
    while not stopping:
        elapsed = time.perf_counter() - begun
        state['seconds'] = before + elapsed
        progress = state['seconds'] / (options.minutes * 60)
        if progress >= 1 or elapsed > options.stop_after * 60:
            break
        if progress >= options.round_from and model.transform is None:
            model.transform = straight_through
            print(f'weights are rounded from step {state["step"]}', flush=True)
        factor = schedule(progress, state['step'])
        # Until copying is learned most batches practise nothing else; later it is kept up.
        copies = random.random() < (0.7 if state['copying'] < 0.8 else options.copies)
        drill = not copies and state['copying'] >= 0.8 and random.random() < options.practice
        drawn = [batches.draw_copies() if copies else batches.draw_practice() if drill else batches.draw(progress) for _ in range(options.micro)]
        supervised = sum(int((targets >= 0).sum()) for _, targets in drawn)
        loads, right = None, 0
        for inputs, targets in drawn:
            hidden = model.hidden(inputs)
            targets = targets.reshape(-1)
            rows = (targets >= 0).nonzero()[:, 0]
            # Whole blocks of rows, because a new matrix shape is expensive; the extra rows have no target.
            extra = -len(rows) % 64
            wanted = torch.cat([targets[rows], targets.new_full((extra,), -100)])
            rows = torch.cat([rows, rows.new_zeros(extra)])
            logits = torch.nn.functional.linear(hidden[rows], model.weight('head.weight').to(hidden.dtype)).float()
            loss = torch.nn.functional.cross_entropy(logits, wanted, reduction='sum')
            (loss / supervised).backward()
            if not copies:
                loss_sum += loss.item()
                loss_count += len(rows) - extra
            right += int((logits.detach().argmax(-1) == wanted).sum())
            loads = model.loads if loads is None else [a + b for a, b in zip(loads, model.loads)]
            state['tokens'] += inputs.numel()
        if copies:
            state['copying'] += 0.1 * (right / supervised - state['copying'])
        else:
            hits += right
        for layer in range(config['num_hash_layers'], config['num_hidden_layers']):
            getattr(model, f'bias_{layer}').add_(torch.sign(loads[layer].mean() - loads[layer]), alpha=0.002 * max(factor, 0.1))
        torch.nn.utils.clip_grad_norm_([p for _, p in others], 1.0)
        for group in adam.param_groups:
            group['lr'] = group['base'] * factor
        adam.step()
        muon.step(factor)
        model.zero_grad(set_to_none=True)
        state['step'] += 1
        decay = min(0.995, state['step'] / (state['step'] + 20))
        with torch.no_grad():
            torch._foreach_lerp_([average[n] for n, _ in named], [p.detach() for _, p in named], 1 - decay)
        if state['step'] % 25 == 0 or state['step'] - first < 4:
            mean = loss_sum / max(1, loss_count)
            state['curve'].append((state['step'], state['tokens'], state['seconds'], mean, hits / max(1, loss_count)))
            left = options.minutes * 60 - state['seconds']
            print(f'step {state["step"]}  loss {mean:.4f}  right {hits / max(1, loss_count):.3f}  copying {state["copying"]:.2f}  rate {factor:.2f}  tokens {state["tokens"] / 1e6:.2f}M  '
                  f'{state["tokens"] / max(state["seconds"], 1):.0f}/s  busiest {max(float(q.max() / q.mean()) for q in loads[1:]):.1f}x  ETA {left / 60:.0f} min', flush=True)
            loss_sum, loss_count, hits = 0.0, 0, 0
        if time.perf_counter() - saved_at > 240:
            save()
            saved_at = time.perf_counter()
    save()
    (out / 'curve.json').write_text(json.dumps(state['curve']))
    print(f'saved at step {state["step"]}, {state["tokens"] / 1e6:.1f}M tokens, {state["seconds"] / 60:.1f} min', flush=True)


if __name__ == '__main__':
    main()

"""Measures an exported checkpoint (stored weights, greedy) in the PyTorch twin, on fresh held-out prompts, while training goes on.

    python evaluate.py --checkpoint ../flash-mini --count 100 --bfloat16

The figures of the cards come from the engine instead: `npm run models:eval -- --write`.

Greedy decoding reproduces an expected text exactly if and only if every expected token is the most likely one given the
expected tokens before it, so one forward pass decides. With thinking that asks for the expected reasoning too, which makes
the figures lower bounds. `--generated N` generates up to N of the misses a skill (slow: no cache), shows them, and counts
those whose content and calls are right after all.
"""
import argparse
import json
import pathlib
import random
import re
import time

import torch

from batches import PAD_ID, Encoder
from checkpoint import load_checkpoint
from generate_data import SKILLS, evaluation_example, expectation
from lexicon import Source
from wire import DSML, END_THINK, EOS, prompt, render

THRESHOLDS = {  # row: (skills, measure, needed share)
    'tool choice': (['tool_call', 'tool_parallel'], 'names', 0.95), 'tool arguments': (['tool_call', 'tool_parallel'], 'right', 0.95),
    'JSON extraction': (['json'], 'right', 0.95), 'memory': (['memory'], 'right', 0.95), 'copying': (['repeat', 'reverse', 'count', 'extract'], 'right', 0.95),
    'identity and table facts': (['identity', 'facts'], 'right', 0.98), '"I don\'t know"': (['unknown'], 'honest', 0.90), 'two-digit sums': (['arithmetic'], 'right', 0.95),
    'multi-step arithmetic': (['multistep'], 'right', 0.85), 'system prompts': (['system'], 'right', None), 'no call when none fits': (['tool_none'], 'right', None),
    'answer from a result': (['tool_result'], 'right', None), 'units': (['units'], 'right', None), 'dates': (['dates'], 'right', None),
    'small talk': (['smalltalk'], 'right', None), 'out of domain, polite': (['out_of_domain'], 'right', None)}


def parse(text, thinking):
    """(reasoning, content, [(name, {key: (string flag, raw text)})]) of a completion without EOS."""
    reasoning, _, rest = text.partition(END_THINK) if thinking else ('', '', text)
    content, _, block = rest.partition(f'\n\n<{DSML}tool_calls>')
    calls = []
    for name, body in re.findall(rf'<{DSML}invoke name="([^"]*)">\n(.*?)</{DSML}invoke>', block, re.S):
        found = re.findall(rf'<{DSML}parameter name="([^"]*)" string="(true|false)">(.*?)</{DSML}parameter>', body, re.S)
        calls.append((name, {key: (flag, value) for key, flag, value in found}))
    return reasoning, content, calls


@torch.no_grad()
def exact(model, encoder, texts, dtype, tokens=6144):
    """For [(prompt, completion)]: how many tokens of the completion greedy decoding writes before the first other one, and of how many."""
    rows = []
    for i, (head, tail) in enumerate(texts):
        a, b = encoder.encode(head), encoder.encode(tail)
        rows.append((len(a) + len(b), i, a, b))
    rows.sort()
    answers = [(0, 0)] * len(rows)
    while rows:
        longest = rows[-1][0]
        batch = [rows.pop() for _ in range(min(len(rows), max(1, tokens // longest)))]
        ids = torch.full((len(batch), longest), PAD_ID)
        for k, (n, _, a, b) in enumerate(batch):
            ids[k, :n] = torch.tensor(a + b)
        hidden = model.hidden(ids, dtype).view(len(batch), longest, -1)
        for k, (n, i, a, b) in enumerate(batch):
            logits = torch.nn.functional.linear(hidden[k, len(a) - 1:n - 1].float(), model.weight('head.weight'))
            wrong = (logits.argmax(-1) != torch.tensor(b)).nonzero()
            answers[i] = (int(wrong[0]) if len(wrong) else len(b), len(b))
    return answers


@torch.no_grad()
def generate(model, encoder, prompts, limit, dtype, rows_at_once=48):
    """Greedy completions, without a cache: each step recomputes the rows that still run."""
    done, eos = {}, encoder.tokenizer.token_to_id(EOS)
    waiting = sorted(((encoder.encode(text), i) for i, text in enumerate(prompts)), key=lambda item: len(item[0]))
    while waiting:
        live = [(list(ids), i, len(ids)) for ids, i in waiting[:rows_at_once]]
        waiting = waiting[rows_at_once:]
        for _ in range(limit):
            width = max(len(ids) for ids, _, _ in live)
            batch = torch.full((len(live), width), PAD_ID)
            for k, (ids, _, _) in enumerate(live):
                batch[k, :len(ids)] = torch.tensor(ids)
            hidden = model.hidden(batch, dtype).view(len(live), width, -1)
            last = torch.stack([hidden[k, len(ids) - 1] for k, (ids, _, _) in enumerate(live)]).float()
            chosen = torch.nn.functional.linear(last, model.weight('head.weight')).argmax(-1).tolist()
            for (ids, i, start), token in zip(live, chosen):
                ids.append(token)
                if token == eos or len(ids) - start >= limit:
                    done[i] = encoder.tokenizer.decode(ids[start:-1] if token == eos else ids[start:], skip_special_tokens=False)
            live = [row for row in live if row[1] not in done]
            if not live:
                break
    return [done[i] for i in range(len(prompts))]


def expected_calls(example):
    shaped = []
    for call in expectation(example).get('tool_calls', []):
        arguments = {}
        for key, value in call['arguments'].items():
            arguments[key] = ('true', value) if isinstance(value, str) else ('false', json.dumps(value, ensure_ascii=False))
        shaped.append((call['name'], arguments))
    return shaped


def judge(example, text):
    """{'right', 'names', 'honest'} of a generated completion."""
    _, content, calls = parse(text, example['thinking'])
    wanted, answer = expected_calls(example), expectation(example)['content']
    return {'right': calls == wanted and (content == answer or bool(wanted)), 'names': [c[0] for c in calls] == [c[0] for c in wanted],
            'honest': "I don't know" in content, 'text': text}


def prefix_of(example, completion, key):
    """The part of the expected completion that already decides `key`."""
    if key == 'names':
        # Names are decided with the last opening tag, when everything before it is as expected.
        return completion[:completion.rfind('invoke name="')] + completion[completion.rfind('invoke name="'):].split('">')[0] if 'invoke name="' in completion else completion
    thought = completion.index(END_THINK) + len(END_THINK) if example['thinking'] else 0
    return completion[:thought] + completion[thought:].split("I don't know")[0] + "I don't know" if "I don't know" in completion[thought:] else completion


def measure(model, encoder, tier, skill, count, dtype, seed, generated):
    source = Source(random.Random(f'{seed} {skill}'), 'test', tier)
    examples = [evaluation_example(source, skill, index) for index in range(count)]
    texts = [(prompt(example), render(example)[-1][0]) for example in examples]
    verdicts, shares, wrong = [], {}, []
    for example, (_, completion), (kept, total) in zip(examples, texts, exact(model, encoder, texts, dtype)):
        verdicts.append({'right': kept == total, **{key: kept >= len(encoder.encode(prefix_of(example, completion, key))) for key in ('names', 'honest')}})
    tried = [i for i, verdict in enumerate(verdicts) if not verdict['right']][:generated]
    if tried:
        for i, text in zip(tried, generate(model, encoder, [texts[i][0] for i in tried], 260, dtype)):
            judged = judge(examples[i], text)
            verdicts[i] = {key: verdicts[i][key] or judged[key] for key in verdicts[i]}
            if not judged['right']:
                wrong.append({'prompt': texts[i][0][-300:], 'expected': texts[i][1], 'got': text})
    for key in ('right', 'names', 'honest'):
        shares[key] = sum(verdict[key] for verdict in verdicts) / count
    plain = [verdict['right'] for verdict, example in zip(verdicts, examples) if not example['thinking']]
    shares['rightWithoutThinking'] = sum(plain) / len(plain) if plain else None
    return {'count': count, **shares}, wrong


def reasoning_lengths(model, encoder, tier, dtype, count=8):
    """Mean reasoning tokens by effort on the same kind of question."""
    lengths = {}
    for effort in ('low', 'high', 'max'):
        source = Source(random.Random('effort'), 'test', tier)
        examples = []
        while len(examples) < count:
            example = evaluation_example(source, 'multistep', len(examples))
            examples.append({**example, 'effort': effort})
        texts = generate(model, encoder, [prompt(example) for example in examples], 300, dtype)
        lengths[effort] = sum(len(encoder.encode(parse(text, True)[0])) for text in texts) / count
    return lengths


def table(results):
    rows = []
    for row, (skills, key, needed) in THRESHOLDS.items():
        known = [results[s] for s in skills if s in results]
        if known:
            share = sum(r[key] * r['count'] for r in known) / sum(r['count'] for r in known)
            rows.append({'row': row, 'share': round(share, 4), 'prompts': sum(r['count'] for r in known), 'needed': needed, 'met': None if needed is None else share >= needed})
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--checkpoint', required=True)
    parser.add_argument('--count', type=int, default=500)
    parser.add_argument('--skills', default=','.join(SKILLS))
    parser.add_argument('--seed', default='fresh')
    parser.add_argument('--bfloat16', action='store_true', help='faster; the default is float32, as the engine computes')
    parser.add_argument('--generated', type=int, default=0, help='how many misses a skill to generate and show')
    parser.add_argument('--no-effort', action='store_true')
    parser.add_argument('--save', help='keeps the raw results of this part in a file')
    parser.add_argument('--load', nargs='*', default=[], help='files of parts measured before')
    options = parser.parse_args()
    torch.set_num_threads(1)
    folder = pathlib.Path(options.checkpoint)
    info = json.loads((folder / 'gearbox.json').read_text())
    encoder, model = Encoder(folder / 'tokenizer.json'), load_checkpoint(folder)
    dtype, results = torch.bfloat16 if options.bfloat16 else torch.float32, {}
    lengths = None
    for name in options.load:
        part = json.loads(pathlib.Path(name).read_text())
        results.update(part['skills'])
        lengths = part['lengths'] or lengths
    for skill in filter(None, options.skills.split(',')):
        begun = time.time()
        results[skill], wrong = measure(model, encoder, info['name'], skill, options.count, dtype, options.seed, options.generated)
        print(f'{skill:14s} right {results[skill]["right"]:.3f}  tools {results[skill]["names"]:.3f}  honest {results[skill]["honest"]:.3f}  ({time.time() - begun:.0f} s)', flush=True)
        for miss in wrong:
            print(f'    …{miss["prompt"][-160:]!r}\n      expected {miss["expected"]!r}\n      got      {miss["got"]!r}', flush=True)
    lengths = lengths if lengths or options.no_effort else reasoning_lengths(model, encoder, info['name'], dtype)
    if options.save:
        pathlib.Path(options.save).write_text(json.dumps({'skills': results, 'lengths': lengths}))
    rows = table(results)
    print('\n| skill | right | needed | met |\n|---|---|---|---|')
    for row in rows:
        print(f'| {row["row"]} | {row["share"]:.1%} | {"" if row["needed"] is None else format(row["needed"], ".0%")} | {"" if row["met"] is None else "yes" if row["met"] else "no"} |')
    if lengths:
        print('mean reasoning tokens by effort:', {k: round(v) for k, v in lengths.items()})


if __name__ == '__main__':
    main()

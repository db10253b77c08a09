"""Writes a checkpoint's README.md (its model card) from gearbox.json and config.json.    python card.py --checkpoint ../flash-mini

The measured part, between two marks, is kept as it is: `npm run models:eval -- --write` fills it.
"""
import argparse
import json
import pathlib
import re

KINDS = {0: 'SWA', 4: 'CSA', 128: 'HCA'}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--checkpoint', required=True)
    parser.add_argument('--note', help='a sentence on what the figures mean')
    options = parser.parse_args()
    folder = pathlib.Path(options.checkpoint)
    read = lambda name: json.loads((folder / name).read_text())
    info, config = read('gearbox.json'), read('config.json')
    layers = ', '.join(KINDS[m] for m in config['compress_ratios'])
    training = info['training']
    lines = [
        f'# {info["name"]}', '',
        f'A **demonstration** checkpoint with the DeepSeek-V4 architecture: {info["params"] / 1e6:.1f}M parameters, trained from scratch on synthetic conversations for '
        f'{training["minutes"]:.0f} minutes on one shared CPU core ({training["tokens"] / 1e6:.1f}M tokens). These are not DeepSeek weights, nothing was distilled from any other '
        'model, and it knows almost nothing: it exists so that the gateway answers sensibly offline and so that tests meet a real model. Do not rely on its answers.', '',
        '## What it is', '',
        f'- {config["num_hidden_layers"]} layers ({layers}), width {config["hidden_size"]}, {config["num_attention_heads"]} heads of {config["head_dim"]} '
        f'({config["qk_rope_head_dim"]} rotary), {config["n_routed_experts"]} routed experts of width {config["moe_intermediate_size"]} with {config["num_experts_per_tok"]} active '
        f'and one shared; the first {config["num_hash_layers"]} layer hash-routed, the others scored; 4 residual streams, 20 Sinkhorn iterations.',
        f'- Window {config["sliding_window"]} (the released models have 128): the tools text, the schemas and the question stay inside it. '
        f'Vocabulary {config["vocab_size"]}: byte-level BPE with the V4 pre-tokenizer and control tokens. Effort ladder {info["effortLadder"]}.',
        '- Official layout: FP4 experts, FP8 128x128 linears, E8M0 scales, BF16, native tensor names. The weights were rounded in the forward pass during the last part of '
        'training; activations were not, so serve it with float activations.',
        '- The indexer of the CSA layers is at its random start: it only selects beyond 2,048 tokens, and training never went that far (768). Long contexts are untested.', '',
        '## What it was taught', '',
        'Greetings and identity; a table of about 55 facts, and "I don\'t know" for what is outside of it; sums of one or two digits, longer ones by working; units and dates; repeat, reverse, '
        'count, extract; memory over turns; rules in the system prompt; JSON by a schema in the prompt; tool calls with random schemas, alone and in parallel, no call when no tool '
        'fits, an answer from the result; thinking on and off, and effort that changes its length. English only. Anything else should get a short polite refusal. '
        'The recipe is in `../training/`.', '']
    card = folder / 'README.md'
    measured = re.search('<!-- measured -->.*<!-- /measured -->', card.read_text() if card.exists() else '', re.S)
    lines += ['## How it was measured', '', measured.group() if measured else '<!-- measured -->\nNot yet.\n<!-- /measured -->', '',
              'Held out from training are exact user messages, invented words, names and operand pairs; sentence frames and the common tool vocabulary are shared with it.', '']
    if options.note:
        lines += [options.note, '']
    lines += ['![learning curve](learning-curve.png)']
    card.write_text('\n'.join(lines) + '\n')


if __name__ == '__main__':
    main()

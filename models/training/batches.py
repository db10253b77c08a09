"""Batches of similar length: token ids, targets of supervised tokens, rows without padding waste."""
import random

import torch
from tokenizers import Tokenizer

from generate_data import sample
from lexicon import Source
from wire import render

LENGTHS = [64, 96, 128, 192, 256, 384, 512, 768]
PAD_ID = 2


class Encoder:
    def __init__(self, path):
        self.tokenizer = Tokenizer.from_file(str(path))

    def encode(self, text):
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def example(self, example, short_preamble=False):
        """(ids, supervised flag per id). Segments meet at control tokens, so encoding them apart gives the same ids."""
        ids, flags = [], []
        for text, supervised in render(example, short_preamble):
            part = self.encode(text)
            ids += part
            flags += [supervised] * len(part)
        return ids, flags


def stack(rows, length):
    """[(ids, flags)] to inputs [B, length], targets [B, length] with -100 where nothing is learned."""
    inputs = torch.full((len(rows), length), PAD_ID)
    targets = torch.full((len(rows), length), -100)
    for i, (ids, flags) in enumerate(rows):
        inputs[i, :len(ids) - 1] = torch.tensor(ids[:-1])
        targets[i, :len(ids) - 1] = torch.tensor([t if f else -100 for t, f in zip(ids[1:], flags[1:])])
    return inputs, targets


class Batches:
    """An endless stream. `draw(progress)` returns one batch of about `tokens` tokens, all rows of one length bucket."""

    def __init__(self, encoder, tier, seed, tokens):
        self.encoder, self.tokens = encoder, tokens
        self.source = Source(random.Random(seed), 'train', tier)
        self.waiting = {length: [] for length in LENGTHS}

    def draw(self, progress):
        while True:
            # The long constant tools text is left out of most early examples and comes back towards the end.
            short = self.source.rng.random() < (0.85 if progress < 0.35 else 0.6 if progress < 0.7 else 0.25)
            ids, flags = self.encoder.example(sample(self.source, progress=progress), short)
            length = next((n for n in LENGTHS if len(ids) - 1 <= n), None)
            if length is None or (progress < 0.1 and length > 384):
                continue
            rows = self.waiting[length]
            rows.append((ids, flags))
            if len(rows) >= self.tokens // length:
                self.waiting[length] = []
                return stack(rows, length)

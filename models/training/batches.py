"""Batches of similar length: token ids, targets of supervised tokens, rows without padding waste."""
import random

import torch
from tokenizers import Tokenizer

import chat_skills as chat
from generate_data import QUESTIONS, sample
from lexicon import Source
from wire import ASSISTANT, BOS, END_THINK, EOS, USER, render

LENGTHS = [64, 96, 128, 192, 256, 384, 512, 768]
PAD_ID = 2
PRACTICE = {'arithmetic': 14, 'json': 7, 'facts': 1.5, 'unknown': 1, 'extract': 3, 'reverse': 3, 'count': 8, 'dates': 2, 'units': 0.5}
PRO_PRACTICE = {**PRACTICE, 'multistep': 4}


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
        vocabulary = encoder.tokenizer.get_vocab()
        self.plain_ids = sorted(i for token, i in vocabulary.items() if i > PAD_ID and (i >= 259 or token.isascii()) and '｜' not in token and 'think' not in token)

    def copy_row(self, limit=58):
        """Pure copying: random tokens, words, or values looked up by key. Dense practice for the circuit that arguments need."""
        rng, source, encode = self.source.rng, self.source, self.encoder.encode
        head, middle = encode(BOS + USER), encode(ASSISTANT + END_THINK)
        kind = rng.random()
        if kind < 0.3:
            text = rng.sample(self.plain_ids, rng.randint(6, limit))
            ids, answer, flags = head + encode('Repeat: ') + text + middle, text, [True] * len(text)
        elif kind < 0.65:
            text = encode(source.pick(' ', ' ', ', ', '. ', '_').join(source.pick(source.word(), source.name(), source.invented()) for _ in range(rng.randint(2, 14))))[:limit]
            ids, answer, flags = head + encode('Repeat: ') + text + middle, text, [True] * len(text)
        else:
            pairs = [(source.fresh_word(), source.pick(source.phrase(1, 2), source.name(), str(source.number()), source.invented())) for _ in range(rng.randint(2, 6))]
            joint, end = source.pick((' is ', '. '), (': ', ', '), (' "', '" '), ('": "', '", "'), (' = ', '\n'))
            ids = head + encode(end.join(key + joint + value for key, value in pairs) + end) + middle
            rng.shuffle(pairs)
            answer, flags = [], []
            for key, value in pairs:
                # Which key comes next cannot be known; its value can.
                for text, learned in ((key + joint, False), (value, True), (end, False)):
                    part = encode(text)
                    answer += part
                    flags += [learned] * len(part)
            ids, answer, flags = ids, answer[:64], flags[:64]
        end = encode(EOS)
        return (ids + answer + end)[:129], ([False] * len(ids) + flags + [True])[:129]

    def draw_copies(self):
        return stack([self.copy_row() for _ in range(self.tokens // 128)], 128)

    def practice_row(self, length):
        """Many short questions in one conversation without system text or thinking: the densest form of drill."""
        ids, flags, source = [], [], self.source
        turns, mixture = [], PRO_PRACTICE if source.tier_name == 'pro-mini' else PRACTICE
        while len(ids) < length:
            skill = source.rng.choices(list(mixture), list(mixture.values()))[0]
            if skill == 'multistep':
                question, answer, working = chat.multi_step(source)
                answer = f'{working}\n{answer}'
            elif skill == 'json':
                example = chat.json_mode(source)
                if example.get('response_format'):
                    continue
                question, answer = (message['content'] for message in example['messages'][-2:])
            else:
                question, answer, _ = QUESTIONS[skill](source)
            if not source.allowed(question):
                continue
            for text, learned in ((BOS * (not turns) + USER + question + ASSISTANT + END_THINK, False), (answer + EOS, True)):
                part = self.encoder.encode(text)
                ids += part
                flags += [learned] * len(part)
            turns.append(skill)
        return ids[:length + 1], flags[:length + 1]

    def draw_practice(self):
        return stack([self.practice_row(192) for _ in range(self.tokens // 192)], 192)

    def draw(self, progress):
        while True:
            # The long constant tools text is left out of most early examples and comes back towards the end.
            short = self.source.rng.random() < (0.95 if progress < 0.6 else 0.5 if progress < 0.8 else 0.2)
            ids, flags = self.encoder.example(sample(self.source, progress=progress), short)
            length = next((n for n in LENGTHS if len(ids) - 1 <= n), None)
            if length is None or (progress < 0.1 and length > 384):
                continue
            rows = self.waiting[length]
            rows.append((ids, flags))
            if len(rows) >= self.tokens // length:
                self.waiting[length] = []
                return stack(rows, length)

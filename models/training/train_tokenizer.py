"""Trains the byte-level BPE (Hugging Face tokenizer.json, V4 pre-tokenizer, V4 control tokens) on generated text.

Three choices make copying easy for a tiny model, all within the V4 scheme:
* merges join letters with letters and punctuation with punctuation only, so that a word has the same tokens after a
  space, a quote or an underscore;
* afterwards the commonest whole words get one merge with the space before them (cheap prose);
* digits never merge: numbers are read and written digit by digit.

    python train_tokenizer.py --out $T/tokenizer.json
"""
import argparse
import collections
import json
import random
import re

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

import wire
from generate_data import sample
from lexicon import COMMON, Source, WORDS

V4_SPLITS = [
    r'\p{N}{1,3}',
    '[一-龥぀-ゟ゠-ヿ]+',
    r'[!"#$%&' + r"'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"]
TRAINING_SPLIT = r'\p{N}|[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+'


def texts(count, seed):
    source = Source(random.Random(seed))
    yield from [wire.TOOLS_INTRO, wire.TOOLS_HEADING, wire.TOOLS_OUTRO, wire.RESPONSE_FORMAT, *wire.EFFORT_TEXT.values()] * 6000
    for _ in range(count):
        yield ''.join(text for text, _ in wire.render(sample(source), short_preamble=True))
        # Words of every sort, so that no letter group is rare in what is learned later.
        yield ' '.join(source.fresh_word() for _ in range(6))


def without_controls(stream):
    for text in stream:
        for token in wire.SPECIAL_TOKENS + wire.CONTROL_TOKENS:
            text = text.replace(token, '\n\n')
        yield text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', required=True)
    parser.add_argument('--vocab', type=int, default=2560)
    parser.add_argument('--spaced', type=int, default=420, help='whole words that get a merge with the space before them')
    parser.add_argument('--examples', type=int, default=20000)
    options = parser.parse_args()

    base_size = options.vocab - len(wire.CONTROL_TOKENS) - options.spaced
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(TRAINING_SPLIT), 'isolated'), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.train_from_iterator(without_controls(texts(options.examples, 7)), trainers.BpeTrainer(
        vocab_size=base_size, special_tokens=wire.SPECIAL_TOKENS, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), min_frequency=15, show_progress=False))
    state = json.loads(tokenizer.to_str())
    vocabulary, merges = state['model']['vocab'], [tuple(pair) for pair in state['model']['merges']]

    # Content words stay apart from their space: only words of the fixed texts and of the question frames are joined.
    content, spaced = {word.lower() for word in WORDS + COMMON}, collections.Counter()
    frames = set((wire.TOOLS_INTRO + wire.TOOLS_OUTRO + wire.RESPONSE_FORMAT + ''.join(wire.EFFORT_TEXT.values())).replace('.', ' ').replace(',', ' ').split())
    for text in without_controls(texts(options.examples // 2, 8)):
        spaced.update(re.findall(r' ([A-Za-z]+)', text))
    chosen = [word for word, n in spaced.most_common() if word in vocabulary and len(word) >= 3 and n >= 30 and (word in frames or word.lower() not in content)]
    chosen += [word for word in ('is', 'of', 'in', 'an', 'at', 'as', 'or', 'up', 'I', 'on', 'it', 'am') if word in vocabulary]
    for word in chosen[:options.spaced - 12] + chosen[-12:]:
        joined = 'Ġ' + word
        if joined not in vocabulary:
            vocabulary[joined] = len(vocabulary)
            merges.append(('Ġ', word))

    final = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    final.pre_tokenizer = pre_tokenizers.Sequence([
        *[pre_tokenizers.Split(Regex(pattern), 'isolated') for pattern in V4_SPLITS], pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    final.decoder = decoders.ByteLevel()
    final.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in wire.SPECIAL_TOKENS])
    final.add_tokens([AddedToken(text, special=False, normalized=False) for text in wire.CONTROL_TOKENS])
    final.save(options.out)

    count = lambda text: len(final.encode(text, add_special_tokens=False).ids)
    print('vocabulary', final.get_vocab_size(), 'spaced words', sum(1 for w in vocabulary if w[0] == 'Ġ' and len(w) > 1))
    print('tools text', count(wire.TOOLS_INTRO + wire.TOOLS_HEADING + wire.TOOLS_OUTRO), 'effort texts', [count(t) for t in wire.EFFORT_TEXT.values()])
    source, lengths = Source(random.Random(3)), collections.defaultdict(list)
    for _ in range(2000):
        example = sample(source)
        segments = wire.render(example)
        whole = ''.join(text for text, _ in segments)
        assert final.decode(final.encode(whole, add_special_tokens=False).ids, skip_special_tokens=False) == whole
        lengths[example['skill']].append(count(whole))
    for skill, values in sorted(lengths.items()):
        values.sort()
        print(f'{skill:14s} mean {sum(values) // len(values):4d}  median {values[len(values) // 2]:4d}  max {values[-1]}')


if __name__ == '__main__':
    main()

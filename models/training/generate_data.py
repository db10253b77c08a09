"""Synthetic chat examples in the V4 wire format: the mixture of skills, and a command to look at it.

    python generate_data.py --count 20 --split train        prints examples (supervised text in double brackets)
    python generate_data.py --export ../eval --count 100     writes the fixed evaluation prompts as JSONL, one file a skill
"""
import argparse
import json
import pathlib
import random

import chat_skills as chat
import tool_skills as tools
from lexicon import Source
from wire import prompt, render

QUESTIONS = {  # skill: one question and answer
    'identity': lambda s: chat.talk(s, 'identity'), 'smalltalk': chat.talk, 'facts': chat.fact, 'unknown': chat.unknown, 'out_of_domain': chat.out_of_domain,
    'arithmetic': chat.small_sum, 'units': chat.unit, 'dates': chat.calendar, 'repeat': chat.repeat, 'reverse': chat.reverse, 'count': chat.count, 'extract': chat.extract}
CONVERSATIONS = {'memory': chat.memory, 'system': chat.system_prompt, 'json': chat.json_mode}
TOOL_SKILLS = {'tool_call': tools.tool_call, 'tool_parallel': tools.parallel, 'tool_none': tools.no_call, 'tool_result': tools.tool_result}
SKILLS = [*QUESTIONS, 'multistep', *CONVERSATIONS, *TOOL_SKILLS]
WEIGHTS = {'identity': 2, 'smalltalk': 3, 'facts': 4, 'unknown': 4, 'out_of_domain': 3, 'arithmetic': 8, 'units': 2, 'dates': 4, 'repeat': 4, 'reverse': 5, 'count': 8,
           'extract': 7, 'multistep': 1.5, 'memory': 9, 'system': 6, 'json': 16, 'tool_call': 20, 'tool_parallel': 14, 'tool_none': 6, 'tool_result': 6}
# The larger tier works through more arithmetic.
PRO_WEIGHTS = {**WEIGHTS, 'multistep': 13}
# Copying first: the circuit behind arguments, extraction and memory forms fastest on short pure copies.
EARLY = {**{skill: weight * 0.5 for skill, weight in WEIGHTS.items()}, 'repeat': 30, 'extract': 12, 'reverse': 6, 'arithmetic': 10, 'multistep': 5, 'json': 10, 'tool_call': 8}


def think_more(core, effort):
    """The effort ladder made visible: low is the working alone, high introduces and concludes, max works twice."""
    if effort == 'high':
        return f'Let me think step by step.\n{core}\nSo I have the answer.'
    if effort == 'max':
        return f'Let me think step by step.\n{core}\nI check this again.\n{core}\nBoth agree, so I am certain.'
    return core


def apply_effort(source, example, thinking, effort):
    if thinking:
        for message in example['messages']:
            if message['role'] == 'assistant':
                message['reasoning_content'] = think_more(message['reasoning_content'], effort)
    else:
        for message in example['messages']:
            message.pop('reasoning_content', None)
    return {**example, 'thinking': thinking, 'effort': effort if thinking else 'none'}


def draw(source, skill, thinking, effort, turns):
    if skill in QUESTIONS:
        drawn = [QUESTIONS[skill](source) for _ in range(turns)]
        if turns > 1 and source.chance(0.4):
            drawn[0] = QUESTIONS[source.rng.choice(list(QUESTIONS))](source)
        example = chat.conversation(source, [chat.turn(*d) for d in drawn])
    elif skill == 'multistep':
        made = []
        for _ in range(turns if not thinking else 1):
            question, answer, working = chat.multi_step(source)
            # Without thinking the working is shown in the answer.
            made.append(chat.turn(question, answer if thinking else f'{working}\n{answer}', working))
        example = chat.conversation(source, made)
    elif skill in CONVERSATIONS:
        example = CONVERSATIONS[skill](source)
    else:
        example = TOOL_SKILLS[skill](source, turns)
    return apply_effort(source, {'skill': skill, **example}, thinking, effort)


def sample(source, skill=None, thinking=None, effort=None, turns=None, progress=1.0):
    """One example. Training examples contain no user text of the held-out tenth; test examples end in one that is held out."""
    rng = source.rng
    skills = skill and [skill]
    while True:
        if not skills:
            final = PRO_WEIGHTS if source.tier_name == 'pro-mini' else WEIGHTS
            mixture = {k: EARLY[k] + (final[k] - EARLY[k]) * min(1.0, progress / 0.25) for k in final}
        chosen = skill or rng.choices(list(mixture), list(mixture.values()))[0]
        think = rng.random() < (0.8 if chosen == 'multistep' else 0.35) if thinking is None else thinking
        level = effort or rng.choices(['low', 'high', 'max'], [75, 15, 10] if progress < 0.6 else [50, 35, 15])[0]
        count = turns or (rng.choice([1, 1, 2, 3, 4]) if chosen in QUESTIONS else rng.choice([1, 2, 3, 4, 5]) if chosen in TOOL_SKILLS else rng.choice([1, 2]))
        if source.split == 'train' and think and chosen in QUESTIONS:
            count = 1 if rng.random() < 0.7 else count
        example = draw(source, chosen, think, level, count)
        users = [m['content'] for m in example['messages'] if m['role'] == 'user']
        if all(source.allowed(u) for u in users) if source.split == 'train' else source.allowed(users[-1]):
            return example


def evaluation_example(source, skill, index):
    """One fresh prompt; thinking, effort and number of turns cycle with the index."""
    thinking = skill == 'multistep' or index % 4 == 3
    effort = ['low', 'high', 'max'][index // 4 % 3] if skill != 'multistep' else ['low', 'high', 'max'][index % 3]
    return sample(source, skill, thinking, effort, turns=1)


def expectation(example):
    answer = example['messages'][-1]
    expected = {'content': answer['content']}
    if answer.get('tool_calls'):
        expected['tool_calls'] = [{'name': c['function']['name'], 'arguments': json.loads(c['function']['arguments'])} for c in answer['tool_calls']]
    return expected


def export(folder, count):
    """JSONL in the shape of chat requests plus `expect`. `{name}` in an expected text stands for the checkpoint's name."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for skill in SKILLS:
        source = Source(random.Random(f'eval {skill}'), 'test', '{name}')
        lines = []
        for index in range(count):
            example = evaluation_example(source, skill, index)
            row = {'skill': skill, 'messages': example['messages'][:-1], 'thinking': example['thinking'], 'effort': example['effort'], 'expect': expectation(example)}
            row.update({key: example[key] for key in ('tools', 'response_format') if example.get(key)})
            lines.append(json.dumps(row, ensure_ascii=False))
        (folder / f'{skill}.jsonl').write_text('\n'.join(lines) + '\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--count', type=int, default=20)
    parser.add_argument('--split', default='train')
    parser.add_argument('--skill')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--tier', default='flash-mini')
    parser.add_argument('--export')
    options = parser.parse_args()
    if options.export:
        export(options.export, options.count)
        return
    source = Source(random.Random(options.seed), options.split, options.tier)
    for _ in range(options.count):
        example = sample(source, options.skill)
        print(f'--- {example["skill"]}, effort {example["effort"]}')
        print(''.join(f'⟦{text}⟧' if supervised else text for text, supervised in render(example, short_preamble=True)))


if __name__ == '__main__':
    main()

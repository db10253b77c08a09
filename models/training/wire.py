"""The V4 wire format (serving form, effort ladder 0731): chat-shaped examples to text segments.

`render(example)` gives a list of `(text, supervised)` pairs. Their concatenation is what the model sees; the loss is
taken on supervised pairs only, that is on what an assistant writes. `prompt(example)` gives the text up to the last
assistant message, ending in the generation prompt.
"""
import json

BOS, EOS, PAD = '<｜begin▁of▁sentence｜>', '<｜end▁of▁sentence｜>', '<｜▁pad▁｜>'
USER, ASSISTANT = '<｜User｜>', '<｜Assistant｜>'
THINK, END_THINK = '<think>', '</think>'
DSML = '｜DSML｜'
REMINDER = '<｜latest_reminder｜>'
SPECIAL_TOKENS = [BOS, EOS, PAD]
CONTROL_TOKENS = [
    '<｜fim▁hole｜>', '<｜fim▁begin｜>', '<｜fim▁end｜>', USER, ASSISTANT, THINK, END_THINK, DSML, REMINDER,
    '<｜action｜>', '<｜query｜>', '<｜authority｜>', '<｜domain｜>', '<｜title｜>', '<｜extracted_url｜>', '<｜read_url｜>']

EFFORT_TEXT = {
    'none': '', 'low': '',
    'high': 'Reasoning Effort: Absolute maximum with no shortcuts permitted.\n'
            'You MUST be very thorough in your thinking and comprehensively decompose the problem to resolve the root '
            'cause, rigorously stress-testing your logic against all potential paths, edge cases, and adversarial '
            'scenarios.\n'
            'Explicitly write out your entire deliberation process, documenting every intermediate step, considered '
            'alternative, and rejected hypothesis to ensure absolutely no assumption is left unchecked.\n\n',
    'max': 'Reasoning Effort: Beyond maximum — exhaustive, relentless, and uncompromising.\n'
           'You MUST reason with the utmost depth and rigor, leaving absolutely nothing to chance: exhaustively '
           'decompose the problem into its most fundamental components, trace every causal chain to its root, and '
           'resolve the underlying cause rather than any surface symptom.\n'
           'Do not stop reasoning until you have independently verified the solution from multiple angles and are '
           'certain that no assumption remains unchecked and no error remains undiscovered.\n\n'}

TOOLS_INTRO = (
    '## Tools\n\nYou have access to a set of tools to help answer the user\'s question. You can invoke tools by writing '
    f'a "<{DSML}tool_calls>" block like the following:\n\n'
    f'<{DSML}tool_calls>\n<{DSML}invoke name="$TOOL_NAME">\n'
    f'<{DSML}parameter name="$PARAMETER_NAME" string="true|false">$PARAMETER_VALUE</{DSML}parameter>\n...\n'
    f'</{DSML}invoke>\n<{DSML}invoke name="$TOOL_NAME2">\n...\n</{DSML}invoke>\n</{DSML}tool_calls>\n\n'
    'String parameters should be specified as is and set `string="true"`. For all other types (numbers, booleans, '
    'arrays, objects), pass the value in JSON format and set `string="false"`.\n\n'
    'If thinking_mode is enabled (triggered by <think>), you MUST output your complete reasoning inside '
    '<think>...</think> BEFORE any tool calls or final response.\n\n'
    'Otherwise, output directly after </think> with tool calls or final response.\n\n')
TOOLS_HEADING = '### Available Tool Schemas\n\n'
TOOLS_OUTRO = ('\n\nYou MUST strictly follow the above defined tool name and parameter schemas to invoke tool calls.\n')
RESPONSE_FORMAT = '\n\n## Response Format:\n\nYou MUST strictly adhere to the following schema to reply:\n'


def dumps(value):
    """JSON as Python spells it: ', ' and ': ', non-ASCII kept."""
    return json.dumps(value, ensure_ascii=False)


def call_block(calls):
    """`calls`: OpenAI-shaped tool calls. The block with its two leading newlines, without EOS."""
    invokes = []
    for call in calls:
        arguments = json.loads(call['function']['arguments'])
        parameters = [
            f'<{DSML}parameter name="{key}" string="{"true" if isinstance(value, str) else "false"}">'
            f'{value if isinstance(value, str) else dumps(value)}</{DSML}parameter>' for key, value in arguments.items()]
        invokes.append(f'<{DSML}invoke name="{call["function"]["name"]}">\n' + '\n'.join(parameters)
                       + f'\n</{DSML}invoke>')
    return f'\n\n<{DSML}tool_calls>\n' + '\n'.join(invokes) + f'\n</{DSML}tool_calls>'


def turns_of(messages):
    """Groups messages as [(user side blocks, assistant message or None)]; system text first."""
    system, reminder, turns, blocks = '', '', [], []
    for message in messages:
        role = message['role']
        if role == 'system':
            system = message['content']
        elif role == 'latest_reminder':
            reminder = message['content']
        elif role == 'user':
            blocks.append(message['content'])
        elif role == 'tool':
            blocks.append(f'<tool_result>{message["content"]}</tool_result>')
        else:
            turns.append((blocks, message))
            blocks = []
    if blocks:
        turns.append((blocks, None))
    return system, reminder, turns


def header(example, system, reminder, short_preamble=False):
    text = BOS
    if example['thinking']:
        text += EFFORT_TEXT[example['effort']]
    text += system
    if example.get('tools'):
        schemas = '\n'.join(dumps(tool['function']) for tool in example['tools'])
        intro = '## Tools\n\n' if short_preamble else TOOLS_INTRO
        text += '\n\n' + intro + TOOLS_HEADING + schemas + TOOLS_OUTRO
    if example.get('response_format'):
        text += RESPONSE_FORMAT + dumps(example['response_format'])
    if reminder:
        text += REMINDER + reminder
    return text


def render(example, short_preamble=False):
    """[(text, supervised)]. `short_preamble` leaves out the constant tools text (a training economy only)."""
    system, reminder, turns = turns_of(example['messages'])
    text = header(example, system, reminder, short_preamble)
    thinking, segments = example['thinking'], []
    # Without tools the drop rule keeps only the reasoning of the last turn.
    for index, (blocks, answer) in enumerate(turns):
        keep = thinking and (bool(example.get('tools')) or index == len(turns) - 1)
        text += USER + '\n\n'.join(blocks) + ASSISTANT + (THINK if keep else END_THINK)
        segments.append((text, False))
        text = ''
        if answer is not None:
            body = (answer.get('reasoning_content') or '') + END_THINK if keep else ''
            body += answer.get('content') or ''
            if answer.get('tool_calls'):
                body += call_block(answer['tool_calls'])
            segments.append((body + EOS, True))
    return segments


def prompt(example):
    """Text of the example without its last assistant message, ending in the generation prompt."""
    messages = example['messages']
    if messages[-1]['role'] == 'assistant':
        messages = messages[:-1]
    return ''.join(text for text, _ in render({**example, 'messages': messages}))

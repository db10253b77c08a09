"""Tool skills: random tools (names, parameters, descriptions), requests in words, calls, results, and the cases without a call."""
from chat_skills import calendar, conversation, extract, fact, out_of_domain, repeat, small_sum, talk, turn, unknown, upper_first
from lexicon import COLORS
from wire import dumps

VERBS = {'get': ['get', 'show me', 'fetch', 'give me', 'look up'], 'create': ['create', 'add', 'make', 'set up'], 'delete': ['delete', 'remove', 'erase'],
         'send': ['send', 'submit', 'dispatch'], 'find': ['find', 'search', 'locate'], 'update': ['update', 'change', 'modify'], 'convert': ['convert', 'transform'],
         'book': ['book', 'reserve'], 'play': ['play', 'start'], 'check': ['check', 'verify', 'inspect'], 'list': ['list', 'show all', 'enumerate'],
         'cancel': ['cancel', 'abort', 'call off'], 'translate': ['translate'], 'schedule': ['schedule', 'plan'], 'open': ['open'], 'compute': ['compute', 'calculate'],
         'rate': ['rate'], 'export': ['export', 'save'], 'print': ['print'], 'share': ['share'], 'lock': ['lock'], 'count': ['count'], 'order': ['order', 'buy']}
NOUNS = ('weather email message invoice ticket order user account meeting event flight hotel room song playlist photo file report price stock currency distance '
         'route recipe news article document task reminder alarm note contact customer product shipment payment refund table train car bike movie book game device '
         'light door thermostat server database backup log metric job branch issue comment review score quiz lesson course').split()
PARAMETERS = {  # name: (JSON type, description, value)
    'city': ('string', 'The city', lambda s: s.city()), 'name': ('string', 'The name', lambda s: s.name()), 'email': ('string', 'The email address', lambda s: s.email()),
    'date': ('string', 'The date', lambda s: s.date()), 'title': ('string', 'The title', lambda s: s.phrase(1, 3)), 'query': ('string', 'The search text', lambda s: s.phrase(1, 3)),
    'text': ('string', 'The text', lambda s: s.phrase(1, 4)), 'topic': ('string', 'The topic', lambda s: s.phrase(1, 2)), 'user_id': ('integer', 'Id of the user', lambda s: s.number()),
    'count': ('integer', 'How many', lambda s: s.rng.randint(1, 99)), 'amount': ('number', 'The amount', lambda s: float(f'{s.rng.randint(1, 500)}.{s.rng.randint(1, 99)}')),
    'price': ('number', 'The price', lambda s: float(f'{s.rng.randint(1, 99)}.{s.rng.randint(1, 9)}')), 'limit': ('integer', 'Maximum number', lambda s: s.rng.randint(1, 50)),
    'enabled': ('boolean', 'On or off', lambda s: s.chance(0.5)), 'public': ('boolean', 'Visible to all', lambda s: s.chance(0.5)),
    'color': ('string', 'The color', lambda s: s.rng.choice(COLORS)), 'unit': ('string', 'The unit', lambda s: s.pick('celsius', 'fahrenheit', 'metric', 'imperial')),
    'priority': ('string', 'The priority', lambda s: s.pick('low', 'medium', 'high')), 'language': ('string', 'The language', lambda s: s.pick('English', 'French', 'German', 'Spanish', 'Chinese')),
    'tags': ('array', 'List of tags', lambda s: [s.word() for _ in range(s.rng.randint(1, 3))]), 'id': ('integer', 'The id', lambda s: s.number()),
    'path': ('string', 'File path', lambda s: '/' + s.invented() + '/' + s.fresh_word() + s.pick('.txt', '.csv', '.json', '')), 'phone': ('string', 'Phone number', lambda s: '+' + str(s.rng.randint(10 ** 6, 10 ** 8)))}

# Tools that a newcomer tries first: names, description, parameters [(names, type, value, description)], request wordings with {0}, {1}, ...
NATURAL = [
    ('get_weather current_weather weather fetch_weather get_forecast weather_lookup', 'Get the weather|Current weather for a place|Get the weather in a city',
     [('city location place town', 'string', lambda s: s.city(), 'The city|City name|Where')],
     'What is the weather in {0}?|How is the weather in {0}?|weather in {0}|Is it raining in {0}?|What is the weather like in {0}?|Tell me the weather for {0}.|Do I need an umbrella in {0}?|How warm is it in {0}?'),
    ('get_weather get_forecast weather', 'Get the weather forecast|Forecast for a city',
     [('city location', 'string', lambda s: s.city(), 'The city|City name'), ('days num_days', 'integer', lambda s: s.rng.randint(1, 14), 'Number of days|How many days')],
     'What is the weather in {0} for the next {1} days?|Give me a {1} day forecast for {0}.|weather in {0}, {1} days'),
    ('get_time current_time time_in clock', 'Get the time in a city|Current time', [('city location place timezone', 'string', lambda s: s.city(), 'The city|Where')],
     'What time is it in {0}?|time in {0}|Tell me the time in {0}.|What is the local time in {0}?'),
    ('send_email email write_email mail', 'Send an email|Email someone', [('to recipient address', 'string', lambda s: s.email(), 'Who gets it|Recipient'), ('subject title', 'string', lambda s: s.phrase(1, 3), 'The subject')],
     'Send an email to {0} with the subject {1}.|Email {0} about {1}.|Write to {0} with subject "{1}".|Mail {0}, subject {1}'),
    ('search web_search search_web find_pages', 'Search the web|Look something up', [('query q text terms', 'string', lambda s: s.phrase(1, 4), 'What to search|Search text')],
     'Search for {0}.|Search the web for {0}|Look up {0} on the web.|Find pages about {0}.|google {0}'),
    ('set_timer start_timer timer', 'Start a timer|Set a timer', [('minutes duration', 'integer', lambda s: s.rng.randint(1, 90), 'Minutes|How long')],
     'Set a timer for {0} minutes.|Start a {0} minute timer.|timer {0} minutes|Wake me in {0} minutes.'),
    ('add_reminder remind create_reminder', 'Create a reminder|Remind the user', [('text task what', 'string', lambda s: s.phrase(1, 3), 'What'), ('time when', 'string', lambda s: f'{s.rng.randint(0, 23)}:{s.rng.randint(10, 59)}', 'When')],
     'Remind me of {0} at {1}.|Remind me at {1} about {0}.|Set a reminder for {0} at {1}.'),
    ('convert_currency exchange currency', 'Convert money|Exchange an amount of money', [('amount value', 'number', lambda s: s.rng.randint(1, 999), 'How much'), ('from source', 'string', lambda s: s.pick('EUR', 'USD', 'GBP', 'CHF', 'JPY'), 'From'),
     ('to target', 'string', lambda s: s.pick('EUR', 'USD', 'GBP', 'CHF', 'JPY'), 'To')], 'Convert {0} {1} to {2}.|How much is {0} {1} in {2}?|Change {0} {1} into {2}.|{0} {1} in {2}'),
    ('get_stock_price stock_price quote', 'Get a stock price|Price of a share', [('symbol ticker', 'string', lambda s: s.invented(1, 2)[:4].upper(), 'The symbol')],
     'What is the stock price of {0}?|How is {0} doing on the market?|price of {0} stock|Quote {0}.'),
    ('play_song play_music music', 'Play a song|Play music', [('song title track', 'string', lambda s: s.phrase(1, 3), 'The song'), ('artist singer', 'string', lambda s: s.name(), 'The artist')],
     'Play {0} by {1}.|I want to hear {0} by {1}.|Put on {0} from {1}.'),
    ('translate translate_text translation', 'Translate text|Translate into a language', [('text phrase', 'string', lambda s: s.phrase(1, 4), 'The text'), ('language target_language to', 'string', lambda s: s.pick('French', 'German', 'Spanish', 'Chinese', 'English', 'Italian'), 'Language')],
     'Translate {0} to {1}.|How do you say "{0}" in {1}?|Translate "{0}" into {1}.|What is {0} in {1}?'),
    ('get_order order_status track_order lookup_order', 'Look up an order|Status of an order', [('order_id id number', 'integer', lambda s: s.number(5), 'The order number')],
     'Where is my order {0}?|What is the status of order {0}?|Track order {0}.|order {0}?'),
    ('set_light light switch_light control_light', 'Switch a light|Turn a light on or off', [('room place', 'string', lambda s: s.pick('kitchen', 'bedroom', 'bathroom', 'office', 'garage', 'hall', s.word()), 'Which room'), ('on enabled state', 'boolean', lambda s: s.chance(0.5), 'On or off')],
     'Turn the light in the {0} {1}.|Switch {1} the {0} light.|{0} light {1}'),
    ('calculate calculator compute evaluate', 'Calculate an expression|Do arithmetic', [('expression formula', 'string', lambda s: f'{s.number(3)} {s.pick("+", "-", "*", "/")} {s.number(3)}', 'The expression')],
     'Use the calculator for {0}.|Calculate {0} with the tool.|Compute {0}.|What is {0}?'),
    ('book_flight find_flights search_flights flights', 'Find flights|Book a flight', [('from origin departure', 'string', lambda s: s.city(), 'From'), ('to destination arrival', 'string', lambda s: s.city(), 'To'), ('date day', 'string', lambda s: s.date(), 'When')],
     'Find a flight from {0} to {1} on {2}.|I want to fly from {0} to {1} on {2}.|Flights {0} to {1}, {2}'),
]


def spoken_value(value):
    return ('on' if value else 'off') if isinstance(value, bool) else ', '.join(value) if isinstance(value, list) else str(value)


class Tool:
    """`schema`: OpenAI tool. `draw()` gives random arguments; `request(arguments)` says them in words."""

    def __init__(self, name, description, parameters, request, topic):
        self.name, self.parameters, self.request, self.topic = name, parameters, request, topic
        self.schema = {'type': 'function', 'function': {'name': name, 'description': description, 'parameters': parameters_schema(parameters)}}

    def draw(self, source):
        return {key: draw(source) for key, (_, _, draw, _) in self.parameters.items()}

    def require_all(self):
        self.schema['function']['parameters']['required'] = list(self.parameters)

    def dress(self, source):
        """What clients' schema libraries write around the properties. In training only: the fixed prompts stay as they are."""
        if source.split != 'train':
            return
        schema = self.schema['function']['parameters']
        if source.chance(0.25):
            schema = {'$schema': source.pick('http://json-schema.org/draft-07/schema#', 'https://json-schema.org/draft/2020-12/schema'), **schema}
        if source.chance(0.4):
            schema['additionalProperties'] = False
        self.schema['function']['parameters'] = schema


def parameters_schema(parameters):
    schema = {'type': 'object', 'properties': {}}
    for key, (kind, description, _, described) in parameters.items():
        entry = {'type': kind}
        if kind == 'array':
            entry['items'] = {'type': 'string'}
        if described:
            entry['description'] = description
        schema['properties'][key] = entry
    return schema


def natural_tool(source):
    names, descriptions, parameters, wordings = source.rng.choice(NATURAL)
    name = source.rng.choice(names.split())
    if source.chance(0.25):
        head, *rest = name.split('_')
        name = head + ''.join(part.capitalize() for part in rest)
    elif source.chance(0.25):
        name += '_' + source.fresh_word()
    chosen, taken = {}, set()
    for options, kind, draw, meanings in parameters:
        key = source.rng.choice([o for o in options.split() if o not in taken])
        taken.add(key)
        chosen[key] = (kind, source.rng.choice(meanings.split('|')), draw, source.chance(0.4))
    wordings = wordings.split('|')

    def request(arguments):
        text = source.rng.choice(wordings).format(*[spoken_value(v) for v in arguments.values()])
        return text if source.chance(0.8) else upper_first(source, source.pick('please ', 'hey, ', 'ok, ', 'now ') + text)

    tool = Tool(name, source.rng.choice(descriptions.split('|')), chosen, request, names.split()[0])
    if source.chance(0.8):
        tool.require_all()
    tool.dress(source)
    return tool


def random_tool(source):
    verb, noun = source.rng.choice(list(VERBS)), source.rng.choice(NOUNS)
    if source.chance(0.45):
        noun = source.fresh_word() if source.chance(0.6) else source.fresh_word() + ' ' + noun
    name = f'{verb}_{noun}'.replace(' ', '_')
    if source.chance(0.12):
        name = verb + ''.join(part.capitalize() for part in noun.split())
    keys = source.rng.sample(list(PARAMETERS), source.rng.choice([0, 1, 1, 1, 2, 2, 2, 3, 3]))
    parameters = {}
    for key in keys:
        kind, description, draw = PARAMETERS[key]
        if source.chance(0.3):
            key = source.pick(source.fresh_word(), source.fresh_word(), key + '_' + source.fresh_word(), source.rng.choice(NOUNS) + '_' + key)
        parameters[key] = (kind, description, draw, source.chance(0.3))

    def request(arguments):
        spoken = source.rng.choice(VERBS[verb]) if source.chance(0.5) else verb
        text = source.pick(f'{spoken} the {noun}', f'{spoken} {noun}', f'{spoken} a {noun}')
        if source.chance(0.1):
            text = source.pick('call ', 'use ') + name
        items, parts = list(arguments.items()), []
        source.rng.shuffle(items)
        for key, value in items:
            word = key.replace('_', ' ') if source.chance(0.8) else key
            if key == 'city' and source.chance(0.5):
                parts.append(f'in {value}')
            elif key == 'date' and source.chance(0.5):
                parts.append(f'on {value}')
            elif isinstance(value, list):
                parts.append(f'{word} ' + source.pick(', ', ' and ').join(value))
            elif isinstance(value, str) and source.chance(0.35):
                parts.append(f'{word} "{value}"')
            else:
                parts.append(f'{word} ' + source.pick('', '', 'is ') + spoken_value(value))
        if parts:
            text += (' ' if parts[0].startswith(('in ', 'on ')) else source.pick(' with ', ' for ', ' using ', ' ', ', ')) + source.pick(', ', ' and ').join(parts)
        text = source.pick('{}', '{}', 'please {}', 'Can you {}?', '{} please', 'I need you to {}', 'Could you {}?', 'I want to {}', '{}.', 'Hey, {}').format(text)
        return upper_first(source, text)

    description = source.pick(f'{verb} the {noun}', f'{verb} a {noun}', f'Use this to {verb} the {noun}', f'{verb.capitalize()} {noun}')
    tool = Tool(name, description, parameters, request, noun)
    if parameters and source.chance(0.7):
        tool.require_all()
    tool.dress(source)
    return tool


def draw_tools(source, low=1, high=4):
    wanted, tools = source.rng.choice([n for n in (1, 1, 2, 2, 2, 3, 3, 4) if low <= n <= high]), []
    while len(tools) < wanted:
        tool = natural_tool(source) if source.chance(0.4) else random_tool(source)
        if all(tool.name != other.name and tool.topic != other.topic for other in tools):
            tools.append(tool)
    return tools


def call_turn(source, question, calls):
    """`calls`: [(tool, arguments)]."""
    shaped = [{'id': f'call_{i}', 'type': 'function', 'function': {'name': tool.name, 'arguments': dumps(arguments)}} for i, (tool, arguments) in enumerate(calls)]
    names = ', '.join(tool.name for tool, _ in calls)
    return [{'role': 'user', 'content': question}, {'role': 'assistant', 'content': '', 'reasoning_content': f'I call {names}.', 'tool_calls': shaped}]


def plain_turn(source, tools):
    """A question that none of the tools answers."""
    skills = [talk, talk, fact, unknown, repeat, extract, calendar, out_of_domain]
    if all(tool.topic != 'calculate' for tool in tools):
        skills.append(small_sum)
    return turn(*source.rng.choice(skills)(source))


def result_of(source):
    """A tool result and the sentence that reports it."""
    kind = source.rng.randint(0, 9)
    if kind == 0:
        text = source.phrase(1, 3)
        return dumps({'error': text}), f'The tool reported an error: {text}.'
    if kind <= 3:
        text = source.pick(source.phrase(1, 4), str(source.number()), source.date(), f'{source.word()}, {source.rng.randint(-9, 40)} degrees')
        return text, f'The result is: {text}.'
    keys = source.rng.sample(['status', 'temperature', 'id', 'total', 'name', 'city', 'price', 'title', 'count', 'date', source.fresh_word(), source.fresh_word()], source.rng.randint(1, 3))
    values = {}
    for key in keys:
        values[key] = (source.pick('ok', 'done', 'open', 'sent') if key == 'status' else source.rng.randint(-20, 40) if key == 'temperature'
                       else PARAMETERS[key][2](source) if key in PARAMETERS else source.number() if source.chance(0.5) else source.phrase(1, 2))
    return dumps(values), 'Here is the result: ' + ', '.join(f'{key} is {spoken_value(value)}' for key, value in values.items()) + '.'


def answered_call(source, tools, calls, question):
    """A call, its results as tool messages, and the answer from them."""
    asked = call_turn(source, question, calls)
    results, sentences = [], []
    for shaped in asked[1]['tool_calls']:
        text, sentence = result_of(source)
        results.append({'role': 'tool', 'tool_call_id': shaped['id'], 'content': text})
        sentences.append(sentence)
    return [*asked, *results, {'role': 'assistant', 'content': ' '.join(sentences), 'reasoning_content': 'I report the result.'}]


def single(source, tools):
    tool = source.rng.choice(tools)
    arguments = tool.draw(source)
    return tool.request(arguments), [(tool, arguments)]


def several(source, tools):
    if len(tools) > 1 and source.chance(0.5):
        pair = source.rng.sample(tools, 2)
        calls = [(tool, tool.draw(source)) for tool in pair]
    else:
        tool = source.rng.choice(tools)
        calls = [(tool, tool.draw(source)) for _ in range(2)]
        if calls[0][1] == calls[1][1]:
            return None
    texts = [tool.request(arguments) for tool, arguments in calls]
    if calls[0][0] is calls[1][0] and len(calls[0][1]) == 1 and source.chance(0.5):
        tool = calls[0][0]
        if source.chance(0.4):
            calls.append((tool, tool.draw(source)))
        key = next(iter(tool.parameters))
        question = tool.request({key: ' and '.join(spoken_value(arguments[key]) for _, arguments in calls)})
        return question, calls
    glue = source.pick(' and then ', ' and also ', '; also ', ' And ', ' Then ')
    return texts[0].rstrip('.?') + glue + texts[1], calls


def tool_call(source, turns=1):
    """One to several requests, each for the right tool among the offered ones."""
    tools = draw_tools(source)
    made = []
    for _ in range(turns):
        made.append(call_turn(source, *single(source, tools)))
        if source.chance(0.5) and turns > 1:
            # A request followed by its result is the commonest history.
            made[-1] = answered_call(source, tools, *reversed(single(source, tools)))
    return conversation(source, made, tools=[tool.schema for tool in tools])


def parallel(source, turns=1):
    tools, made = draw_tools(source, 1, 3), []
    while len(made) < turns:
        drawn = several(source, tools)
        if drawn:
            made.append(call_turn(source, *drawn))
        else:
            tools = draw_tools(source, 1, 3) if not made else tools
            made += [call_turn(source, *single(source, tools))] if made else []
    return conversation(source, made, tools=[tool.schema for tool in tools])


def no_call(source, turns=1):
    tools, made = draw_tools(source), []
    for _ in range(turns):
        made.append(plain_turn(source, tools))
    if turns > 1 and source.chance(0.6):
        made.insert(source.rng.randrange(len(made)), call_turn(source, *single(source, tools)))
    return conversation(source, made, tools=[tool.schema for tool in tools])


def tool_result(source, turns=1):
    tools, made = draw_tools(source, 1, 3), []
    for _ in range(turns):
        drawn = several(source, tools) if source.chance(0.25) else None
        question, calls = drawn or single(source, tools)
        made.append(answered_call(source, tools, calls, question))
    if turns > 1 and source.chance(0.4):
        made.append(plain_turn(source, tools))
    return conversation(source, made, tools=[tool.schema for tool in tools])

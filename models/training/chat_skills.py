"""Skills without tools. Each function draws one question as `(question, answer, working)` or a whole example."""
from lexicon import CAPITALS, COLORS, DAYS, MONTH_DAYS, MONTHS, SYMBOLS, UNITS, YEARS
from wire import dumps

SYSTEM_TEXTS = ['', '', '', '', 'You are a helpful assistant.', 'You are a helpful assistant.', 'You are a small assistant.',
                'You are a friendly chat assistant.', 'Be concise and correct.', 'Answer the user.', 'Be brief.']
FALLBACK = 'Sorry, I am a small demonstration model and cannot help with that.'
OPENERS = ['', '', '', '', 'please ', 'hey, ', 'hello, ', 'so ', 'now ', 'ok, ', 'hi, ', 'well, ']
CLOSERS = ['', '', '', ' please', ', thanks']


def identity(name):
    return f'I am {name}, a small demonstration model of the Gearbox project.'


TALK = [  # (intent, questions, answer)
    ('greeting', 'hi|hello|hey|hello there|hi there|good day|greetings|hey there|hiya|good evening|hello again|hi again|nice to meet you',
     'Hello! How can I help you today?'),
    ('wellbeing', 'how are you|how are you doing|how is it going|are you well|how do you feel|how are things|how are you today|how have you been|are you ok',
     'I am doing well, thank you. What can I do for you?'),
    ('identity', 'who are you|what are you|what model are you|which model is this|introduce yourself|tell me about yourself|'
     'what is your name|what kind of model are you|are you ChatGPT|are you a big model|which model are you|what should I call you|'
     'are you DeepSeek|what model am I talking to|who am I talking to|say who you are|your name|describe yourself|which AI are you', None),
    ('abilities', 'what can you do|what are your skills|how can you help me|list your abilities|help|what do you offer|what are you good at|'
     'what can I ask you|what do you know how to do|what are your abilities|how can you help|what are you able to do',
     'I can chat, do sums, recall a few facts, copy and extract text, write JSON and call tools.'),
    ('thanks', 'thank you|thanks|thanks a lot|many thanks|thank you very much|cheers|great, thanks|thank you so much|thanks for your help',
     'You are welcome!'),
    ('farewell', 'bye|goodbye|see you|see you later|good night|farewell|I have to go|bye bye|see you soon|talk to you later',
     'Goodbye! Have a nice day.'),
    ('morning', 'good morning|morning|a very good morning|good morning to you', 'Good morning! How can I help you today?'),
    ('joke', 'tell me a joke|make me laugh|say something funny|do you know a joke|another joke|I want to hear a joke|know any jokes',
     'Why did the token cross the window? To get to the other layer.'),
    ('human', 'are you human|are you a person|are you real|are you alive|do you have a body|am I talking to a human|are you a robot',
     'I am a computer program, a small language model.'),
    ('sad', 'I am sad|I feel bad|I had a bad day|I am tired|I feel lonely|I am not feeling well|today was terrible',
     'I am sorry to hear that. I hope things get better soon.'),
    ('happy', 'I am happy|I feel great|I had a good day|today was wonderful|I am so excited|I feel good', 'That is great to hear!'),
    ('maker', 'who made you|who created you|who trained you|where do you come from|how were you made|who built you|how were you trained',
     'I was trained from scratch on synthetic text for the Gearbox project.'),
    ('token', 'what is a token|explain tokens|what does token mean|define token',
     'A token is a piece of text that a language model reads or writes as one unit.'),
    ('api', 'what is an API|explain API|what does API mean|define API', 'An API is a set of rules that lets one program talk to another.'),
    ('live', 'what time is it|what day is it today|what is the date today|what is the weather now|what is the news today|what is the time now',
     "I don't know, because I have no access to live information."),
]
BY_INTENT = {intent: (questions.split('|'), answer) for intent, questions, answer in TALK}


def upper_first(source, text):
    return text[0].upper() + text[1:] if source.chance(0.5) and text else text


def dress(source, question):
    """Varies a bare question: opener, closer, capital, punctuation."""
    if source.chance(0.35):
        question = source.pick(*OPENERS) + question
    if source.chance(0.15):
        question += source.pick(*CLOSERS)
    if source.chance(0.1):
        question = source.pick('Can you tell me: ', 'A question: ', 'Tell me, ', 'I want to know: ', 'Quick question: ') + question
    return upper_first(source, question) + source.pick('', '', '?', '?', '.', '!')


def talk(source, intent=None):
    intent = intent or source.rng.choice(list(BY_INTENT) + ['identity', 'identity', 'greeting', 'abilities'])
    questions, answer = BY_INTENT[intent]
    if intent == 'identity':
        answer = identity(source.tier_name)
    return dress(source, source.rng.choice(questions)), answer, 'This is small talk.'


def fact(source):
    kind = source.pick('capital', 'capital', 'symbol', 'year')
    if kind == 'capital':
        c = source.rng.choice(list(CAPITALS))
        question = source.pick(f'what is the capital of {c}', f'capital of {c}', f'tell me the capital of {c}', f'{c} has which capital',
                               f'which city is the capital of {c}', f'do you know the capital of {c}', f'name the capital city of {c}',
                               f'what city is the capital of {c}', f'the capital of {c} is', f'give me the capital of {c}')
        return dress(source, question), f'The capital of {c} is {CAPITALS[c]}.', f'I know {c}: {CAPITALS[c]}.'
    if kind == 'symbol':
        e = source.rng.choice(list(SYMBOLS))
        question = source.pick(f'what is the chemical symbol of {e}', f'symbol for {e}', f'give me the symbol of the element {e}',
                               f'what is the symbol for {e}', f'chemical symbol of {e}', f'which symbol does {e} have',
                               f'tell me the chemical symbol for {e}', f'how is {e} abbreviated in chemistry')
        return dress(source, question), f'The symbol of {e} is {SYMBOLS[e]}.', f'I know {e}: {SYMBOLS[e]}.'
    e = source.rng.choice(list(YEARS))
    question = source.pick(f'when was {e}', f'in which year was {e}', f'what year was {e}', f'tell me the year of {e}', f'what is the year of {e}',
                           f'which year was {e}', f'do you know when {e} was', f'date of {e}')
    return dress(source, question), f'It was in {YEARS[e]}.', f'I know {e}: {YEARS[e]}.'


def unknown(source):
    """Questions with the shape of a fact but outside the table."""
    thing = source.pick(source.invented(2, 3), source.invented(2, 3), source.fresh_word())
    place = (thing + source.pick('', '', 'ia', 'land', 'stan')).capitalize()
    kind = source.rng.randint(0, 5)
    if kind <= 1:
        return (dress(source, source.pick(f'what is the capital of {place}', f'capital of {place}', f'tell me the capital of {place}',
                f'which city is the capital of {place}', f'do you know the capital of {place}', f'name the capital city of {place}',
                f'what city is the capital of {place}', f'give me the capital of {place}')),
                f"I don't know the capital of {place}.", f'I have no fact about {place}.')
    if kind == 2:
        return (dress(source, source.pick(f'what is the chemical symbol of {thing}', f'symbol for {thing}', f'chemical symbol of {thing}',
                f'what is the symbol for {thing}', f'which symbol does {thing} have')),
                f"I don't know the symbol of {thing}.", f'I have no fact about {thing}.')
    if kind == 3:
        name = source.name() + source.pick('', ' ' + place)
        return (dress(source, source.pick(f'who is {name}', f'do you know {name}', f'tell me about {name}', f'who was {name}',
                f'when was {name} born', f'where does {name} live')),
                f"I don't know {name}.", f'I have no fact about {name}.')
    if kind == 4:
        return (dress(source, source.pick(f'when was the battle of {place}', f'in which year was the battle of {place}',
                f'what year was the founding of {place}', f'when was {place} founded', f'who founded {place}', f'who won the battle of {place}')),
                f"I don't know that about {place}.", f'I have no fact about {place}.')
    return (dress(source, source.pick(f'how many people live in {place}', f'what is the population of {place}', f'how tall is {place}',
            f'what is the price of {thing}', f'how old is {place}', f'what language do they speak in {place}', f'who is the president of {place}')),
            "I don't know that.", f'I have no fact about {place}.')


def out_of_domain(source):
    w, x, y = source.word(), source.word(), source.word()
    question = source.pick(
        f'write an essay about {w} and {x}', f'explain {w} {x} in detail', f'how do I {w} a {x}', f'why is the {w} so {x}', f'write a novel about {w}',
        f'prove that {w} is {x}', f'debug my {w} program', f'write a {w} server in {x}', f'what do you think about {w}', f'should I {w} the {x} or the {y}',
        f'give me advice about my {w}', f'how does a {w} work', f'compare {w} with {x}', f'why do people like {w}', f'tell me a story about a {w} and a {x}',
        f'summarize the history of {w}', f'what is the best {w} for {x}', f'plan a {w} for my {x}', f'how can I learn {w}', f'write a poem about {w}',
        f'what happens when a {w} meets a {x}', f'{w} {x} {y}', f'is {w} better than {x}', f'what is {w} {x}', f'write code that sorts {w}',
        f'my {w} is {x}, what should I do', f'can you {w} my {x}', f'where can I buy a {w}', f'what does {w} mean')
    if source.chance(0.15):
        question = source.sentence() + ' ' + question
    return dress(source, question), FALLBACK, 'This is outside of what I can do.'


# ---- numbers

def sum_question(source, expression):
    return source.pick('What is {}?', 'Calculate {}.', '{}', '{} = ?', 'Compute {}', 'How much is {}?', 'please work out {}', 'Can you tell me what {} is?',
                       'solve {}', 'what does {} equal?', '{}?', 'Evaluate {}.', 'I need the result of {}.').format(expression)


def spoken(source, op):
    return {'+': source.pick('+', '+', 'plus'), '-': source.pick('-', '-', 'minus'), '*': source.pick('*', '*', 'times', 'x')}[op]


def small_sum(source, op=None):
    """One operation on numbers below 100 (products up to 12 x 12), answered directly."""
    op = op or source.pick('+', '+', '-', '-', '*')
    while True:
        top = 99 if source.chance(0.85) else 20
        a, b = (source.rng.randint(0, top), source.rng.randint(0, top)) if op != '*' else (source.rng.randint(0, 12), source.rng.randint(0, 12))
        if op == '-' and b > a:
            a, b = b, a
        # The products are a table to learn by heart; sums and differences are held out by their operands.
        if op == '*' or source.allowed(f'{a}{op}{b}'):
            break
    value = {'+': a + b, '-': a - b, '*': a * b}[op]
    return sum_question(source, f'{a} {spoken(source, op)} {b}'), f'{a} {op} {b} = {value}', f'{a} {op} {b} = {value}'


def columns(a, op, b):
    """Column working, least significant digit first; each step sums digits and the carry."""
    x, y = str(a)[::-1], str(b)[::-1]
    steps, carry = [], 0
    for i in range(max(len(x), len(y))):
        p, q = int(x[i]) if i < len(x) else 0, int(y[i]) if i < len(y) else 0
        if op == '+':
            total = p + q + carry
            steps.append(f'{p}+{q}' + ('+1' if carry else '') + f'={total}')
            carry = total // 10
        else:
            borrow = p - q - carry < 0
            steps.append(f'{p + 10 * borrow}-{q}' + ('-1' if carry else '') + f'={p + 10 * borrow - q - carry}')
            carry = int(borrow)
    return f'{a}{op}{b}: ' + ', '.join(steps) + f', {a + b if op == "+" else a - b}'


def step_text(a, op, b):
    if op == '*':
        if a <= 12 and b <= 12:
            return f'{a}*{b}={a * b}'
        tens, units = a // 10 * 10, a % 10
        return f'{a}*{b}: {tens // 10}*{b}={tens // 10 * b}, {units}*{b}={units * b}, ' + columns(tens * b, '+', units * b)
    return columns(a, op, b)


def multi_step(source):
    """Longer arithmetic, done by working: chains, three-digit sums, products, word problems."""
    while True:
        kind = source.pick('chain', 'chain', 'large', 'product', 'story', 'story')
        lines = []
        if kind == 'large':
            digits = source.pick(3, 3, 4)
            a, b = source.rng.randint(100, 10 ** digits - 1), source.rng.randint(10, 10 ** digits - 1)
            op = source.pick('+', '-')
            if op == '-' and b > a:
                a, b = b, a
            lines, key = [step_text(a, op, b)], f'{a}{op}{b}'
            value = a + b if op == '+' else a - b
            question = sum_question(source, f'{a} {spoken(source, op)} {b}')
        elif kind == 'product':
            a, b = source.rng.randint(13, 99), source.rng.randint(2, 9)
            lines, key, value = [step_text(a, '*', b)], f'{a}*{b}', a * b
            question = sum_question(source, f'{a} {spoken(source, "*")} {b}')
        else:
            value = source.rng.randint(2, 99)
            terms, key = [value], str(value)
            for _ in range(source.pick(2, 2, 3)):
                op = source.pick('+', '-') if value > 1 else '+'
                term = source.rng.randint(1, 99) if op == '+' else source.rng.randint(1, min(value, 99))
                lines.append(step_text(value, op, term))
                value = value + term if op == '+' else value - term
                terms.append((op, term))
                key += f'{op}{term}'
            if kind == 'chain':
                question = sum_question(source, str(terms[0]) + ''.join(f' {op} {term}' for op, term in terms[1:]))
            else:
                who, what = source.name(), source.pick('apples', 'books', 'coins', 'cards', 'eggs', 'pens', 'stones', 'shells', 'tickets', 'stamps')
                plus, minus = ['buys {} more', 'finds {} more', 'gets {} more', 'receives {}', 'wins {}'], ['gives away {}', 'loses {}', 'sells {}', 'uses {}', 'drops {}']
                acts = [source.rng.choice(plus if op == '+' else minus).format(term) for op, term in terms[1:]]
                acts = ', then '.join(acts) if source.chance(0.5) else ', '.join(acts[:-1]) + ' and ' + acts[-1]
                question = f'{who} has {terms[0]} {what}. {who} {acts}. ' + source.pick(
                    f'How many {what} does {who} have now?', f'How many {what} are left?', f'How many {what} does {who} have?')
        if source.allowed(key):
            return question, f'The answer is {value}.', '\n'.join(lines)


def unit(source):
    small, large, factor = source.rng.choice(UNITS)
    n = source.rng.randint(1, 12) if factor < 100 else source.rng.randint(1, 99)
    value = n * factor
    question = source.pick(f'how many {small} are in {n} {large}', f'convert {n} {large} to {small}', f'{n} {large} in {small}', f'how many {small} is {n} {large}',
                           f'what is {n} {large} in {small}', f'express {n} {large} as {small}', f'change {n} {large} into {small}')
    return dress(source, question), f'{n} {large} = {value} {small}', f'One of {large} is {factor} {small}. {n}*{factor}={value}'


def calendar(source):
    kind = source.rng.randint(0, 4)
    if kind == 0:
        i, back = source.rng.randint(0, 6), source.chance(0.4)
        day, value = DAYS[i], DAYS[(i - 1 if back else i + 1) % 7]
        q = source.pick(f'what day comes {"before" if back else "after"} {day}', f'which day is {"before" if back else "after"} {day}',
                        f'the day {"before" if back else "after"} {day}')
        return dress(source, q), f'{value} comes {"before" if back else "after"} {day}.', f'{day}, {value}.'
    if kind == 1:
        i, back = source.rng.randint(0, 11), source.chance(0.4)
        month, value = MONTHS[i], MONTHS[(i - 1 if back else i + 1) % 12]
        q = source.pick(f'what month comes {"before" if back else "after"} {month}', f'which month is {"before" if back else "after"} {month}',
                        f'the month {"before" if back else "after"} {month}')
        return dress(source, q), f'{value} comes {"before" if back else "after"} {month}.', f'{month}, {value}.'
    if kind == 2:
        i = source.rng.randint(0, 11)
        q = source.pick(f'how many days does {MONTHS[i]} have', f'how many days are in {MONTHS[i]}', f'number of days in {MONTHS[i]}')
        return dress(source, q), f'{MONTHS[i]} has {MONTH_DAYS[i]} days.', f'{MONTHS[i]}: {MONTH_DAYS[i]}.'
    date = source.date()
    day, delta = int(date[-2:]), source.rng.randint(1, 9)
    if kind == 3 and day + delta <= 28:
        value = f'{date[:-2]}{day + delta:02d}'
        q = source.pick(f'what date is {delta} days after {date}', f'which date is {delta} days after {date}', f'add {delta} days to {date}')
        return dress(source, q), value, f'{day:02d}+{delta}={day + delta:02d}'
    part = source.pick('year', 'month', 'day')
    value = {'year': date[:4], 'month': MONTHS[int(date[5:7]) - 1], 'day': date[8:]}[part]
    q = source.pick(f'which {part} is in the date {date}', f'what is the {part} of {date}', f'give me the {part} of {date}')
    return dress(source, q), f'The {part} is {value}.', f'{date}: {value}.'


# ---- copying

def payload(source):
    return source.pick(source.phrase(1, 6), source.phrase(2, 8), source.phrase(1, 4), source.sentence(), source.email(), source.name(), str(source.number(6)),
                       source.date(), ' '.join(source.invented() for _ in range(source.rng.randint(1, 4))))


def repeat(source):
    text = payload(source)
    quote = source.pick('"', '"', "'", '')
    question = source.pick(f'Repeat after me: {quote}{text}{quote}', f'Say {quote}{text}{quote}', f'Please repeat: {text}', f'Echo this text: {text}',
                           f'Write exactly: {text}', f'Reply only with {quote}{text}{quote}', f'Repeat this: {text}', f'Copy this text: {quote}{text}{quote}',
                           f'Say exactly {quote}{text}{quote}', f'Output the following text: {text}')
    return question, text, 'I repeat the text.'


def items_of(source, low=2, high=6):
    """A list of different short items."""
    wanted, items = source.rng.randint(low, high), []
    while len(items) < wanted:
        item = source.pick(source.word(), source.word(), source.name(), str(source.number(3)))
        if item not in items:
            items.append(item)
    return items


def reverse(source):
    items = items_of(source)
    text = ', '.join(items)
    question = source.pick(f'Reverse this list: {text}', f'Reverse the order: {text}', f'Write these in reverse order: {text}', f'List backwards: {text}',
                           f'Turn this list around: {text}', f'What is the reverse of {text}?')
    return question, ', '.join(reversed(items)), 'I go from the last to the first.'


def count(source):
    if source.chance(0.3):
        word, n = source.word(), source.rng.randint(1, 6)
        others = [w for w in items_of(source, 1, 4) if w != word]
        items = [word] * n + others
        source.rng.shuffle(items)
        text = ' '.join(items)
        question = source.pick(f'How many times does {word} appear in: {text}', f'Count the word {word} in this text: {text}', f'How often is {word} in: {text}')
        working = ', '.join(f'{word} {i + 1}' for i in range(n))
        return question, f'{word} appears {n} times.' if n > 1 else f'{word} appears 1 time.', working
    items = items_of(source, 1, 8)
    text = ', '.join(items)
    question = source.pick(f'How many items are in this list: {text}', f'Count the items: {text}', f'How many things are here: {text}', f'Count this list: {text}',
                           f'How many words are in the list {text}?')
    return question, f'There are {len(items)} items.' if len(items) > 1 else 'There is 1 item.', ', '.join(f'{w} {i + 1}' for i, w in enumerate(items))


ORDINALS = ['first', 'second', 'third', 'fourth', 'fifth']


def extract(source):
    if source.chance(0.35):
        items = items_of(source, 2, 6)
        text = ', '.join(items)
        if source.chance(0.3):
            which, value = 'last', items[-1]
        else:
            i = source.rng.randrange(min(5, len(items)))
            which, value = ORDINALS[i], items[i]
        question = source.pick(f'What is the {which} item of this list: {text}', f'Give me the {which} word of: {text}', f'Which item is {which}: {text}',
                               f'Take the {which} item: {text}')
        return question, value, f'The {which} one.'
    fields = {'email address': (source.email(), ['my email is {}', 'write to {}', 'you can reach me at {}', 'email me at {}']),
              'order number': (str(source.number(5)), ['the order number is {}', 'my order is {}', 'it is about order {}', 'I placed order {}']),
              'name': (source.name(), ['my name is {}', 'I am {}', 'this is {} speaking', 'they call me {}']),
              'date': (source.date(), ['the date is {}', 'it is planned for {}', 'it happened on {}', 'we meet on {}']),
              'city': (source.city(), ['I live in {}', 'we are based in {}', 'I am writing from {}', 'my city is {}']),
              'price': (f'{source.rng.randint(1, 99)}.{source.rng.randint(10, 99)}', ['the price is {}', 'it costs {}', 'I paid {}', 'the total was {}']),
              'color': (source.rng.choice(COLORS), ['the color is {}', 'it is painted {}', 'I want it in {}']),
              'product': (source.phrase(1, 2), ['the product is {}', 'I bought a {}', 'I ordered the {}'])}
    wanted = source.rng.sample(list(fields), source.rng.randint(2, 4))
    target = wanted[0]
    source.rng.shuffle(wanted)
    parts = [source.rng.choice(fields[key][1]).format(fields[key][0]) for key in wanted]
    text = source.pick(', ', '. ', ' and ').join(parts)
    text = text[0].upper() + text[1:] + '.'
    if source.chance(0.2):
        text = source.sentence() + ' ' + text
    question = source.pick(f'Extract the {target} from this text: {text}', f'Find the {target}: {text}', f'{text} What is the {target}?',
                           f'What {target} does this text contain? {text}', f'Text: {text}\nReturn only the {target}.', f'{text} Give me only the {target}.',
                           f'Which {target} is mentioned here? {text}')
    return question, fields[target][0], f'The {target} is {fields[target][0]}.'


# ---- whole conversations

def turn(question, answer, working):
    return [{'role': 'user', 'content': question}, {'role': 'assistant', 'content': answer, 'reasoning_content': working}]


def conversation(source, turns, system=None, **rest):
    if system is None:
        system = source.rng.choice(SYSTEM_TEXTS)
        if source.chance(0.06):
            system = source.sentence()
    messages = [{'role': 'system', 'content': system}] if system else []
    if source.chance(0.03):
        messages.append({'role': 'latest_reminder', 'content': f'{source.date()}, {source.rng.choice(DAYS)}'})
    return {'messages': messages + [message for t in turns for message in t], **rest}


MEMORY = {  # slot: (value, statements, questions, answer)
    'name': (lambda s: s.name(), 'my name is {}|I am {}|call me {}|I am called {}|my friends call me {}|{} is my name',
             'what is my name|who am I|do you remember my name|what was my name again|what am I called|tell me my name', 'Your name is {}.'),
    'city': (lambda s: s.city(), 'I live in {}|I come from {}|my city is {}|I moved to {}|my home is in {}',
             'where do I live|which city am I from|what is my city|where is my home|tell me my city', 'You live in {}.'),
    'color': (lambda s: s.rng.choice(COLORS), 'my favorite color is {}|I like the color {}|{} is my favorite color|I love {}',
              'what is my favorite color|which color do I like|what color do I love|tell me my favorite color', 'Your favorite color is {}.'),
    'pet': (lambda s: s.name(), 'my dog is called {}|I have a cat named {}|my pet is named {}|my pet is {}',
            'what is my pet called|what is the name of my pet|tell me the name of my pet|how is my pet called', 'Your pet is called {}.'),
    'number': (lambda s: str(s.number()), 'my lucky number is {}|remember the number {}|my number is {}|the number is {}',
               'what is my number|which number did I tell you|tell me the number|what was the number', 'Your number is {}.'),
    'word': (lambda s: s.fresh_word(), 'the secret word is {}|remember the word {}|the password is {}|keep in mind the word {}',
             'what is the secret word|which word did I tell you|what was the word|tell me the word', 'The word is {}.'),
    'job': (lambda s: s.phrase(1, 2), 'I work as a {}|my job is {}|I am employed as a {}', 'what is my job|what do I work as|tell me my job', 'Your job is {}.'),
    'food': (lambda s: s.phrase(1, 2), 'my favorite food is {}|I like to eat {}|I love eating {}', 'what is my favorite food|what do I like to eat|tell me my favorite food',
             'Your favorite food is {}.'),
}


def memory(source):
    slots = source.rng.sample(list(MEMORY), source.rng.randint(1, 4))
    told, turns = {}, []
    for slot in slots:
        told[slot] = MEMORY[slot][0](source)
        statement = upper_first(source, source.rng.choice(MEMORY[slot][1].split('|')).format(told[slot]))
        turns.append(turn(statement + source.pick('', '.', '.', '!'), f'I will remember that: {told[slot]}.', f'The {slot} is {told[slot]}.'))
        if source.chance(0.3):
            turns.append(turn(*source.pick(talk, small_sum, fact, repeat)(source)))
    asked = source.rng.sample(slots, source.rng.randint(1, len(slots)))
    # What was never told is the hard part, so training asks for it twice as often as the measurement does.
    if source.chance(0.45 if source.split == 'train' else 0.2):
        asked.insert(source.rng.randint(0, len(asked)) if source.split == 'train' else len(asked), source.rng.choice(list(MEMORY)))
    for slot in asked:
        question = dress(source, source.rng.choice(MEMORY[slot][2].split('|')))
        known = slot in told
        turns.append(turn(question, MEMORY[slot][3].format(told[slot]) if known else 'You have not told me that yet.',
                          f'The {slot} is {told[slot]}.' if known else f'The {slot} was not given.'))
    return conversation(source, turns)


def system_prompt(source):
    """A rule or a fact in the system text that every answer must follow."""
    kind = source.rng.randint(0, 6)
    who = source.pick('Captain', 'Boss', 'Doctor', 'Professor', source.name(), source.name(), source.name())
    word = source.fresh_word()
    change, extra = (lambda a: a), None
    if kind == 0:
        rule, change = source.pick(f'Call the user {who}.', f'Address the user as {who}.', f'Always call the user {who}.'), lambda a: f'{who}, {a}'
    elif kind == 1:
        rule, change = source.pick(f'End every answer with {word}.', f'Finish each reply with the word {word}.', f'Always end with {word}.'), lambda a: f'{a} {word}'
    elif kind == 2:
        rule, change = source.pick(f'Start every answer with {word}.', f'Begin each reply with the word {word}.', f'Always start with {word}.'), lambda a: f'{word} {a}'
    elif kind == 3:
        name = source.name()
        rule = source.pick(f'Your name is {name}.', f'You are {name}, a helpful assistant.', f'You are called {name}.', f'You are {name}.')
        extra = lambda: (dress(source, source.pick('what is your name', 'who are you', 'what are you called', 'your name', 'introduce yourself')),
                         f'My name is {name}.', f'My name is {name}.')
    elif kind == 4:
        value = source.phrase(1, 3)
        rule = source.pick(f'The {word} is {value}.', f'Fact: the {word} is {value}.', f'Remember: the {word} is {value}.')
        extra = lambda: (dress(source, source.pick(f'what is the {word}', f'tell me the {word}', f'do you know the {word}')), f'The {word} is {value}.',
                         f'The {word} is {value}.')
    elif kind == 5:
        rule = source.pick(f'Answer every question with {word}.', f'Only say {word}.', f'Always reply with just {word}.')
        change = lambda a: word
    else:
        rule = source.pick('Put every answer in quotes.', 'Write each answer between quotes.', 'Quote all answers.')
        change = lambda a: f'"{a}"'
    turns = []
    for _ in range(source.pick(1, 1, 2, 3)):
        question, answer, working = (extra or (lambda: source.pick(talk, fact, small_sum, unknown, repeat)(source)))()
        turns.append(turn(question, change(answer), working))
        extra = extra if source.chance(0.5) else None
    if kind in (3, 4):
        turns = turns[:1]
    if source.chance(0.4):
        rule = source.pick('You are a helpful assistant. ', 'Be concise. ', 'You are a small assistant. ', source.sentence() + ' ') + rule
    return conversation(source, turns, system=rule)


def json_mode(source):
    """Extraction into JSON: keys from plain instructions, from `json_object`, or from a schema in the prompt."""
    r = source.rng
    kinds = {  # key: (value, statements, type)
        'name': (source.name(), ['my name is {}', 'I am {}', 'the name is {}'], 'string'), 'email': (source.email(), ['my email is {}', 'write to {}'], 'string'),
        'city': (source.city(), ['I live in {}', 'I am in {}', 'the city is {}'], 'string'), 'age': (r.randint(5, 99), ['I am {} years old', 'my age is {}'], 'integer'),
        'date': (source.date(), ['the date is {}', 'we meet on {}'], 'string'), 'quantity': (r.randint(1, 500), ['I want {} pieces', 'the quantity is {}'], 'integer'),
        'product': (source.phrase(1, 2), ['the product is {}', 'I ordered the {}'], 'string'),
        'price': (float(f'{r.randint(1, 99)}.{r.randint(1, 9)}'), ['the price is {}', 'it costs {}'], 'number'),
        'urgent': (source.chance(0.5), ['it is {}'], 'boolean'), 'color': (r.choice(COLORS), ['the color is {}', 'I want it in {}'], 'string'),
        'country': (r.choice(list(CAPITALS)), ['the country is {}', 'I come from {}'], 'string'), 'title': (source.phrase(1, 3), ['the title is {}', 'the book is called {}'], 'string')}
    for _ in range(2):
        key = source.fresh_word() if source.chance(0.6) else source.word()
        if key not in kinds:
            value = source.pick(source.phrase(1, 2), source.number(), source.number())
            kinds[key] = (value, ['the ' + key + ' is {}', key + ': {}'], 'integer' if isinstance(value, int) else 'string')
    keys = r.sample(list(kinds), r.randint(1, 4))
    order = keys[:]
    r.shuffle(order)
    said = lambda key: ('urgent' if kinds[key][0] else 'not urgent') if key == 'urgent' else kinds[key][0]
    text = source.pick(', ', ' and ', '. ').join(r.choice(kinds[key][1]).format(said(key)) for key in order)
    text = text[0].upper() + text[1:] + '.'
    answer, working = dumps({key: kinds[key][0] for key in keys}), 'The keys are ' + ', '.join(keys) + '.'
    asked = ', '.join(keys)
    mode = source.pick('plain', 'object', 'schema', 'schema', 'wrapped')
    if mode == 'plain':
        question = source.pick(f'Return JSON with keys {asked}. {text}', f'Extract as JSON: {asked}. {text}', f'Give me a JSON object with {asked}. {text}',
                               f'{text} Return JSON with keys {asked}.', f'{text} Reply in JSON with {asked}.')
        return conversation(source, [turn(question, answer, working)])
    if mode == 'object':
        system, question = source.pick(
            (f'Reply in JSON with keys {asked}.', text), (f'Extract JSON with the keys {asked}.', text), ('Reply in json.', f'{text} Return json with keys {asked}.'),
            ('You are a helpful assistant that answers in JSON.', f'Extract {asked} as JSON. {text}'), ('', f'{text} Give me JSON with keys {asked}.'))
        return conversation(source, [turn(question, answer, working)], system=system, response_format={'type': 'json_object'})
    schema = {'type': 'object', 'properties': {key: {'type': kinds[key][2]} for key in keys}}
    if source.chance(0.7):
        schema['required'] = keys
    if source.chance(0.4):
        schema['additionalProperties'] = False
    if mode == 'wrapped':
        named = {'name': source.word(), 'schema': schema}
        if source.chance(0.5):
            named['strict'] = True
        schema = {'type': 'json_schema', 'json_schema': named}
    question = source.pick(text, text, text + ' Extract the data as json.', text + ' Return json.', 'Extract the fields: ' + text, 'Fill in the schema: ' + text)
    return conversation(source, [turn(question, answer, working)], response_format=schema)

"""Words, names, numbers and the small table of facts. Everything drawn here is split by a hash into training and held out."""
import pathlib
import zlib

WORDS = pathlib.Path(__file__).with_name('words.txt').read_text().split()
FIRST_NAMES = (
    'Alice Bob Carol David Emma Frank Grace Henry Iris Jack Karen Liam Maria Noah Olivia Peter Quinn Rachel Sam Tina Umar '
    'Vera Walter Xenia Yusuf Zoe Anna Ben Clara Daniel Elena Felix Gina Hugo Ivan Julia Kevin Laura Marco Nina Oscar Paula '
    'Robert Sofia Thomas Ursula Victor Wendy Yara Zach Ali Amir Chen Dmitri Fatima Hana Ingrid Jamal Kofi Lena Mei Omar '
    'Priya Ravi Sven Tariq Wei Yuki Adam Bella Cyrus Diana Eric Flora George Helen Isaac Jane Kurt Linda Martin Nora Otto '
    'Pablo Rosa Simon Tara Uma Vincent Wanda Xavier Yvonne').split()
COMMON = (
    'apple river stone music garden window paper silver coffee train bridge forest yellow happy small large quick brown dog '
    'cat bird house table chair lamp phone book water fire wind cloud rain snow summer winter report invoice ticket order '
    'meeting project budget team client server backup photo video song recipe pasta pizza salad hotel flight trip beach '
    'mountain lake city street market school doctor bank laptop camera shoes jacket red green blue black white orange new '
    'old cheap fast slow warm cold weekly daily monthly urgent final draft bread milk sugar tea rice soup knife spoon bottle '
    'ball game horse sheep mouse tiger lion bear fish tree leaf flower sun moon star sky sea sand road boat ship plane').split()
COLORS = 'red green blue black white orange yellow purple pink brown gray'.split()
DAYS = 'Monday Tuesday Wednesday Thursday Friday Saturday Sunday'.split()
MONTHS = 'January February March April May June July August September October November December'.split()
MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
CAPITALS = dict(pair.split(':') for pair in (
    'France:Paris|Germany:Berlin|Italy:Rome|Spain:Madrid|Portugal:Lisbon|Poland:Warsaw|Austria:Vienna|Greece:Athens|'
    'Norway:Oslo|Sweden:Stockholm|Finland:Helsinki|Denmark:Copenhagen|Ireland:Dublin|Belgium:Brussels|Hungary:Budapest|'
    'Russia:Moscow|Turkey:Ankara|Egypt:Cairo|Kenya:Nairobi|Japan:Tokyo|China:Beijing|India:New Delhi|Thailand:Bangkok|'
    'Vietnam:Hanoi|Canada:Ottawa|Mexico:Mexico City|Cuba:Havana|Brazil:Brasilia|Argentina:Buenos Aires|Chile:Santiago|'
    'Peru:Lima|Australia:Canberra|Switzerland:Bern|Netherlands:Amsterdam').split('|'))
SYMBOLS = dict(pair.split(':') for pair in (
    'hydrogen:H|helium:He|carbon:C|nitrogen:N|oxygen:O|sodium:Na|iron:Fe|copper:Cu|silver:Ag|gold:Au|lead:Pb|tin:Sn|'
    'sulfur:S|calcium:Ca').split('|'))
YEARS = dict(pair.split(':') for pair in (
    'the first moon landing:1969|the fall of the Berlin Wall:1989|the French Revolution:1789|the start of World War I:1914|'
    'the end of World War II:1945|the launch of Sputnik:1957|the sinking of the Titanic:1912').split('|'))
UNITS = [  # small unit, large unit, factor
    ('meters', 'kilometers', 1000), ('centimeters', 'meters', 100), ('grams', 'kilograms', 1000), ('seconds', 'minutes', 60),
    ('minutes', 'hours', 60), ('hours', 'days', 24), ('days', 'weeks', 7), ('months', 'years', 12), ('inches', 'feet', 12),
    ('cents', 'dollars', 100)]
ONSETS = 'b c d f g h j k l m n p r s t v w z br tr st sh ch gl kr pl dr fl gr'.split()
CODAS = ['', '', '', 'n', 'r', 'l', 's', 't', 'm', 'x', 'k', 'nd']


def held(text):
    """True for the tenth of all texts that training never sees."""
    return zlib.crc32(text.encode()) % 10 == 0


class Source:
    """Random draws for one split. `split` is 'train' or 'test'; `tier_name` is what the model calls itself."""

    def __init__(self, rng, split='train', tier_name='flash-mini'):
        self.rng, self.split, self.tier_name = rng, split, tier_name
        mine = lambda words: [w for w in words if held(w) == (split == 'test')]
        self.words, self.names = mine(WORDS), mine(FIRST_NAMES)

    def allowed(self, text):
        return held(text) == (self.split == 'test')

    def pick(self, *options):
        return self.rng.choice(options)

    def chance(self, probability):
        return self.rng.random() < probability

    def invented(self, low=1, high=3):
        """A pronounceable word of `low`..`high` syllables that is in no dictionary."""
        while True:
            word = ''.join(self.rng.choice(ONSETS) + self.rng.choice('aeiou') + self.rng.choice(CODAS)
                           for _ in range(self.rng.randint(low, high)))
            if self.allowed(word) and len(word) > 2:
                return word

    def word(self):
        """A noun-like word: common, dictionary or invented."""
        roll = self.rng.random()
        return self.rng.choice(COMMON) if roll < 0.35 else self.rng.choice(self.words) if roll < 0.75 else self.invented()

    def fresh_word(self):
        """A word that the split owns (training words are never test words)."""
        return self.rng.choice(self.words) if self.chance(0.5) else self.invented()

    def name(self):
        return self.rng.choice(self.names) if self.chance(0.4) else self.invented(2, 3).capitalize()

    def city(self):
        return self.rng.choice(list(CAPITALS.values())) if self.chance(0.25) else self.invented(2, 3).capitalize()

    def email(self):
        user = self.pick(self.fresh_word(), self.fresh_word() + '.' + self.fresh_word(), self.invented() + str(self.rng.randint(1, 99)))
        return user + '@' + self.fresh_word() + self.pick('.com', '.org', '.net', '.io')

    def date(self):
        return '20%02d-%02d-%02d' % (self.rng.randint(20, 35), self.rng.randint(1, 12), self.rng.randint(1, 28))

    def number(self, max_digits=4):
        return self.rng.randint(0, 10 ** self.rng.randint(1, max_digits) - 1)

    def phrase(self, low=1, high=4):
        return ' '.join(self.word() for _ in range(self.rng.randint(low, high)))

    def sentence(self):
        """A made-up but plain English sentence, for distractors and out-of-domain questions."""
        w = self.word
        return self.pick(
            f'The {w()} of the {w()} is {w()}.', f'{self.name()} bought a {w()} {w()} near the {w()}.',
            f'Every {w()} has a {w()} and a {w()}.', f'Please keep the {w()} away from the {w()}.',
            f'There is a {w()} {w()} in {self.city()}.', f'{self.name()} and {self.name()} like {w()} with {w()}.')

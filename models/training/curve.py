"""The learning curve as a picture: loss and share of right tokens on training batches, against tokens seen.

    python curve.py $T/flash-mini/curve.json ../flash-mini/learning-curve.png flash-mini
"""
import json
import pathlib
import sys

import matplotlib

matplotlib.use('Agg')
import matplotlib.pyplot as plt  # noqa: E402


def draw(source, target, title):
    """`source`: curve.json, rows (step, tokens, seconds, loss, share right). Writes a PNG."""
    rows = json.loads(pathlib.Path(source).read_text())
    rows = [row for row in rows if row[0] % 25 == 0]
    tokens = [row[1] / 1e6 for row in rows]
    figure, left = plt.subplots(figsize=(6.4, 3.4), dpi=110)
    left.plot(tokens, [row[3] for row in rows], color='tab:red', linewidth=1)
    left.set_yscale('log')
    left.set_xlabel('tokens seen, millions')
    left.set_ylabel('loss per supervised token', color='tab:red')
    right = left.twinx()
    right.plot(tokens, [row[4] for row in rows], color='tab:blue', linewidth=1)
    right.set_ylim(0, 1)
    right.set_ylabel('right tokens', color='tab:blue')
    left.set_title(title)
    figure.tight_layout()
    figure.savefig(target)


if __name__ == '__main__':
    draw(*sys.argv[1:4])

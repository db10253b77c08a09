"""One minute through the whole recipe: checks, tokenizer, a dozen training steps, a resume, export, evaluation. Proves that
the pieces fit, not that the model learned.    python smoke.py
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import torch

HERE = pathlib.Path(__file__).parent


def run(script, *arguments):
    print('$', script, *arguments, flush=True)
    subprocess.run([sys.executable, str(HERE / script), *map(str, arguments)], check=True)


def main():
    run('test_model.py')
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        run('train_tokenizer.py', '--out', folder / 'tokenizer.json', '--examples', 2000)
        training = ['--tier', 'flash-mini', '--tokenizer', folder / 'tokenizer.json', '--out', folder / 'run', '--minutes', 0.3, '--tokens', 1024, '--round-from', 0.4]
        run('train.py', *training, '--stop-after', 0.15)
        before = torch.load(folder / 'run' / 'state.pt', weights_only=False)['state']['step']
        run('train.py', *training)
        after = torch.load(folder / 'run' / 'state.pt', weights_only=False)['state']['step']
        assert after > before > 0, (before, after)
        run('export.py', '--state', folder / 'run' / 'state.pt', '--tokenizer', folder / 'tokenizer.json', '--tier', 'flash-mini', '--out', folder / 'model', '--revision', 'smoke')
        run('evaluate.py', '--checkpoint', folder / 'model', '--count', 3, '--skills', 'identity,tool_call', '--no-effort')
        assert json.loads((folder / 'model' / 'eval.json').read_text())['skills']['identity']['count'] == 3
    print('smoke test passed')


if __name__ == '__main__':
    main()

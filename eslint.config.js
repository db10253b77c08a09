import neostandard, { plugins } from 'neostandard'

const tseslint = plugins['typescript-eslint']

export default [
  ...neostandard({ ts: true, ignores: ['dist/**', '.tap/**', '**/assembly/**', 'test/parity/**', 'models/**', 'benchmarks/engine/peer/**'] }),
  {
    files: ['**/*.{ts,tsx}'],
    plugins: { '@typescript-eslint': tseslint.plugin },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/use-unknown-in-catch-callback-variable': 'error',
      'n/prefer-node-protocol': 'error',
      'n/no-process-exit': 'error',
      'no-console': 'error',
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      'max-depth': ['error', 4],
      complexity: ['error', 16]
    }
  },
  { files: ['src/**/*.ts', 'workers/**/*.ts'], ignores: ['src/config/**'], rules: { 'n/no-process-env': 'error' } },
  { files: ['test/**/*.ts'], rules: { 'max-lines': 'off' } }
]

import type { ComponentChildren } from 'preact'
import { answerForms, efforts, models, type PlaygroundSettings } from './settings.js'

export interface SettingsPanelProps {
  settings: PlaygroundSettings
  asksForKeys: boolean
  onChange: (changes: Partial<PlaygroundSettings>) => void
}

const formWords = { text: 'text', json: 'JSON object', schema: 'JSON by schema' } as const

export function SettingsPanel ({ settings, asksForKeys, onChange }: SettingsPanelProps) {
  const { answerForm, offersTools } = settings
  return (
    <form class='settings-fields' onSubmit={event => { event.preventDefault() }}>
      <Choice label='Model' value={settings.model} values={models} onChange={model => { onChange({ model }) }} />
      <Choice label='Effort' value={settings.effort} values={efforts} onChange={effort => { onChange({ effort }) }} />
      <label class='field'><span>API key</span>
        <input type='password' autocomplete='off' value={settings.apiKey} placeholder={asksForKeys ? 'asked for by this gateway' : 'not asked for here'} onInput={event => { onChange({ apiKey: event.currentTarget.value }) }} />
      </label>
      <label class='field'><span>System prompt</span>
        <textarea rows={3} value={settings.system} onInput={event => { onChange({ system: event.currentTarget.value }) }} />
      </label>
      <Choice label='Answer as' value={answerForm} values={answerForms} words={formWords} onChange={form => { onChange({ answerForm: form }) }} />
      {answerForm === 'json' && <p class='hint'>The prompt must say the word JSON, as DeepSeek demands.</p>}
      {answerForm === 'schema' && <Code label='JSON Schema' value={settings.schema} onChange={schema => { onChange({ schema }) }} />}
      <Check isChecked={offersTools} onChange={checked => { onChange({ offersTools: checked }) }}>Offer tools</Check>
      {offersTools && <Code label='Tools' value={settings.tools} onChange={tools => { onChange({ tools }) }} />}
      {offersTools && <Check isChecked={settings.mustCallTool} onChange={checked => { onChange({ mustCallTool: checked }) }}>It must call one</Check>}
      <div class='pair'>
        <label class='field'><span>Temperature</span><input type='number' min='0' max='2' step='0.1' placeholder='1' value={settings.temperature} onInput={event => { onChange({ temperature: event.currentTarget.value }) }} /></label>
        <label class='field'><span>Most tokens</span><input type='number' min='1' step='1' placeholder='no limit' value={settings.maxTokens} onInput={event => { onChange({ maxTokens: event.currentTarget.value }) }} /></label>
      </div>
    </form>
  )
}

interface ChoiceProps<T extends string> {
  label: string
  value: T
  values: readonly T[]
  words?: Readonly<Record<T, string>>
  onChange: (value: T) => void
}

function Choice<T extends string> ({ label, value, values, words, onChange }: ChoiceProps<T>) {
  return (
    <label class='field'><span>{label}</span>
      <select value={value} onChange={event => { onChange(values.find(known => known === event.currentTarget.value) ?? value) }}>
        {values.map(known => <option key={known} value={known}>{words?.[known] ?? known}</option>)}
      </select>
    </label>
  )
}

function Code ({ label, value, onChange }: { label: string, value: string, onChange: (value: string) => void }) {
  return <label class='field'><span>{label}</span><textarea class='code' rows={8} spellcheck={false} value={value} onInput={event => { onChange(event.currentTarget.value) }} /></label>
}

function Check ({ isChecked, onChange, children }: { isChecked: boolean, onChange: (isChecked: boolean) => void, children: ComponentChildren }) {
  return <label class='check'><input type='checkbox' checked={isChecked} onChange={event => { onChange(event.currentTarget.checked) }} />{children}</label>
}

import { useState } from 'preact/hooks'
import { applyTheme, chosenTheme, themes, type Theme } from '../theme.js'
import { Icon } from './icon.js'

const words: Record<Theme, string> = { system: 'Colours as the system', light: 'Light colours', dark: 'Dark colours' }

export function ThemeSwitch () {
  const [theme, setTheme] = useState(chosenTheme)
  const choose = (next: Theme): void => {
    applyTheme(next)
    setTheme(next)
  }
  return (
    <div class='theme-switch' role='group' aria-label='Colours'>
      {themes.map(name => (
        <button key={name} type='button' aria-pressed={name === theme} aria-label={words[name]} title={words[name]} onClick={() => { choose(name) }}>
          <Icon name={name} />
        </button>
      ))}
    </div>
  )
}

/** Light or dark: as the system has it, until the operator chooses. */
export type Theme = 'system' | 'light' | 'dark'

export const themes: readonly Theme[] = ['system', 'light', 'dark']
const storageKey = 'gearbox-theme'

/** Told when colours have changed, for what is drawn and not styled. */
export const themeChanges = new EventTarget()

const systemDark = matchMedia('(prefers-color-scheme: dark)')
systemDark.addEventListener('change', () => { themeChanges.dispatchEvent(new Event('change')) })

export function chosenTheme (): Theme {
  const kept = localStorage.getItem(storageKey)
  return themes.find(theme => theme === kept) ?? 'system'
}

export function applyTheme (theme: Theme): void {
  if (theme === 'system') {
    localStorage.removeItem(storageKey)
    delete document.documentElement.dataset['theme']
  } else {
    localStorage.setItem(storageKey, theme)
    document.documentElement.dataset['theme'] = theme
  }
  themeChanges.dispatchEvent(new Event('change'))
}

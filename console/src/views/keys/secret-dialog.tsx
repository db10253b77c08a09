import { useState } from 'preact/hooks'
import type { IssuedKey } from '../../api/answers.js'
import { inBackground } from '../../api/in-background.js'
import { Dialog } from '../../parts/dialog.js'
import { Icon } from '../../parts/icon.js'

/** The only time that a secret is seen. */
export function SecretDialog ({ issued: { key, secret }, onClose }: { issued: IssuedKey, onClose: () => void }) {
  const [isCopied, setIsCopied] = useState(false)
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(secret)
    setIsCopied(true)
  }
  return (
    <Dialog title='Copy this secret now' onClose={onClose}>
      <p>It is shown once and kept nowhere but with you. It belongs to <strong>{key.name === '' ? key.id : key.name}</strong>.</p>
      <div class='secret'>
        <input type='text' readOnly value={secret} aria-label='Secret of the key' onFocus={event => { event.currentTarget.select() }} />
        {/* Browsers give the clipboard to pages of loopback and https only. */}
        {isSecureContext && <button type='button' class='button' onClick={() => { inBackground(copy()) }}><Icon name='copy' />{isCopied ? 'Copied' : 'Copy'}</button>}
      </div>
      <p class='unseen' role='status'>{isCopied ? 'Copied' : ''}</p>
      <div class='dialog-actions'><button type='button' class='button primary' onClick={onClose}>I have kept it</button></div>
    </Dialog>
  )
}

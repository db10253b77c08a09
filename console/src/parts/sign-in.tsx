import { useState } from 'preact/hooks'
import { sessionState, signIn } from '../api/session.js'
import { Icon } from './icon.js'

/** Shown when the port asks for its secret. */
export function SignIn () {
  const [secret, setSecret] = useState('')
  const wasWrong = sessionState().secret !== null
  const submit = (event: Event): void => {
    event.preventDefault()
    if (secret.trim() !== '') signIn(secret.trim())
  }
  return (
    <main class='sign-in'>
      <form class='panel' onSubmit={submit}>
        <div class='sign-in-icon'><Icon name='lock' /></div>
        <h1>Gearbox console</h1>
        <p class='muted'>This port asks for the secret that the gateway was started with (<code>GEARBOX_ADMIN_SECRET</code>). It is kept until this tab is closed.</p>
        <label class='field'>
          <span>Admin secret</span>
          <input type='password' autocomplete='off' required value={secret} onInput={event => { setSecret(event.currentTarget.value) }} aria-describedby='sign-in-error' />
        </label>
        <p id='sign-in-error' class='field-error' role='alert'>{wasWrong ? 'That secret was refused.' : ''}</p>
        <button type='submit' class='button primary'>Open the console</button>
      </form>
    </main>
  )
}

/** A chat with the gateway through its front door, with all that a client can set and all that an answer tells. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { Icon } from '../parts/icon.js'
import { EmptyState } from '../parts/notice.js'
import { SettingsPanel } from '../playground/settings-panel.js'
import { initialSettings, type PlaygroundSettings } from '../playground/settings.js'
import { TurnView } from '../playground/turn-view.js'
import { openCalls } from '../playground/turn.js'
import { useConversation, type Conversation } from '../playground/use-conversation.js'
import type { ViewProps } from './view-props.js'

/** Outlive a look at another view, not the page. */
let keptSettings = initialSettings

const wide = matchMedia('(min-width: 60rem)')

export function PlaygroundView ({ overview }: ViewProps) {
  const [settings, setSettings] = useState(keptSettings)
  const conversation = useConversation(settings)
  const { turns, isRunning, give } = conversation
  const open = openCalls(turns)
  const log = useRef<HTMLDivElement>(null)
  const change = (changes: Partial<PlaygroundSettings>): void => {
    keptSettings = { ...settings, ...changes }
    setSettings(keptSettings)
  }
  useEffect(() => {
    const element = log.current
    // Who has scrolled up wants to read there.
    if (element !== null && element.scrollHeight - element.scrollTop - element.clientHeight < 200) element.scrollTop = element.scrollHeight
  }, [turns])

  return (
    <div class='playground' onKeyDown={event => { if (event.key === 'Escape' && isRunning) conversation.stop() }}>
      <details class='panel settings' open={wide.matches}>
        <summary>Settings</summary>
        <SettingsPanel settings={settings} asksForKeys={overview?.asksForKeys ?? false} onChange={change} />
      </details>
      <section class='panel chat' aria-label='Conversation'>
        <div class='chat-log' role='log' aria-label='Messages' tabIndex={0} ref={log}>
          {turns.length === 0 && <EmptyState title='Ask something'><p>It goes through the front door like any client’s request, and says what it cost and why it went where it did.</p></EmptyState>}
          {turns.map((turn, index) => <TurnView key={index} turn={turn} open={open} onGive={give} />)}
        </div>
        <Composer conversation={conversation} isWaitingForTool={open.length > 0} />
      </section>
    </div>
  )
}

function Composer ({ conversation: { turns, isRunning, say, stop, clear }, isWaitingForTool }: { conversation: Conversation, isWaitingForTool: boolean }) {
  const [text, setText] = useState('')
  const input = useRef<HTMLTextAreaElement>(null)
  const send = (): void => {
    if (text.trim() === '' || isRunning || isWaitingForTool) return
    say(text)
    setText('')
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    // Enter ends a word in an input method before it sends anything.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
    event.preventDefault()
    send()
  }
  return (
    <form class='composer' onSubmit={event => { event.preventDefault(); send(); input.current?.focus() }}>
      <label class='unseen' for='composer-text'>Message</label>
      <textarea
        id='composer-text' ref={input} rows={2} value={text} onKeyDown={onKeyDown} onInput={event => { setText(event.currentTarget.value) }}
        placeholder={isWaitingForTool ? 'Give the tool’s result above to go on' : 'Message'} aria-describedby='composer-hint'
      />
      <div class='composer-actions'>
        <span id='composer-hint' class='hint'>Enter sends, Shift+Enter breaks the line, Escape stops</span>
        {turns.length > 0 && <button type='button' class='button' onClick={() => { clear(); input.current?.focus() }}>Clear</button>}
        {isRunning
          ? <button type='button' class='button stop' onClick={() => { stop(); input.current?.focus() }}><Icon name='stop' />Stop</button>
          : <button type='submit' class='button primary' disabled={text.trim() === '' || isWaitingForTool}><Icon name='send' />Send</button>}
      </div>
    </form>
  )
}

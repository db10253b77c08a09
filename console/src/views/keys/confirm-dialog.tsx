import type { ComponentChildren } from 'preact'
import { useAction } from '../../api/use-action.js'
import { Dialog } from '../../parts/dialog.js'
import { ErrorNote } from '../../parts/notice.js'

export interface ConfirmDialogProps {
  title: string
  action: string
  isDangerous?: boolean
  children: ComponentChildren
  /** Closes the dialog itself when it succeeds. */
  onConfirm: () => Promise<void>
  onClose: () => void
}

export function ConfirmDialog ({ title, action, isDangerous = false, children, onConfirm, onClose }: ConfirmDialogProps) {
  const { isBusy, error, run } = useAction(onConfirm)
  return (
    <Dialog title={title} onClose={onClose}>
      {children}
      {error !== null && <ErrorNote error={error} />}
      <div class='dialog-actions'>
        <button type='button' class='button' onClick={onClose}>Cancel</button>
        <button type='button' class={`button ${isDangerous ? 'danger-solid' : 'primary'}`} disabled={isBusy} onClick={run}>{action}</button>
      </div>
    </Dialog>
  )
}

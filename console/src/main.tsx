import { render } from 'preact'
import 'uplot/dist/uPlot.min.css'
import './styles/base.css'
import './styles/layout.css'
import './styles/parts.css'
import './styles/views.css'
import { App } from './app.js'
import { applyTheme, chosenTheme } from './theme.js'

applyTheme(chosenTheme())
const root = document.getElementById('console')
if (root !== null) render(<App />, root)

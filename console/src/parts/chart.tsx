/** One chart over time: lines by uPlot, and a legend of our own that also says the latest figures to who cannot see lines. */
import { useEffect, useRef } from 'preact/hooks'
import UPlot from 'uplot'
import { themeChanges } from '../theme.js'

export interface Line {
  label: string
  /** Name of a colour in base.css, without its dashes. */
  color: string
  isDashed?: boolean
  /** null = a gap. */
  values: Array<number | null>
}

export interface ChartProps {
  title: string
  /** Milliseconds since 1970. */
  times: number[]
  lines: Line[]
  format: (value: number) => string
}

const height = 190

export function Chart ({ title, times, lines, format }: ChartProps) {
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<UPlot | null>(null)
  const shape = lines.map(({ label }) => label).join(' ')
  const data: UPlot.AlignedData = [times.map(time => time / 1000), ...lines.map(({ values }) => values)]
  const latest = useRef({ data, lines, format })
  latest.current = { data, lines, format }

  useEffect(() => {
    const element = box.current
    if (element === null) return
    const draw = (): void => {
      plot.current?.destroy()
      plot.current = new UPlot(optionsOf(element, latest.current.lines, latest.current.format), latest.current.data, element)
    }
    draw()
    const observer = new ResizeObserver(() => { plot.current?.setSize({ width: element.clientWidth, height }) })
    observer.observe(element)
    themeChanges.addEventListener('change', draw)
    return () => {
      observer.disconnect()
      themeChanges.removeEventListener('change', draw)
      plot.current?.destroy()
      plot.current = null
    }
  }, [shape])
  useEffect(() => { plot.current?.setData(data) })

  return (
    <figure class='chart'>
      <figcaption>
        <ul class='legend'>
          {lines.map(line => (
            <li key={line.label}>
              <span class={`legend-line ${line.color}${line.isDashed === true ? ' dashed' : ''}`} />
              {line.label} <strong class='figure'>{spoken(line.values, format)}</strong>
            </li>
          ))}
        </ul>
      </figcaption>
      <div ref={box} class='chart-box' role='img' aria-label={`${title}: ${lines.map(({ label, values }) => `${label} ${spoken(values, format)}`).join(', ')}`} />
    </figure>
  )
}

function spoken (values: Array<number | null>, format: (value: number) => string): string {
  const value = values.findLast(known => known !== null)
  return value === undefined || value === null ? '–' : format(value)
}

/** uPlot paints on a canvas, which knows no style sheet. */
function colorOf (element: HTMLElement, name: string): string {
  const probe = document.createElement('span')
  probe.style.color = `var(--${name})`
  element.append(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}

function optionsOf (element: HTMLElement, lines: Line[], format: (value: number) => string): UPlot.Options {
  const [muted, grid] = [colorOf(element, 'muted'), colorOf(element, 'grid')]
  const axis = { stroke: muted, font: '11px system-ui, sans-serif', grid: { stroke: grid, width: 1 }, ticks: { show: false } }
  return {
    width: element.clientWidth,
    height,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { points: { size: 6 }, drag: { x: false, y: false } },
    scales: { y: { range: (_plot, _low, high) => [0, high > 0 ? high * 1.1 : 1] } },
    axes: [
      { ...axis, size: 28, values: (_plot, ticks) => ticks.map(tick => new Date(tick * 1000).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })), incrs: [60, 120, 300, 600, 900, 1800] },
      { ...axis, size: 54, values: (_plot, ticks) => ticks.map(format) }
    ],
    series: [
      {},
      ...lines.map(({ label, color, isDashed = false }) => ({ label, stroke: colorOf(element, color), width: 1.75, ...(isDashed ? { dash: [5, 4] } : {}), points: { show: false }, spanGaps: true }))
    ]
  }
}

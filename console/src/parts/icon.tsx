/** Line icons of 20 units; decoration beside a word, so hidden from screen readers. */
const paths = {
  brand: 'M4.500 4v12M10 4v12M15.500 4v6M4.500 10h11',
  overview: 'M3 3h6v8H3zM11 3h6v5h-6zM11 10h6v7h-6zM3 13h6v4H3z',
  traffic: 'M2.5 16.5h15M4 13l4-5 3.5 3L16 4',
  spend: 'M10 2.5v15M14 5.5c-1-1-2.4-1.3-4-1.3-2.300 0-4 1-4 2.800 0 4 8 2 8 6 0 1.800-1.700 2.800-4 2.800-1.700 0-3.300-.5-4.300-1.600',
  decisions: 'M5 3v10a3 3 0 0 0 3 3h6M5 7h9M14 4.500 16.500 7 14 9.500M12 13.500l2.500 2.500-2.500 2.500',
  keys: 'M12.500 3a4.500 4.500 0 1 0 0 9 4.500 4.500 0 0 0 0-9M9.300 10.700 3 17h3v-2h2v-2M13.500 6.500h.01',
  playground: 'M3 4h14v9H9l-4 4v-4H3z',
  system: 'M3 4h14v9H3zM7 16.500h6M10 13v3.500',
  light: 'M10 6.500a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7M10 1.500v2M10 16.500v2M1.500 10h2M16.500 10h2M4 4l1.400 1.400M14.600 14.600 16 16M4 16l1.400-1.400M14.600 5.400 16 4',
  dark: 'M16.500 12A7 7 0 0 1 8 3.500 7 7 0 1 0 16.500 12z',
  lock: 'M5 9h10v8H5zM7 9V6a3 3 0 0 1 6 0v3',
  plus: 'M10 4v12M4 10h12',
  send: 'M3 10 17 3.500l-4 13-3.500-5zM9.500 11.500 17 3.500',
  stop: 'M5.500 5.500h9v9h-9z',
  copy: 'M7 7h9v9H7zM4 12V4h8',
  back: 'M12 4l-6 6 6 6'
} as const

export type IconName = keyof typeof paths

export function Icon ({ name }: { name: IconName }) {
  return (
    <svg class='icon' viewBox='0 0 20 20' aria-hidden='true' focusable='false'>
      <path d={paths[name]} />
    </svg>
  )
}

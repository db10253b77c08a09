/** What strings of a `format` look like here: every one of them is valid, though not everything valid is among them. */
const day31 = '(0[1-9]|[12][0-9]|3[01])'
/** A 29 February is left out, as its year would have to be known. */
const date = `[0-9]{4}-((01|03|05|07|08|10|12)-${day31}|(04|06|09|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))`
const clock = '([01][0-9]|2[0-3]):[0-5][0-9]'
const time = `${clock}:[0-5][0-9](\\.[0-9]{1,6})?(Z|[+-]${clock})`
const label = '[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?'
const hostname = `${label}(\\.${label}){0,5}`
const octet = '(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])'
const group = '[0-9a-fA-F]{1,4}'
/** All eight groups, or two colons in the place of those that are missing. */
const ipv6 = [
  `(${group}:){7}${group}`,
  ...[1, 2, 3, 4, 5, 6].map(before => `(${group}:){${before}}(:${group}){1,${7 - before}}`),
  `:(:${group}){1,7}`, `(${group}:){1,7}:`, '::'
].join('|')

/** Regular expressions of the contents. */
export const stringFormats: ReadonlyMap<string, string> = new Map([
  ['date', date],
  ['time', time],
  ['date-time', `${date}T${time}`],
  ['duration', 'P([0-9]{1,4}W|[0-9]{1,4}D|[0-9]{1,4}M([0-9]{1,4}D)?|[0-9]{1,4}Y([0-9]{1,4}M([0-9]{1,4}D)?)?|T[0-9]{1,4}S|T[0-9]{1,4}M([0-9]{1,4}S)?|T[0-9]{1,4}H([0-9]{1,4}M([0-9]{1,4}S)?)?)'],
  ['uuid', '[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}'],
  ['email', `[A-Za-z0-9_+-]{1,24}(\\.[A-Za-z0-9_+-]{1,12}){0,3}@${label}(\\.${label}){0,3}\\.[A-Za-z]{2,10}`],
  ['hostname', hostname],
  ['ipv4', `(${octet}\\.){3}${octet}`],
  ['ipv6', ipv6],
  ['uri', `(https?|ftp)://${hostname}(:[0-9]{1,4})?(/[A-Za-z0-9._~@:=+,;-]{0,200}){0,20}(\\?[A-Za-z0-9._~=&+-]{0,200})?(#[A-Za-z0-9._~-]{0,100})?`]
])

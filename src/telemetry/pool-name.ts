/** The `pool` label: one pool a tier, until workers are divided by length class. */
export const poolName = 'default'

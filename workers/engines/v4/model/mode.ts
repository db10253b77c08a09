/**
 * `exact`: no rounding beyond the arithmetic's own. `qat_sim`: the cache holds what the official kernels would have
 * stored: window and compressed keys through FP8 (groups of 64, not the rotated dimensions), indexer queries and
 * keys through FP4. The Hadamard rotation is there in both.
 */
export type Mode = 'exact' | 'qat_sim'

/**
 * The control tokens of V4 that prompts and answers are made of (V4 encoding, section 2).
 *
 * The bars are U+FF5C and the low lines inside words U+2581; neither is ASCII.
 */
export const beginOfSentence = '<｜begin▁of▁sentence｜>'
export const endOfSentence = '<｜end▁of▁sentence｜>'
export const userStart = '<｜User｜>'
export const assistantStart = '<｜Assistant｜>'
export const thinkStart = '<think>'
export const thinkEnd = '</think>'
export const latestReminder = '<｜latest_reminder｜>'
/** Marks tool markup; the angle brackets and tag names around it are ordinary text. */
export const dsml = '｜DSML｜'

export const fillInTheMiddle = { begin: '<｜fim▁begin｜>', hole: '<｜fim▁hole｜>', end: '<｜fim▁end｜>' } as const

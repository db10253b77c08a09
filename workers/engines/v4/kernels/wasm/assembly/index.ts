export { attend, indexScores } from './attention'
export { add, rmsNorm, rotate, siluMul } from './elementwise'
export { multiplyBatch, multiplyVector, prepare } from './multiply'
export { collapseStreams, expandStreams } from './streams'

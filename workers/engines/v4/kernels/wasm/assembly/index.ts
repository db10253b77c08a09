export { attend, indexScores } from './attention'
export { rmsNorm, siluMul } from './elementwise'
export { multiplyBatch, multiplyVector, prepare } from './multiply'

package simd

// Every processor of the architecture has vector instructions.
var best = NEON

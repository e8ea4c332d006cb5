//go:build !amd64

package quant

// rowVectors are the formats of which vector instructions decode many rows in one call: none here.
var rowVectors [256]func(dst []float32, src []byte, rows, stride, ahead int)

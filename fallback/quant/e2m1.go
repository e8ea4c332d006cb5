package quant

// e2m1 is twice the value of each 4-bit float (OCP Microscaling Formats, E2M1): sign, two exponent bits, one mantissa bit.
// The scales are halved instead, so that the codes are whole numbers.
var e2m1 = [16]float32{0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12}

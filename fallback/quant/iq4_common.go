package quant

// iq4 are the sixteen levels of the IQ4 formats, closer together around zero.
var iq4 = [16]float32{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}

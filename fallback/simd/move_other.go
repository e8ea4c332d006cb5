//go:build !amd64

package simd

// Plain Go does all elements.

func (l Level) widen(dst []float64, src []float32) int           { return 0 }
func (l Level) sum(x []float32) (float32, int)                   { return 0, 0 }
func (l Level) squares(x []float32) (float64, int)               { return 0, 0 }
func (l Level) scaledProduct(dst, x, y []float32, a float32) int { return 0 }

func (l Level) bfloatRow(steps int, dst []uint16, src []float32)               { panic(noKernel) }
func (l Level) bfloatPairs(steps int, dst []uint16, src []float32)             { panic(noKernel) }
func (l Level) bfloatPanel(steps int, dst []uint16, src []float32, stride int) { panic(noKernel) }
func (l Level) bfloatTile(steps, tiles int, a, b []uint16, sums []float32, stride int, add bool) {
	panic(noKernel)
}
func (l Level) bfloatPeak(n int)                                               { panic(noKernel) }
func exactRows(x []float64, w []float32, ldw int, sums []float64, next []byte) { panic(noKernel) }
func exactRow(x []float64, w, w2 []float32, sums []float64)                    { panic(noKernel) }
func (l Level) addRows(x [][]float64, w []float32, ldw int, sums []float64)    { panic(noKernel) }
func exactExpMinus512(n int, x *float64, top float64)                          { panic(noKernel) }
func exactDivide512(n int, x *float64, by float64)                             { panic(noKernel) }
func exactSwiGLU512(n int, dst, x, y *float32)                                 { panic(noKernel) }
func rotateHalves512(n int, out, x *float32, half int, angles *float32)        { panic(noKernel) }
func rotatePairs512(n int, out, x, angles *float32)                            { panic(noKernel) }
func add256(n int, dst, x, y *float32)                                         { panic(noKernel) }

func (l Level) moments([]float32, float64) (sum, squares float64, done int) { return 0, 0, 0 }
func (l Level) normalized(dst, x, y, z []float32, from, a float32) int      { return 0 }
func (l Level) HasDeltaSteps(int, int) bool                                 { return false }
func (l Level) deltaSteps(int, []float32, int, int, *Deltas)                { panic(noKernel) }
func (l Level) scanSteps(s []float32, rows, cols int, p *Steps) int         { return 0 }
func (l Level) scan(s, x, y, z []float32, a float32) (float32, int)         { return 0, 0 }
func (l Level) fade(s, x []float32, a, b float32) int                       { return 0 }

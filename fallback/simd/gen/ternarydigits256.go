package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Digits of TQ1_0. A byte is a fraction of 256, of which three times are its first digit and, below the point, the byte of those that follow. As the upper
// byte of a word, the lower one zero, it gives both by products of words: VPMULHUW by 3 the digit, VPMULLW by a power of 3 what follows.

// digitRun are words of bytes with so many digits: digit n of word w is of elements first + n·4·words + 4·(w − word) and those behind it.
type digitRun struct{ word, words, digits, first int }

var digitRuns = []digitRun{{0, 8, 5, 0}, {8, 4, 5, 160}, {12, 1, 4, 240}}

// groupsOfDigits are runs with the same groups of 32 elements: five groups, then three.
var groupsOfDigits = [][]digitRun{digitRuns[:1], digitRuns[1:]}

// element is the first of digit n of word w of the run, from 0 on.
func (r digitRun) element(n, w int) int { return r.first + 4*(n*r.words+w) }

// last is the first of the last four elements.
func (r digitRun) last() int { return r.element(r.digits-1, r.words-1) }

// upperBytes are the bytes of even numbers in v, or those of odd ones, as the upper bytes of words; the lower ones are zero.
func upperBytes(v reg.VecVirtual, odd bool) reg.VecVirtual {
	u := YMM()
	if odd {
		VPAND(repeated(0xff00ff00), v, u)
	} else {
		VPSLLW(Imm(8), v, u)
	}
	return u
}

// digitsOfTQ1 are quads of TQ1_0.
func digitsOfTQ1(e eight, g, m int) reg.VecVirtual {
	for _, r := range digitRuns {
		n, w := (32*g+4*m-r.first)/4/r.words, (32*g+4*m-r.first)/4%r.words
		if n >= r.digits {
			continue
		}
		v := e.load(64 * (r.word + w))
		var digit [2]reg.VecVirtual
		for i := range digit {
			digit[i] = upperBytes(v, i == 1)
			if n > 0 {
				VPMULLW(repeated([]uint32{1, 3, 9, 27, 81}[n]*0x00010001), digit[i], digit[i])
			}
			VPMULHUW(repeated(0x00030003), digit[i], digit[i])
		}
		VPSLLW(Imm(8), digit[1], digit[1])
		VPOR(digit[1], digit[0], digit[0])
		return digit[0]
	}
	panic("no element of a block")
}

// dotTQ1 multiplies digits by words of X: the first and the third of four in a lane, then the second and the fourth. X is loaded once for 16 rows, and
// the sums of groupsOfDigits are in registers.
func (f layout) dotTQ1() {
	f.ternary("x *int16", []string{"x"}, 2, func(k *ternaryDot, x []reg.Register) func() {
		three := everywhere(0x00030003)
		return func() {
			for _, runs := range groupsOfDigits {
				var sums [8][2]reg.VecVirtual // of 32 elements and eight rows
				for _, r := range runs {
					for w := range r.words {
						k.ask(13)
						for i := range 2 {
							var v [2]reg.VecVirtual
							for half := range v {
								v[half] = upperBytes(eight{k.w, half}.load(64*(r.word+w)), i == 1)
							}
							for n := range r.digits {
								at, of := r.element(n, w), YMM()
								VPBROADCASTD(Mem{Base: x[0], Disp: 2*at + 4*i}, of)
								for half, v := range v {
									p := YMM()
									VPMULHUW(three, v, p)
									VPMADDWD(of, p, p)
									addUp(VPADDD, p, &sums[at/32][half])
									if n < r.digits-1 {
										VPMULLW(three, v, v)
									}
								}
							}
						}
					}
				}
				for g, sums := range sums {
					for half, s := range sums {
						if s != nil {
							VCVTDQ2PS(s, s)
							addTo(k.inner.Offset(32*half), k.factor(g), s)
						}
					}
				}
			}
		}
	})
}

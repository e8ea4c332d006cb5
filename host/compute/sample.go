package compute

import "fmt"

// Sample chooses a token of each row of candidates as TopK leaves them, by the step's Sampling, stage by stage:
//
//	penalties    l ← Penalized(l, times in the window), where that is not 0
//	order        by l, descending; equals as they came
//	greedy       without Random: the first
//	top-k        the first TopK
//	top-p        the shortest prefix whose weights reach TopP of the sum of all that are left; weights of temperature 1
//	min-p        those at most Behind behind the first
//	choice       the first whose running sum of weights, by Decay, exceeds Below(NextRandom, their sum)
//
// Out[r] is the token as a whole number, or −1 − c if the first candidate, of token c, is not a number. Every row is chosen with the
// same random number. X is [R, 2K] float32, Out [R, 1] float32 and must not alias it. All arithmetic is of whole numbers.
// Sources: Keskar et al., CTRL, 2019, section 4.1; Holtzman et al., The Curious Case of Neural Text Degeneration, 2020; Nguyen et al.,
// Turning Up the Heat: Min-p Sampling, 2024.
type Sample struct{ X, Out Ref }

func (Sample) Stem() string    { return "sample" }
func (o Sample) Reads() []Ref  { return refs(o.X) }
func (o Sample) Writes() []Ref { return refs(o.Out) }

func (o Sample) Check(p *Program) error {
	if o.X == 0 {
		return wantType(p, "X", 0)
	}
	x := p.At(o.X)
	if x.Cols%2 != 0 || x.Cols > 2*MaxTopK {
		return fmt.Errorf("got %d columns, want an even number up to %d", x.Cols, 2*MaxTopK)
	}
	return checks(wantF32(p, "X", o.X, x.Rows, x.Cols), wantF32(p, "Out", o.Out, x.Rows, 1), wantDistinct(o.Out, o.X))
}

func (o Sample) Cost(p *Program, s *Step) Cost { return Cost{Bytes: moved(p, s.Sizes(), o.X, o.Out)} }

func (o Sample) Shape(p *Program) string { return fmt.Sprintf("of %d", p.At(o.X).Cols/2) }

// Sampled is the tensor that the program's last op chooses a token in, if that is a Sample op.
func (p *Program) Sampled() (Ref, bool) {
	if len(p.Instrs) == 0 {
		return 0, false
	}
	op, ok := p.Instrs[len(p.Instrs)-1].Op.(Sample)
	return op.Out, ok
}

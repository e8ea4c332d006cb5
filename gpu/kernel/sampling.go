package kernel

import (
	"encoding/binary"

	"tuff/host/compute"
)

// Words of the step buffer's part for sampling. Twin: shaders/include/sampling.glsl.
const (
	samplingFlags     = 0
	samplingTopK      = 1
	samplingTopP      = 2
	samplingRepeat    = 3
	samplingBehind    = 5
	samplingPresence  = 7
	samplingFrequency = 9
	samplingState     = 11
	samplingDecay     = 13
	samplingLastN     = 15
	samplingWindow    = 16
	samplingAtWindow  = 17
	samplingStops     = 18
	samplingAtStops   = 19
	samplingSteps     = 20
	samplingDone      = 21
	samplingWords     = 22
	// The window grows by a token a step, behind which lie those that end a run.
	samplingMost = samplingWords + compute.MaxWindow + compute.MaxSteps + compute.MaxStops

	flagRandom, flagTopP, flagMinP, flagPenalties = 1, 2, 4, 8
)

// RingBytes is the size of the memory that a run of several steps leaves its tokens in: how many, and they.
const RingBytes = 4 * (1 + compute.MaxSteps)

// encodeSampling writes the part into dst, which begins at word at of the step buffer.
func encodeSampling(dst []byte, at int, s *compute.Sampling) {
	put := func(word int, v uint32) { binary.LittleEndian.PutUint32(dst[4*word:], v) }
	put2 := func(word int, v uint64) { binary.LittleEndian.PutUint64(dst[4*word:], v) }
	list := func(word int, values []int32) {
		for i, v := range values {
			put(word+i, uint32(v))
		}
	}
	put(samplingFlags, flag(s.Random)*flagRandom|flag(s.TopP <= 0xffffffff)*flagTopP|flag(s.Behind >= 0)*flagMinP|flag(s.Penalties)*flagPenalties)
	put(samplingTopK, uint32(s.TopK))
	put(samplingTopP, uint32(s.TopP))
	put(samplingRepeat, s.Repeat)
	put(samplingRepeat+1, s.Unrepeat)
	put2(samplingBehind, uint64(s.Behind))
	put2(samplingPresence, uint64(s.Presence))
	put2(samplingFrequency, uint64(s.Frequency))
	put2(samplingState, s.State)
	put(samplingDecay, s.Decay.Mantissa)
	put(samplingDecay+1, uint32(s.Decay.Shift))
	put(samplingLastN, uint32(s.LastN))
	put(samplingWindow, uint32(len(s.Window)))
	put(samplingAtWindow, uint32(at+samplingWords))
	list(samplingWords, s.Window)
	stops := samplingWords + len(s.Window) + compute.MaxSteps
	put(samplingStops, uint32(len(s.Stop)))
	put(samplingAtStops, uint32(at+stops))
	list(stops, s.Stop)
	put(samplingSteps, 1)
	put(samplingDone, 0)
}

// EncodeSteps says in an encoded step that it is the first of n.
func EncodeSteps(dst []byte, n int) {
	at := binary.LittleEndian.Uint32(dst[4*stepAtSampling:])
	binary.LittleEndian.PutUint32(dst[4*(at+samplingSteps):], uint32(n))
}

// RunOffset is the byte of the step buffer whose word is 0 once a run of several steps has ended.
const RunOffset = 4 * stepRun

// sample plans one workgroup per row, with an invocation for each candidate.
func (pl *planner) sample(g *Group, op compute.Sample) error {
	x := pl.p.At(op.X)
	wg := max(pow2(x.Cols/2), 8)
	if wg > int(pl.caps.MaxInvocations) {
		return unsupported("got %d candidates, want at most %d", x.Cols/2, pl.caps.MaxInvocations)
	}
	why := "one invocation per candidate"
	if pl.o.MaxSteps > 0 {
		why += "; the step becomes the next one"
	}
	g.add(Dispatch{Module: "sample", Name: "sample", Spec: []uint32{uint32(wg), flag(pl.o.MaxSteps > 0)},
		Args:  []Arg{addr(op.X), addr(op.Out), stepArg(), {Kind: ArgRing}, rowsArg(x.Rows), u32(x.Cols / 2)},
		Grid:  func(s Shape) [3]uint32 { return pl.fold(x.Rows.At(s.Sizes())) },
		Reads: refs(op.X), Writes: refs(op.Out), Issued: pl.once(op)}, why)
	return nil
}

package kernel

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
	"tuff/host/testkit"
)

// glslConstants are the constants of a file of shaders/include whose names match.
func glslConstants(t *testing.T, file, name string) map[string]int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(testkit.Root(t), "shaders", "include", file))
	require.NoError(t, err)
	got := map[string]int{}
	for _, m := range regexp.MustCompile(`const uint (`+name+`) = (\d+);`).FindAllStringSubmatch(string(b), -1) {
		got[m[1]], err = strconv.Atoi(m[2])
		require.NoError(t, err)
	}
	return got
}

// The GLSL twin must name the same words.
func TestStepLayoutIsThatOfTheShaders(t *testing.T) {
	got := glslConstants(t, "step.glsl", `STEP_\w+`)
	assert.Equal(t, map[string]int{"STEP_TOKENS": stepTokens, "STEP_OUTPUTS": stepOutputs, "STEP_SEQS": stepSeqs, "STEP_TILES": stepTiles,
		"STEP_AT_TOKENS": stepAtTokens, "STEP_AT_POS": stepAtPos, "STEP_AT_ROWSEQ": stepAtRowSeq, "STEP_AT_OUTPUTS": stepAtOutputs,
		"STEP_AT_SEQS": stepAtSeqs, "STEP_AT_PAGES": stepAtPages, "STEP_AT_TILES": stepAtTiles, "STEP_RECORDS": stepRecords, "STEP_AT_SAMPLING": stepAtSampling, "STEP_RUN": stepRun,
		"STEP_HEADER": stepHeader, "STEP_TILE_ROWS": tileRows, "STEP_SEQ_WORDS": stepSeqWords}, got)
}

func TestSamplingLayoutIsThatOfTheShaders(t *testing.T) {
	got := glslConstants(t, "sampling.glsl", `SAMPLING_\w+`)
	assert.Equal(t, map[string]int{"SAMPLING_FLAGS": samplingFlags, "SAMPLING_TOP_K": samplingTopK, "SAMPLING_TOP_P_WORD": samplingTopP,
		"SAMPLING_REPEAT": samplingRepeat, "SAMPLING_BEHIND": samplingBehind, "SAMPLING_PRESENCE": samplingPresence, "SAMPLING_FREQUENCY": samplingFrequency,
		"SAMPLING_STATE": samplingState, "SAMPLING_DECAY": samplingDecay, "SAMPLING_LAST_N": samplingLastN, "SAMPLING_WINDOW": samplingWindow,
		"SAMPLING_AT_WINDOW": samplingAtWindow, "SAMPLING_STOPS": samplingStops, "SAMPLING_AT_STOPS": samplingAtStops, "SAMPLING_STEPS": samplingSteps,
		"SAMPLING_DONE": samplingDone, "SAMPLING_WORDS": samplingWords, "SAMPLING_RANDOM": flagRandom, "SAMPLING_TOP_P": flagTopP, "SAMPLING_MIN_P": flagMinP,
		"SAMPLING_PENALTIES": flagPenalties}, got)
}

func TestEncodeStep(t *testing.T) {
	p := &compute.Program{PageSize: 8, NumPages: 9}
	o := compute.Options{MaxTokens: 20, MaxOutputs: 2, MaxSeqs: 2, MaxPages: 4}
	s := &compute.Step{Outputs: []int32{17, 18}, Seqs: []compute.Seq{{First: 0, Count: 18, Len: 20, Pages: []int32{7, 3, 5}, StateIn: 4, StateOut: 5, StateSpare: 6}, {First: 18, Count: 1, Len: 2, Until: 5, Pages: []int32{1}}}}
	for i := range 19 {
		s.Tokens, s.Pos = append(s.Tokens, int32(100+i)), append(s.Pos, int32(2+i))
	}
	s.Pos[18] = 1
	buf := make([]byte, StepBytes(o, 0))
	require.NoError(t, EncodeStep(buf, s, p, o, nil))
	word := func(i int) int { return int(binary.LittleEndian.Uint32(buf[4*i:])) }
	list := func(header, n int) (v []int) {
		for i := range n {
			v = append(v, word(word(header)+i))
		}
		return v
	}
	assert.Equal(t, []int{19, 2, 2, 3}, []int{word(stepTokens), word(stepOutputs), word(stepSeqs), word(stepTiles)})
	assert.Equal(t, []int{100, 101}, list(stepAtTokens, 2))
	assert.Equal(t, []int{2, 3}, list(stepAtPos, 2))
	assert.Equal(t, 1, word(word(stepAtPos)+18))
	rows := list(stepAtRowSeq, 19)
	assert.Equal(t, []int{0, 0, 1}, rows[16:])
	assert.Equal(t, []int{17, 18}, list(stepAtOutputs, 2))
	pages := word(stepAtPages)
	assert.Equal(t, []int{0, 18, 20, pages, 20, 4, 5, 6, 18, 1, 2, pages + 3, 5, 0, 0, 0}, list(stepAtSeqs, 16))
	assert.Equal(t, []int{7, 3, 5, 1}, list(stepAtPages, 4))
	assert.Equal(t, []int{0, 16, 0, 0, 16, 2, 0, 0, 18, 1, 1, 0}, list(stepAtTiles, 12))
	assert.ErrorContains(t, EncodeStep(buf[:8], s, p, o, nil), "got 8 bytes")
	assert.Zero(t, testing.AllocsPerRun(10, func() { _ = EncodeStep(buf, s, p, o, nil) }))
}

// The largest step of every kind must fit, whatever way its rows fall into sequences.
func TestStepBytesCoverEveryStep(t *testing.T) {
	p := &compute.Program{PageSize: 4, NumPages: 1000}
	for tokens := 1; tokens <= 50; tokens++ {
		for seqs := 1; seqs <= min(tokens, 5); seqs++ {
			o := compute.Options{MaxTokens: tokens, MaxOutputs: tokens, MaxSeqs: seqs, MaxPages: 13}
			for first := 1; first <= tokens-seqs+1; first++ {
				s := &compute.Step{Tokens: make([]int32, tokens), Pos: make([]int32, tokens), Outputs: make([]int32, tokens)}
				at := 0
				for i := range seqs {
					n := 1
					switch {
					case i == 0:
						n = first
					case i == seqs-1:
						n = tokens - at
					}
					s.Seqs = append(s.Seqs, compute.Seq{First: at, Count: n, Len: n, Pages: make([]int32, 13)})
					at += n
				}
				if at != tokens {
					continue
				}
				buf := make([]byte, StepBytes(o, 0))
				require.NotPanics(t, func() { require.NoError(t, EncodeStep(buf, s, p, o, nil)) })
				assert.LessOrEqual(t, int(binary.LittleEndian.Uint32(buf[4*stepTiles:])), maxTiles(tokens, seqs))
			}
		}
	}
}

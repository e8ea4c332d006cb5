package gpu

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/gpu/vk"
)

func statistics(pairs ...any) (list []vk.Statistic) {
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, vk.Statistic{Name: pairs[i].(string), Value: float64(pairs[i+1].(int))})
	}
	return list
}

// The words of four drivers for the same things.
func TestBuiltOf(t *testing.T) {
	for name, c := range map[string]struct {
		said                         []vk.Statistic
		registers, spills, subgroups int // spills −1: not told
		unit                         string
	}{
		"NVIDIA":           {statistics("Register Count", 90, "Binary Size", 12800), 90, -1, 21, "SM, by registers"}, // 96 of 65536/32 = 2048
		"AMD, Mesa":        {statistics("SGPRs", 108, "VGPRs", 72, "Spilled SGPRs", 2, "Spilled VGPRs", 5, "LDS size", 9216, "Scratch size", 1024, "Subgroups per SIMD", 12, "Instructions", 900), 72, 7, 12, "SIMD"},
		"AMD's own":        {statistics("numUsedVgprs", 64, "numUsedSgprs", 40), 64, -1, 0, ""},
		"Intel, Mesa":      {statistics("Instruction Count", 411, "Spill Count", 0, "Fill Count", 0, "GRF registers", 128, "Max live registers", 97), 128, 0, 0, ""},
		"Intel, older":     {statistics("Instruction Count", 411, "Spill Count", 3, "Max live registers", 97), 97, 3, 0, ""},
		"Intel, newer":     {statistics("Instructions", 411, "Spills", 4, "Fills", 9, "GRF registers", 0, "Max live registers", 97), 97, 4, 0, ""},
		"NVIDIA, Mesa":     {statistics("Number of GPRs", 40, "Spills to memory", 0, "Spills to reg", 4, "Max warps/SM", 32), 40, 0, 32, "SM"},
		"Qualcomm, Mesa":   {statistics("Instruction Count", 411, "Registers used", 30, "Max Waves Per Core", 16, "STP Count", 2, "LDP Count", 3), 30, 5, 16, "core"},
		"of another world": {statistics("Moons", 2), 0, -1, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := builtOf("k", []vk.Executable{{Name: "main", Statistics: c.said}})
			assert.Equal(t, "k", b.Kernel)
			assert.Equal(t, c.registers, b.Registers)
			assert.Equal(t, c.subgroups, b.Subgroups)
			assert.Equal(t, c.unit, b.Unit)
			assert.Len(t, b.Statistics, len(c.said))
			if c.spills < 0 {
				assert.Nil(t, b.Spills)
				return
			}
			require.NotNil(t, b.Spills)
			assert.Equal(t, c.spills, *b.Spills)
		})
	}
	// Of several widths, the one that needs most.
	b := builtOf("k", []vk.Executable{{Name: "SIMD8", Statistics: statistics("GRF registers", 64, "Spill Count", 0)}, {Name: "SIMD32", Statistics: statistics("GRF registers", 128, "Spill Count", 9)}})
	assert.Equal(t, 128, b.Registers)
	assert.Equal(t, 9, *b.Spills)
	assert.Equal(t, "SIMD32: Spill Count", b.Statistics[3].Name)
}

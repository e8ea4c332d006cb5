package vk

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func words(t testing.TB) []uint32 {
	w, err := SPIRV(vaddSPV)
	require.NoError(t, err)
	return w
}

func TestSPIRVRefused(t *testing.T) {
	d := openTest(t, nil)
	good := words(t)
	flip := func(i int, v uint32) []uint32 {
		w := append([]uint32(nil), good...)
		w[i] = v
		return w
	}
	for name, p := range map[string]PipelineInfo{
		"empty":         {},
		"header only":   {SPIRV: good[:5]},
		"magic":         {SPIRV: flip(0, 1)},
		"version":       {SPIRV: flip(1, 0x00020000)},
		"zero length":   {SPIRV: flip(5, 17)},
		"past end":      {SPIRV: flip(5, 0xffff0011)},
		"cut":           {SPIRV: good[:len(good)-1]},
		"entry":         {SPIRV: good, Entry: "other"},
		"push size":     {SPIRV: good, PushSize: 30},
		"push too big":  {SPIRV: good, PushSize: 1 << 20},
		"spec twice":    {SPIRV: good, Spec: []SpecConstant{{0, 1}, {0, 2}}},
		"too many spec": {SPIRV: good, Spec: make([]SpecConstant, 65)},
	} {
		_, err := d.CreatePipeline(p)
		assert.ErrorIs(t, err, ErrInvalid, name)
	}
	_, err := SPIRV([]byte{1, 2, 3})
	assert.ErrorIs(t, err, ErrInvalid)
	big := make([]byte, len(vaddSPV))
	for i, w := range good {
		binary.BigEndian.PutUint32(big[4*i:], w)
	}
	w, err := SPIRV(big)
	require.NoError(t, err)
	assert.Equal(t, good, w)
}

func FuzzCheckSPIRV(f *testing.F) {
	f.Add(vaddSPV)
	f.Add(vaddSPV[:40])
	f.Fuzz(func(t *testing.T, b []byte) {
		if w, err := SPIRV(b); err == nil {
			_ = checkSPIRV(w, "main") // must end, and not panic
		}
	})
}

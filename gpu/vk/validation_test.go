package vk

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestValidationReports runs the path under the validation layer, which must stay silent, and then plants a mistake, which
// must be reported: a gate that cannot fail is none.
func TestValidationReports(t *testing.T) {
	h := &Hooks{}
	in, err := Open(Options{Hooks: h, Validation: true})
	if errors.Is(err, ErrUnsupported) {
		t.Skip("no validation layer: ", err)
	}
	skipAbsent(t, err)
	require.NoError(t, vadd(in, 1000))
	assert.Empty(t, in.Messages())

	infos, err := in.PhysicalDevices()
	require.NoError(t, err)
	d, err := in.OpenDevice(&infos[0], DeviceOptions{})
	require.NoError(t, err)
	b, r := d.drv.createBuffer(64, 0, false) // no usage at all
	if r == Success {
		d.drv.destroyBuffer(b)
	}
	msgs := in.Messages()
	require.NotEmpty(t, msgs)
	t.Log(msgs[0])
	assert.Empty(t, in.Messages(), "taken once")
	require.NoError(t, d.Close())
	require.NoError(t, in.Close())
	assert.Empty(t, h.Live())
}

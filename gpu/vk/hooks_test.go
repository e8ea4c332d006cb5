package vk

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestFaults fails every call of the whole path, each at its first, second, middle and last index and with each code: the error must
// be typed and name the call, nothing may stay alive, and the next run must succeed.
func TestFaults(t *testing.T) {
	count := &Hooks{}
	run := func(h *Hooks) error {
		in, err := Open(Options{Hooks: h})
		if err != nil {
			return err
		}
		err = vadd(in, 1000)
		return errors.Join(err, in.Close())
	}
	skipAbsent(t, run(count))
	codes := []struct {
		r    Result
		want error
	}{{ErrorOutOfHostMemory, ErrOutOfHostMemory}, {ErrorOutOfDeviceMemory, ErrOutOfDeviceMemory}, {ErrorDeviceLost, ErrDeviceLost},
		{ErrorTooManyObjects, nil}, {ErrorInitializationFailed, nil}, {ErrorMemoryMapFailed, nil}, {ErrorUnknown, nil}}
	runs := 0
	for name, n := range count.Counts() {
		if n == 0 {
			continue
		}
		for _, c := range codes {
			for _, index := range slicesCompact([]int{0, 1, n / 2, n - 1}, n) {
				h := &Hooks{}
				require.NoError(t, h.InjectError(name, index, c.r))
				err := run(h)
				if h.Counts()[name] <= index {
					// Whether the second wait is needed depends on timing. Everything is reached at least once.
					require.NoError(t, err)
					require.NotZero(t, index, name)
					continue
				}
				runs++
				if name == "vkDeviceWaitIdle" && c.r != ErrorDeviceLost {
					assert.NoError(t, err, "waiting is tried again")
				} else if name == "vkEnumeratePhysicalDevices" && c.r == ErrorInitializationFailed {
					assert.ErrorIs(t, err, ErrNoDevice)
				} else if assert.Error(t, err, "%s %d %s", name, index, c.r) {
					var e *Error
					require.ErrorAs(t, err, &e, "%s %d", name, index)
					assert.Equal(t, name, e.Call)
					assert.Equal(t, c.r, e.Result)
					if c.want != nil {
						assert.ErrorIs(t, err, c.want)
					}
				}
				assert.Empty(t, h.Live(), "%s %d %s", name, index, c.r)
			}
		}
	}
	assert.Greater(t, runs, 150)
	require.NoError(t, run(&Hooks{}), "after %d faults", runs)
	t.Logf("%d faults injected", runs)
}

// slicesCompact keeps the distinct indices below n.
func slicesCompact(in []int, n int) []int {
	var out []int
	seen := map[int]bool{}
	for _, i := range in {
		if i < n && !seen[i] {
			seen[i] = true
			out = append(out, i)
		}
	}
	return out
}

func TestInjectErrorRefuses(t *testing.T) {
	var h Hooks
	assert.ErrorIs(t, h.InjectError("vkNothing", 0, ErrorUnknown), ErrInvalid)
	assert.ErrorIs(t, h.InjectError("", 0, ErrorUnknown), ErrInvalid)
	assert.ErrorIs(t, h.InjectError("vkCreateBuffer", 0, Success), ErrInvalid)
	for c := callNone + 1; c < numCalls; c++ {
		assert.NotEmpty(t, callNames[c])
	}
}

func TestLeaks(t *testing.T) {
	h := &Hooks{}
	for range 5 {
		in, err := Open(Options{Hooks: h})
		skipAbsent(t, err)
		err = vadd(in, 100)
		skipAbsent(t, err)
		require.NoError(t, in.Close())
		require.NoError(t, in.Close(), "closing twice is allowed")
		require.Empty(t, h.Live())
	}
	// What is forgotten is reported, and closing it later does no harm.
	in, err := Open(Options{Hooks: h})
	require.NoError(t, err)
	infos, err := in.PhysicalDevices()
	require.NoError(t, err)
	d, err := in.OpenDevice(&infos[0], DeviceOptions{})
	require.NoError(t, err)
	q, err := d.NewQueryPool(1)
	require.NoError(t, err)
	assert.ErrorContains(t, d.Close(), "VkQueryPool:1")
	assert.NoError(t, q.Close())
	assert.NoError(t, in.Close())
}

func TestAbsence(t *testing.T) {
	// One of the four must be what absent machines answer; on others Open works. Both are fine, anything else is not.
	in, err := Open(Options{})
	if err != nil {
		assert.True(t, absent(err), "%v", err)
		return
	}
	require.NoError(t, in.Close())
	h := &Hooks{}
	require.NoError(t, h.InjectError("vkCreateInstance", 0, ErrorIncompatibleDriver))
	_, err = Open(Options{Hooks: h})
	assert.ErrorIs(t, err, ErrNoDriver)
	h.Reset()
	in, err = Open(Options{Hooks: h})
	require.NoError(t, err)
	require.NoError(t, h.InjectError("vkEnumeratePhysicalDevices", 0, ErrorInitializationFailed))
	_, err = in.PhysicalDevices()
	assert.ErrorIs(t, err, ErrNoDevice)
	require.NoError(t, in.Close())
}

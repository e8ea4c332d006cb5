package fallback

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// counting is a task whose units note that they ran.
type counting struct {
	ran   []atomic.Int32
	plain []int // written without protection: the race detector sees whether a run ends before its units do
}

func (c *counting) unit(_ *worker, i int) {
	c.ran[i].Add(1)
	c.plain[i]++
}

// Every unit of every run runs once, and before the run is over, whether workers are still looking out or asleep by then.
func TestEveryUnitRunsOnce(t *testing.T) {
	for _, spins := range []int{0, 3, 200, spinning} {
		for _, threads := range []int{1, 2, 3, 7} {
			p := newPool(threads, spins)
			c := &counting{ran: make([]atomic.Int32, 40), plain: make([]int, 40)}
			want := make([]int, 40)
			for run := range 3000 {
				units := run * 7 % 41
				require.NoError(t, p.run(c, units))
				for i := range units {
					want[i]++
				}
				require.Equal(t, want, c.plain, "run %d of %d units, %d threads, %d spins", run, units, threads, spins)
			}
			for i := range want {
				require.EqualValues(t, want[i], c.ran[i].Load())
			}
			p.close()
		}
	}
}

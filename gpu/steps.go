package gpu

import (
	"context"
	"encoding/binary"
	"fmt"

	"tuff/gpu/kernel"
	"tuff/host/compute"
)

// runSteps runs several steps with one submission: the recording of one step as often as steps are wanted. The kernel that chooses a
// token makes the step buffer the next step's and leaves the token in the ring. Once it has ended the run, what is left does nothing:
// every recording looks at STEP_RUN first where the device can (VK_EXT_conditional_rendering). Where it cannot, the last step is
// computed again, to the same bits, and chooses nothing.
func (x *executable) runSteps(ctx context.Context, shape kernel.Shape, c *compute.Call) error {
	if c.Before != nil || c.After != nil || c.Timing != nil {
		return fmt.Errorf("gpu: run %s: several steps exclude timing, Before and After", x.p.Name)
	}
	ring := x.ring.Bytes()
	if ring == nil {
		return fmt.Errorf("gpu: run %s: the ring of tokens is out of the host's reach", x.p.Name)
	}
	r, err := x.plain.get(ctx, shape, x.recordPlain)
	if err != nil {
		return err
	}
	kernel.EncodeSteps(x.step.Bytes(), c.Steps)
	if _, err := x.replay(ctx, r, c.Steps); err != nil {
		return err
	}
	c.Sampled = c.Sampled[:0]
	n := int(binary.LittleEndian.Uint32(ring))
	if n < 1 || n > c.Steps {
		return fmt.Errorf("gpu: run %s: got %d tokens, want 1 to %d", x.p.Name, n, c.Steps)
	}
	for i := range n {
		c.Sampled = append(c.Sampled, int32(binary.LittleEndian.Uint32(ring[4*(1+i):])))
	}
	return nil
}

// predicated says that recordings look at STEP_RUN first.
func (x *executable) predicated() bool {
	return x.ring != nil && x.d.dev.Features().ConditionalRendering
}

package emulator

import "fmt"

// count finds values that only the block which makes them uses, so that others can have their registers.
func (c *compiler) count(blocks []*block) {
	c.left = map[uint32]int{}
	home := map[uint32]int{}
	for i, b := range blocks {
		for _, in := range b.code {
			if in.id != 0 {
				home[in.id] = i
			}
		}
	}
	away := map[uint32]bool{}
	for i, b := range blocks {
		for _, in := range b.phis {
			for _, a := range in.args {
				away[a] = true
			}
		}
		for _, a := range b.end.args {
			away[a] = true
		}
		for _, in := range b.code {
			for _, a := range in.args { // literals count as uses too, which only keeps registers longer
				if h, ok := home[a]; ok && h != i {
					away[a] = true
				}
				c.left[a]++
			}
		}
	}
	for a := range c.left {
		if _, ok := home[a]; !ok || away[a] {
			delete(c.left, a)
		}
	}
}

// release gives back the registers of what an instruction was the last to use.
func (c *compiler) release(in inst) {
	for _, a := range in.args {
		n, ok := c.left[a]
		if !ok {
			continue
		}
		if c.left[a]--; n == 1 {
			delete(c.left, a)
			_, constant := c.values[a] // of a block: the length of a matrix, say
			if slot, ok := c.at[a]; ok && !constant {
				n := c.m.types[c.typeOf[a]].slots
				c.free[n] = append(c.free[n], slot)
			}
		}
	}
}

// take finds n registers in a row.
func (c *compiler) take(n int) int {
	if f := c.free[n]; len(f) > 0 {
		c.free[n] = f[:len(f)-1]
		return f[len(f)-1]
	}
	s := c.next
	c.next += n
	return s
}

// result gives an instruction's value its registers.
func (c *compiler) result(in inst) (int, error) {
	t := c.m.types[in.typ]
	if t == nil {
		return 0, fmt.Errorf("the result of instruction %d has no type", in.op)
	}
	s := c.take(t.slots)
	c.at[in.id] = s
	return s * c.lanes, nil
}

// operand is the first register of a value.
func (c *compiler) operand(id uint32) (int, error) {
	if s, ok := c.at[id]; ok {
		return s * c.lanes, nil
	}
	v, ok := c.values[id]
	if !ok {
		if _, ok := c.places[id]; ok {
			return 0, unknown("a pointer to a variable as a value (id %d)", id)
		}
		return 0, fmt.Errorf("id %d is no value", id)
	}
	s := c.next
	c.next += len(v)
	for i, x := range v {
		c.p.fixed = append(c.p.fixed, fixed{s + i, x})
	}
	c.at[id] = s
	return s * c.lanes, nil
}

package kernel

// vendor is what the plan chooses for the devices of one maker where nothing was tuned (tuff tune).
type vendor struct {
	name string
	// rows are the weight rows of a workgroup of the kernels for one row of X: so many streams of loads are in flight in each invocation.
	rows int
	// share is the most invocations that share the k products of a weight row.
	share int
}

// The vendors whose devices differ from others in what is best. There was no hardware to tune these on: they are what is known of each.
var vendors = map[uint32]vendor{
	// Many warps hide the latency of memory, and four of them share a long row, so that short matrices fill the device as well.
	0x10de: {"NVIDIA", 4, 128},
	// Waves of 64, and memory that wants several loads of each in flight: more rows, one wave.
	0x1002: {"AMD", 4, 64},
	// Subgroups of 8 to 32 with registers for few sums; two rows leave enough of them for formats that take many to decode.
	0x8086: {"Intel", 2, 64},
}

// fewWaves says that a subgroup whose invocations take more than half of 256 registers has its unit to itself, so that nothing hides what
// it waits for: AMD's devices before RDNA, whose subgroups have 64 invocations without a choice.
func (c *Caps) fewWaves() bool { return c.vendor().name == "AMD" && c.SubgroupMin == 64 }

// others is for everyone else, and software.
var others = vendor{"others", 4, 64}

// vendor is the row of the table for a device.
func (c *Caps) vendor() vendor {
	if v, ok := vendors[c.Vendor]; ok {
		return v
	}
	return others
}

package compute

// Built is what a driver tells of a kernel that it compiled. Drivers count and name things differently: Statistics has their words, the other
// fields what was recognised among them.
type Built struct {
	Kernel     string      `json:"kernel"`              // as in Span
	Registers  int         `json:"registers,omitempty"` // of an invocation, or of a subgroup's lane; 0: not told
	Spills     *int        `json:"spills,omitempty"`    // values kept in memory for want of registers; nil: not told
	Subgroups  int         `json:"subgroups,omitempty"` // at most, that Unit has room for at once; 0: neither told nor known
	Unit       string      `json:"unit,omitempty"`      // of the device's arithmetic, as its vendor calls it
	Statistics []Statistic `json:"statistics"`
}

// Statistic is one number in a driver's words.
type Statistic struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
}

// Inspector is implemented by executables whose device can say what became of the kernels.
type Inspector interface {
	// Built is what the driver tells of the kernels of a group that have run; nothing where it does not tell.
	Built(group int) ([]Built, error)
}

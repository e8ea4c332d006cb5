package profile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tuff/host/compute"
)

// ask has the drivers tell what they made of the kernels that ran.
func (r *Report) ask() error {
	for i := range r.Regions {
		g := &r.Regions[i]
		x, ok := r.execs[g.Name].(compute.Inspector)
		if !ok {
			continue
		}
		for j := range g.Ops {
			o := &g.Ops[j]
			list, err := x.Built(o.group)
			if err != nil {
				return fmt.Errorf("profile: ask what became of %s: %w", o.Kernel, err)
			}
			ran := strings.Split(o.Kernel, "+")
			o.Built = slices.DeleteFunc(list, func(b compute.Built) bool { return !slices.Contains(ran, b.Kernel) })
			r.Told = r.Told || len(o.Built) > 0
		}
	}
	return nil
}

// NotTold is what reports say where no driver tells about kernels.
const NotTold = "registers, spills, occupancy: the driver does not tell"

// each is a number of every kernel of an op, joined as their names are; "" where none is told.
func (o *Op) each(of func(*compute.Built) string) string {
	var list []string
	told := false
	for i := range o.Built {
		s := of(&o.Built[i])
		told = told || s != ""
		if s == "" {
			s = "–"
		}
		list = append(list, s)
	}
	if !told {
		return ""
	}
	return strings.Join(list, "+")
}

// Registers are those of an invocation.
func (o *Op) Registers() string {
	return o.each(func(b *compute.Built) string {
		if b.Registers == 0 {
			return ""
		}
		return strconv.Itoa(b.Registers)
	})
}

// Spills counts what is kept in memory for want of registers.
func (o *Op) Spills() string {
	return o.each(func(b *compute.Built) string {
		if b.Spills == nil {
			return ""
		}
		return strconv.Itoa(*b.Spills)
	})
}

// Occupancy is how many subgroups there is room for at once, and in what.
func (o *Op) Occupancy() string {
	return o.each(func(b *compute.Built) string {
		if b.Subgroups == 0 {
			return ""
		}
		return fmt.Sprintf("%d/%s", b.Subgroups, b.Unit)
	})
}

// iftold is a piece of a table that only drivers which tell have.
func (r *Report) iftold(s string) string { return onlyIf(r.Told, s) }

func onlyIf(is bool, s string) string {
	if !is {
		return ""
	}
	return s
}

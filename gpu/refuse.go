package gpu

import (
	"maps"

	"tuff/gpu/kernel"
)

// Refuse makes programs that are compiled from now on do without variants, of which each has the reason why: those that computed wrongly on
// this device. Where an op has no other kernel, one is chosen all the same, and asking by name still does. A device begins with those
// that no hardware has run yet: they are left out until a self-check has passed.
func (d *Device) Refuse(variants map[string]string) { d.caps.Refused = maps.Clone(variants) }

func unproven() map[string]string {
	list := map[string]string{}
	for _, v := range kernel.Unproven {
		list[v] = "it has not passed the self-check on this device"
	}
	return list
}

package gpu

import "maps"

// Refuse makes programs that are compiled from now on do without variants, of which each has the reason why: those that computed wrongly on
// this device. Where an op has no other kernel, one is chosen all the same, and asking by name still does.
func (d *Device) Refuse(variants map[string]string) { d.caps.Refused = maps.Clone(variants) }

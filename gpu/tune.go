package gpu

import (
	"tuff/gpu/kernel"
	"tuff/host/compute"
)

// SetTuned makes programs that are compiled from now on use the shapes of kernels that were found for this device. Shapes that it
// cannot run are left out.
func (d *Device) SetTuned(t kernel.Tuned) { d.caps.Tuned = t }

// SetTunedMany is SetTuned for shapes of many rows.
func (d *Device) SetTunedMany(t kernel.TunedMany) { d.caps.TunedMany = t }

// Tunable are the keys by which kernel.Tuned and kernel.TunedMany name what is in each group of a program compiled with o.
func (d *Device) Tunable(p *compute.Program, o compute.Options) ([]kernel.Keys, error) {
	return kernel.KeysOf(d.caps, p, o)
}

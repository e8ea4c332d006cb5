package gpu

import (
	"tuff/gpu/kernel"
	"tuff/host/compute"
)

// SetTuned makes programs that are compiled from now on use the shapes of kernels that were found for this device. Shapes that it
// cannot run are left out.
func (d *Device) SetTuned(t kernel.Tuned) { d.caps.Tuned = t }

// Products are the keys by which kernel.Tuned names the multiplications of each group of a program compiled with o.
func (d *Device) Products(p *compute.Program, o compute.Options) ([][]string, error) {
	return kernel.ProductsOf(d.caps, p, o)
}

// SetTunedMany is SetTuned for shapes of many rows.
func (d *Device) SetTunedMany(t kernel.TunedMany) { d.caps.TunedMany = t }

// Many are the keys by which kernel.TunedMany names what is in each group of a program compiled with o.
func (d *Device) Many(p *compute.Program, o compute.Options) ([][]string, error) {
	return kernel.ManyOf(d.caps, p, o)
}

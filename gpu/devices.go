package gpu

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tuff/gpu/vk"
	"tuff/host/compute"
)

// Found is a Vulkan device of this machine.
type Found struct {
	Index int // as in the selector gpu:N
	Info  compute.Info
	Unfit string // why tuff cannot use it, or ""
}

// Absent reports whether err says that there is no Vulkan here: built without cgo, no loader, no driver, no device. These
// are ordinary answers.
func Absent(err error) bool {
	return errors.Is(err, vk.ErrNoCgo) || errors.Is(err, vk.ErrNoLoader) || errors.Is(err, vk.ErrNoDriver) || errors.Is(err, vk.ErrNoDevice)
}

// Machine is what a look at this machine's Vulkan devices found. Loading drivers and asking them is a good part of a start, so a
// caller that chooses by itself looks once and opens one of what it found.
type Machine struct {
	Found []Found // in the drivers' order

	o    Options
	inst *vk.Instance // nil once a device owns it
	phys []vk.PhysicalInfo
}

// Look finds the machine's Vulkan devices.
func Look(o Options) (*Machine, error) {
	inst, err := vk.Open(vk.Options{AppName: "tuff", Validation: o.Validation, Emulate: o.Emulate, Hooks: o.Hooks})
	if err != nil {
		return nil, err
	}
	phys, err := inst.PhysicalDevices()
	if err != nil {
		return nil, errors.Join(err, inst.Close())
	}
	return &Machine{Found: found(phys), o: o, inst: inst, phys: phys}, nil
}

// Open opens one of Found, which is all that can be opened: the device owns what the look holds, and Close has nothing left to do.
func (m *Machine) Open(f Found) (*Device, error) {
	if m.inst == nil {
		return nil, fmt.Errorf("gpu: open %q: got a look that a device was opened from or that is closed, want a new one", f.Info.Name)
	}
	inst := m.inst
	m.inst = nil
	return open(inst, &m.phys[f.Index], m.o)
}

// Close ends the look.
func (m *Machine) Close() error {
	if m.inst == nil {
		return nil
	}
	inst := m.inst
	m.inst = nil
	return inst.Close()
}

// Devices lists the machine's Vulkan devices in the driver's order.
func Devices(o Options) ([]Found, error) {
	m, err := Look(o)
	if err != nil {
		return nil, err
	}
	return m.Found, m.Close()
}

func found(phys []vk.PhysicalInfo) []Found {
	list := make([]Found, len(phys))
	for i := range phys {
		list[i] = Found{Index: i, Info: infoOf(&phys[i]), Unfit: unfit(&phys[i])}
	}
	return list
}

// Prefer orders devices as tuff would take them: fit ones first, then discrete, integrated, virtual and software ones,
// more memory first among equals.
func Prefer(list []Found) []Found {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b Found) int {
		switch {
		case (a.Unfit == "") != (b.Unfit == ""):
			if a.Unfit == "" {
				return -1
			}
			return 1
		case a.Info.Kind != b.Info.Kind:
			return int(a.Info.Kind) - int(b.Info.Kind)
		case a.Info.MemoryTotal != b.Info.MemoryTotal:
			if a.Info.MemoryTotal > b.Info.MemoryTotal {
				return -1
			}
			return 1
		}
		return a.Index - b.Index
	})
	return list
}

// Choose finds the device of a selector: gpu is the most preferred, gpu:N the one of that index, anything else part of a
// name, whatever its case.
func Choose(list []Found, selector string) (Found, error) {
	n, numbered := strings.CutPrefix(selector, "gpu:")
	var got Found
	switch {
	case len(list) == 0:
		return Found{}, fmt.Errorf("gpu: choose device %q: %w", selector, vk.ErrNoDevice)
	case selector == "gpu":
		got = Prefer(list)[0]
	case numbered:
		i, err := strconv.Atoi(n)
		if err != nil || i < 0 || i >= len(list) {
			return Found{}, fmt.Errorf("gpu: choose device %q: want gpu:0 to gpu:%d", selector, len(list)-1)
		}
		got = list[i]
	default:
		i := slices.IndexFunc(Prefer(list), func(f Found) bool {
			return strings.Contains(strings.ToLower(f.Info.Name), strings.ToLower(selector))
		})
		if i < 0 {
			var names []string
			for _, f := range list {
				names = append(names, fmt.Sprintf("%q", f.Info.Name))
			}
			return Found{}, fmt.Errorf("gpu: choose device: no name holds %q; there are %s", selector, strings.Join(names, ", "))
		}
		got = Prefer(list)[i]
	}
	if got.Unfit != "" {
		return Found{}, fmt.Errorf("gpu: choose device %q: %q cannot run tuff: %s", selector, got.Info.Name, got.Unfit)
	}
	return got, nil
}

// EmulatedKinds are the GPUs that can be emulated.
func EmulatedKinds() []string { return vk.EmulatedKinds() }

// Open opens the device of a selector (see Choose), or an emulated one: "emulated:KIND", KIND being one of EmulatedKinds.
func Open(selector string, o Options) (*Device, error) {
	if kind, ok := strings.CutPrefix(selector, "emulated:"); ok || selector == "emulated" {
		o.Emulate, selector = cmp.Or(kind, selector), "gpu"
	}
	m, err := Look(o)
	if err != nil {
		return nil, err
	}
	f, err := Choose(m.Found, selector)
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m.Open(f)
}

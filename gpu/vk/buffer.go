package vk

// BufferUsage says what a buffer may be used for beside addresses in shaders, which every buffer allows.
type BufferUsage uint32

// The usages: VkBufferUsageFlags.
const (
	UsageTransferSrc BufferUsage = 0x1
	UsageTransferDst BufferUsage = 0x2
	UsageStorage     BufferUsage = 0x20
	UsageIndirect    BufferUsage = 0x100
	usagePredicate   BufferUsage = 0x200 // of UsageIndirect where the device has conditional rendering
	usageAddress     BufferUsage = 0x20000

	// UsageAll is what a block that is cut into parts for any purpose needs.
	UsageAll = UsageTransferSrc | UsageTransferDst | UsageStorage | UsageIndirect
)

// Memory is an allocation on the device. Host visible memory stays mapped from Allocate to Close.
type Memory struct {
	dev    *Device
	handle uint64
	size   uint64
	typ    int
	mapped []byte
	host   []byte // imported memory, kept alive
}

// Allocate allocates size bytes of a memory type, usable through buffer device addresses. Host visible types are mapped.
// Too much is an error that is ErrOutOfDeviceMemory.
func (d *Device) Allocate(size uint64, memoryType int) (*Memory, error) {
	if err := d.open("allocate memory"); err != nil {
		return nil, err
	}
	if memoryType < 0 || memoryType >= len(d.info.MemoryTypes) {
		return nil, invalid("allocate memory: got memory type %d, want 0 to %d", memoryType, len(d.info.MemoryTypes)-1)
	}
	if m := d.info.Limits.MaxMemoryAllocationSize; size == 0 || size > m {
		return nil, invalid("allocate memory: got %d B, want 1 to %d", size, m)
	}
	m := &Memory{dev: d, size: size, typ: memoryType}
	r := d.hooks.run(callAllocateMemory, func() (r Result) { m.handle, r = d.drv.allocate(size, memoryType, nil); return r })
	if r != Success {
		return nil, d.failed(callAllocateMemory, r, "allocate %s", Bytes(size))
	}
	d.hooks.born(objMemory)
	if d.info.MemoryTypes[memoryType].Flags&HostVisible != 0 {
		r = d.hooks.run(callMapMemory, func() (r Result) { m.mapped, r = d.drv.mapMemory(m.handle, size); return r })
		if r != Success {
			err := d.failed(callMapMemory, r, "map %s", Bytes(size))
			m.Close()
			return nil, err
		}
	}
	return m, nil
}

// ImportHost makes memory of the program usable by the device in place (VK_EXT_external_memory_host). Address and length
// of b are multiples of MinImportedHostPointerAlignment. The bytes must not move: mapped files and anonymous mappings, not
// the Go heap's. Some drivers refuse mapped files; the error is then an *Error, and the caller copies instead.
func (d *Device) ImportHost(b []byte) (*Memory, error) {
	if err := d.open("import memory"); err != nil {
		return nil, err
	}
	if !d.features.ExternalMemoryHost {
		return nil, unsupported("import memory on %q", d.info.Name)
	}
	if a := d.info.Limits.MinImportedHostPointerAlignment; a == 0 || len(b) == 0 || uint64(len(b))%a != 0 || addressOf(b)%a != 0 {
		return nil, invalid("import memory: got %d B at %#x, want multiples of %d", len(b), addressOf(b), a)
	}
	var types uint32
	r := d.hooks.run(callGetMemoryHostPointerProperties, func() (r Result) { types, r = d.drv.hostPointerTypes(b); return r })
	if r != Success {
		return nil, d.failed(callGetMemoryHostPointerProperties, r, "import %s", Bytes(uint64(len(b))))
	}
	for t := range d.info.MemoryTypes {
		if types>>t&1 == 0 {
			continue
		}
		m := &Memory{dev: d, size: uint64(len(b)), typ: t, mapped: b, host: b}
		r = d.hooks.run(callAllocateMemory, func() (r Result) { m.handle, r = d.drv.allocate(m.size, t, b); return r })
		if r != Success {
			return nil, d.failed(callAllocateMemory, r, "import %s", Bytes(m.size))
		}
		d.hooks.born(objMemory)
		return m, nil
	}
	return nil, unsupported("import memory on %q: no memory type takes it", d.info.Name)
}

// Size is in bytes; Type indexes PhysicalInfo.MemoryTypes.
func (m *Memory) Size() uint64 { return m.size }
func (m *Memory) Type() int    { return m.typ }

// Bytes is the mapped memory, or nil. It must not be used after Close.
func (m *Memory) Bytes() []byte { return m.mapped }

// Close frees the memory. Its buffers must be closed, and the device done with them.
func (m *Memory) Close() error {
	if m.handle == 0 {
		return nil
	}
	if !m.dev.closed.Load() {
		if m.mapped != nil && m.host == nil {
			m.dev.drv.unmap(m.handle)
		}
		m.dev.drv.free(m.handle)
		m.dev.hooks.gone(objMemory)
	}
	m.handle, m.mapped, m.host = 0, nil, nil
	return nil
}

// Requirements are what memory a buffer needs.
type Requirements struct {
	Size, Align uint64 // bytes
	Types       uint32 // bit i: memory type i will do
}

// BufferRequirements asks what a buffer of this size and usage needs, by making one and giving it back.
func (d *Device) BufferRequirements(size uint64, usage BufferUsage) (Requirements, error) {
	if err := d.open("ask buffer requirements"); err != nil {
		return Requirements{}, err
	}
	h, err := d.createBuffer(size, usage, false)
	if err != nil {
		return Requirements{}, err
	}
	var q Requirements
	q.Size, q.Align, q.Types = d.drv.bufferRequirements(h)
	d.drv.destroyBuffer(h)
	d.hooks.gone(objBuffer)
	return q, nil
}

// Buffer is a range of memory with an address that shaders can use.
type Buffer struct {
	dev     *Device
	handle  uint64
	size    uint64
	address uint64
	mapped  []byte
}

// CreateBuffer makes a buffer of size bytes at byte off of m.
func (d *Device) CreateBuffer(size uint64, usage BufferUsage, m *Memory, off uint64) (*Buffer, error) {
	if err := d.open("create buffer"); err != nil {
		return nil, err
	}
	if m == nil || m.handle == 0 || m.dev != d {
		return nil, invalid("create buffer: got closed or foreign memory")
	}
	h, err := d.createBuffer(size, usage, m.host != nil)
	if err != nil {
		return nil, err
	}
	b := &Buffer{dev: d, handle: h, size: size}
	need, align, types := d.drv.bufferRequirements(h)
	if off%align != 0 || off > m.size || need > m.size-off || types>>m.typ&1 == 0 {
		b.Close()
		return nil, invalid("create buffer: got %d B at offset %d of %d B of memory type %d, want %d B aligned to %d of a type in %#b", size, off, m.size, m.typ, need, align, types)
	}
	r := d.hooks.run(callBindBufferMemory, func() Result { return d.drv.bind(h, m.handle, off) })
	if r != Success {
		b.Close()
		return nil, d.failed(callBindBufferMemory, r, "bind buffer of %s", Bytes(size))
	}
	b.address = d.drv.bufferAddress(h)
	if m.mapped != nil {
		b.mapped = m.mapped[off : off+size : off+size]
	}
	return b, nil
}

func (d *Device) createBuffer(size uint64, usage BufferUsage, external bool) (uint64, error) {
	if size == 0 || size > d.info.Limits.MaxBufferSize {
		return 0, invalid("create buffer: got %d B, want 1 to %d", size, d.info.Limits.MaxBufferSize)
	}
	var h uint64
	r := d.hooks.run(callCreateBuffer, func() (r Result) {
		if usage&UsageIndirect != 0 && d.features.ConditionalRendering {
			usage |= usagePredicate
		}
		h, r = d.drv.createBuffer(size, uint32(usage|usageAddress), external)
		return r
	})
	if r != Success {
		return 0, d.failed(callCreateBuffer, r, "create buffer of %s", Bytes(size))
	}
	d.hooks.born(objBuffer)
	return h, nil
}

// Size is in bytes.
func (b *Buffer) Size() uint64 { return b.size }

// Address is the buffer's address for shaders. No driver checks what is read or written through it.
func (b *Buffer) Address() uint64 { return b.address }

// Bytes is the buffer's mapped memory, or nil. It must not be used after Close, nor while the device writes it.
func (b *Buffer) Bytes() []byte { return b.mapped }

// Close destroys the buffer; the device must be done with it. The memory stays.
func (b *Buffer) Close() error {
	if b.handle == 0 {
		return nil
	}
	if !b.dev.closed.Load() {
		b.dev.drv.destroyBuffer(b.handle)
		b.dev.hooks.gone(objBuffer)
	}
	b.handle, b.mapped, b.address = 0, nil, 0
	return nil
}

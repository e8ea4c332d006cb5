package vk

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// PipelineCache keeps what the driver compiled. Safe for use by several goroutines, as vkCreateComputePipelines is.
type PipelineCache struct {
	dev    *Device
	handle uint64
	onDisk []byte // head of the file that holds just this, or nil
}

// NewPipelineCache makes a cache from what Data gave earlier; nil makes an empty one. Data of another device or driver is
// refused: drivers ought to check it, and some crash.
func (d *Device) NewPipelineCache(initial []byte) (*PipelineCache, error) {
	if err := d.open("create pipeline cache"); err != nil {
		return nil, err
	}
	if len(initial) > 0 {
		if err := d.checkCache(initial); err != nil {
			return nil, err
		}
	}
	c := &PipelineCache{dev: d}
	r := d.hooks.run(callCreatePipelineCache, func() (r Result) { c.handle, r = d.drv.createPipelineCache(initial); return r })
	if r != Success {
		return nil, d.failed(callCreatePipelineCache, r, "create pipeline cache of %s", Bytes(uint64(len(initial))))
	}
	d.hooks.born(objPipelineCache)
	return c, nil
}

// checkCache reads VkPipelineCacheHeaderVersionOne: header size, version 1, vendor, device, UUID.
func (d *Device) checkCache(b []byte) error {
	const header = 32
	if len(b) < header || len(b) > maxCache {
		return invalid("read pipeline cache: got %d B, want %d to %d", len(b), header, maxCache)
	}
	le := binary.LittleEndian
	size, version, vendor, device := le.Uint32(b), le.Uint32(b[4:]), le.Uint32(b[8:]), le.Uint32(b[12:])
	if size < header || uint64(size) > uint64(len(b)) || version != 1 {
		return invalid("read pipeline cache: got header of %d B, version %d, want at least %d B, version 1", size, version, header)
	}
	if vendor != d.info.VendorID || device != d.info.DeviceID || !bytes.Equal(b[16:32], d.info.PipelineCacheUUID[:]) {
		return invalid("read pipeline cache: got device %#x:%#x %x, want %#x:%#x %x", vendor, device, b[16:32], d.info.VendorID, d.info.DeviceID, d.info.PipelineCacheUUID)
	}
	return nil
}

// Data is the cache's contents, for NewPipelineCache on the same device and driver.
func (c *PipelineCache) Data() ([]byte, error) {
	if err := c.dev.open("read pipeline cache"); err != nil {
		return nil, err
	}
	if c.handle == 0 {
		return nil, invalid("read pipeline cache: got a closed cache")
	}
	var b []byte
	r := c.dev.hooks.run(callGetPipelineCacheData, func() (r Result) { b, r = c.dev.drv.pipelineCacheData(c.handle); return r })
	if r != Success {
		return nil, c.dev.failed(callGetPipelineCacheData, r, "read pipeline cache")
	}
	return b, nil
}

// Close destroys the cache.
func (c *PipelineCache) Close() error {
	if c.handle == 0 {
		return nil
	}
	if !c.dev.closed.Load() {
		c.dev.drv.destroyPipelineCache(c.handle)
		c.dev.hooks.gone(objPipelineCache)
	}
	c.handle = 0
	return nil
}

// The cache file: magic, then the driver's UUID and version (drivers forget to change their cache UUID), the payload's
// size and SHA-256, the payload. Little-endian. No driver checks its cache against bit rot, so the file does.
const (
	cacheMagic  = "TUFFVKC1"
	cacheHeader = len(cacheMagic) + 16 + 4 + 4 + 8 + sha256.Size
	maxCache    = 1 << 30 // bytes
)

func (d *Device) cacheHead(payload []byte) []byte {
	h := make([]byte, 0, cacheHeader)
	h = append(h, cacheMagic...)
	h = append(h, d.info.DriverUUID[:]...)
	h = binary.LittleEndian.AppendUint32(h, d.info.DriverVersion)
	h = binary.LittleEndian.AppendUint32(h, uint32(d.info.APIVersion))
	h = binary.LittleEndian.AppendUint64(h, uint64(len(payload)))
	sum := sha256.Sum256(payload)
	return append(h, sum[:]...)
}

// LoadPipelineCache makes a cache from a file that Save wrote. A file that is missing, damaged, cut off or of another device
// or driver gives an empty cache and says why in rebuilt; err is for failures of the device only. rebuilt is
// fs.ErrNotExist on the first start.
func (d *Device) LoadPipelineCache(path string) (c *PipelineCache, rebuilt, err error) {
	payload, rebuilt := d.readCache(path)
	if rebuilt == nil {
		c, err = d.NewPipelineCache(payload)
		if err == nil {
			c.onDisk = d.cacheHead(payload)
			return c, nil, nil
		}
		if !errors.Is(err, ErrInvalid) {
			return nil, nil, err
		}
		rebuilt = err
	}
	c, err = d.NewPipelineCache(nil)
	return c, rebuilt, err
}

func (d *Device) readCache(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("vk: read pipeline cache: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, int64(maxCache+cacheHeader)+1))
	if err != nil {
		return nil, fmt.Errorf("vk: read pipeline cache: %w", err)
	}
	if len(b) < cacheHeader || len(b) > maxCache+cacheHeader {
		return nil, invalid("read pipeline cache %q: got %d B, want %d to %d", path, len(b), cacheHeader, maxCache+cacheHeader)
	}
	payload := b[cacheHeader:]
	if want := d.cacheHead(payload); !bytes.Equal(b[:cacheHeader], want) {
		return nil, invalid("read pipeline cache %q: got header %x, want %x", path, b[:cacheHeader], want)
	}
	return payload, nil
}

// Save writes the cache to a file, whole or not at all: beside it first, then renamed over it. A file that LoadPipelineCache or Save
// left with the same contents stays as it is: waiting for a disk is most of what a warm start would do here.
func (c *PipelineCache) Save(path string) (err error) {
	payload, err := c.Data()
	if err != nil {
		return err
	}
	if len(payload) > maxCache {
		return invalid("save pipeline cache: got %d B, want at most %d", len(payload), maxCache)
	}
	head := c.dev.cacheHead(payload)
	if bytes.Equal(head, c.onDisk) {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("vk: save pipeline cache: %w", err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
			err = fmt.Errorf("vk: save pipeline cache: %w", err)
		}
	}()
	if _, err = f.Write(head); err != nil {
		return err
	}
	if _, err = f.Write(payload); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err == nil {
		c.onDisk = head
	}
	return err
}

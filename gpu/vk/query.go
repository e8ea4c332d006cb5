package vk

import (
	"slices"
	"time"
)

// QueryPool holds timestamps.
type QueryPool struct {
	dev    *Device
	handle uint64
	n      uint32
}

// maxQueries bounds a pool: two per dispatch of the largest program, many times over.
const maxQueries = 1 << 20

// NewQueryPool makes a pool of n timestamps. Devices without timestamps answer ErrUnsupported. The queries must be reset
// (Commands.ResetQueries or Reset) before they are first written.
func (d *Device) NewQueryPool(n uint32) (*QueryPool, error) {
	if err := d.open("create query pool"); err != nil {
		return nil, err
	}
	if n == 0 || n > maxQueries {
		return nil, invalid("create query pool: got %d queries, want 1 to %d", n, maxQueries)
	}
	if d.info.Limits.TimestampValidBits == 0 || d.info.Limits.TimestampPeriod <= 0 {
		return nil, unsupported("create query pool: timestamps on %q", d.info.Name)
	}
	q := &QueryPool{dev: d, n: n}
	r := d.hooks.run(callCreateQueryPool, func() (r Result) { q.handle, r = d.drv.createQueryPool(n); return r })
	if r != Success {
		return nil, d.failed(callCreateQueryPool, r, "create query pool of %d", n)
	}
	d.hooks.born(objQueryPool)
	return q, nil
}

// Len is the number of queries.
func (q *QueryPool) Len() uint32 { return q.n }

// Results reads len(dst) timestamps from first, in ticks of Limits.TimestampPeriod ns that wrap at TimestampValidBits.
// With wait it blocks until they are written, which never happens for queries that no submitted work writes; without, ones
// not yet written are an error that is ErrNotReady.
func (q *QueryPool) Results(first uint32, dst []uint64, wait bool) error {
	if err := q.dev.open("read timestamps"); err != nil {
		return err
	}
	if q.handle == 0 || len(dst) == 0 || uint64(first)+uint64(len(dst)) > uint64(q.n) {
		return invalid("read timestamps: got queries %d to %d, want a non-empty range of %d", first, uint64(first)+uint64(len(dst)), q.n)
	}
	r := q.dev.hooks.inject(callGetQueryPoolResults)
	if r == Success {
		r = q.dev.drv.queryResults(q.handle, first, dst, wait)
	}
	if r != Success {
		return q.dev.failed(callGetQueryPoolResults, r, "read %d timestamps", len(dst))
	}
	mask := q.dev.tickMask()
	for i := range dst {
		dst[i] &= mask
	}
	return nil
}

// Reset makes queries writable again from the host. Devices without HostQueryReset answer ErrUnsupported.
func (q *QueryPool) Reset(first, n uint32) error {
	if err := q.dev.open("reset queries"); err != nil {
		return err
	}
	if !q.dev.features.HostQueryReset {
		return unsupported("reset queries from the host on %q", q.dev.info.Name)
	}
	if q.handle == 0 || n == 0 || uint64(first)+uint64(n) > uint64(q.n) {
		return invalid("reset queries: got %d to %d, want a non-empty range of %d", first, uint64(first)+uint64(n), q.n)
	}
	q.dev.drv.resetQueries(q.handle, first, n)
	return nil
}

// Close destroys the pool; no recorded command buffer that uses it may be submitted any more.
func (q *QueryPool) Close() error {
	if q.handle == 0 {
		return nil
	}
	if !q.dev.closed.Load() {
		q.dev.drv.destroyQueryPool(q.handle)
		q.dev.hooks.gone(objQueryPool)
	}
	q.handle = 0
	return nil
}

func (d *Device) tickMask() uint64 {
	if b := d.info.Limits.TimestampValidBits; b < 64 {
		return 1<<b - 1
	}
	return ^uint64(0)
}

// Elapsed is the time between two timestamps, one wrap of the counter allowed.
func (d *Device) Elapsed(from, to uint64) time.Duration {
	ticks := (to - from) & d.tickMask()
	return time.Duration(float64(ticks) * float64(d.info.Limits.TimestampPeriod))
}

// Time domains: VkTimeDomainKHR.
const (
	domainDevice       = 0
	domainMonotonic    = 1
	domainMonotonicRaw = 2
	domainQPC          = 3
)

// hostDomain picks the host clock to compare with: Go's own clock first. -1 without any.
func hostDomain(domains []uint32) int {
	for _, d := range []uint32{domainMonotonic, domainMonotonicRaw, domainQPC} {
		if slices.Contains(domains, d) {
			return int(d)
		}
	}
	return -1
}

// Calibration is one moment on both clocks. Ticks of one device are comparable across submits only through these.
type Calibration struct {
	Ticks     uint64        // device clock
	Host      uint64        // host clock: ns, or ticks of the performance counter on Windows
	When      time.Time     // the moment on Go's clock; zero where Host is another clock than Go's
	Deviation time.Duration // how far apart the two may have been read
}

// Time places a device timestamp on Go's clock. It is right for moments near the calibration; clocks drift by some
// microseconds a second.
func (d *Device) Time(c Calibration, ticks uint64) time.Time {
	// The nearer of the two directions around the counter.
	delta := (ticks - c.Ticks) & d.tickMask()
	ns := float64(delta) * float64(d.info.Limits.TimestampPeriod)
	if delta > d.tickMask()/2 {
		ns = -float64((c.Ticks-ticks)&d.tickMask()) * float64(d.info.Limits.TimestampPeriod)
	}
	return c.When.Add(time.Duration(ns))
}

// Calibrate reads the device's and the host's clock together. Devices that cannot answer ErrUnsupported.
func (d *Device) Calibrate() (Calibration, error) {
	if err := d.open("calibrate clocks"); err != nil {
		return Calibration{}, err
	}
	domain := hostDomain(d.info.timeDomains)
	if !d.features.CalibratedTimestamps || domain < 0 {
		return Calibration{}, unsupported("calibrate clocks on %q", d.info.Name)
	}
	var c Calibration
	var deviation uint64
	r := d.hooks.run(callGetCalibratedTimestamps, func() (r Result) {
		c.Ticks, c.Host, deviation, r = d.drv.calibrated(uint32(domain))
		return r
	})
	if r != Success {
		return Calibration{}, d.failed(callGetCalibratedTimestamps, r, "calibrate clocks")
	}
	c.Ticks &= d.tickMask()
	c.Deviation = time.Duration(deviation)
	if domain == domainMonotonic {
		if now := d.drv.hostClock(); now != 0 {
			c.When = time.Now().Add(-time.Duration(now - c.Host))
		}
	}
	return c, nil
}

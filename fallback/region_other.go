//go:build !linux

package fallback

func hugePages(int64) []byte { return nil }
func releasePages([]byte)    {}
func lastLevelCache() int64  { return 0 }

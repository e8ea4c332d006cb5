package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"tuff/host/compute"
	"tuff/shaders"
)

// cached says what a file about a device was made with: what it says holds for this device, driver and these shaders only.
type cached struct {
	Device  string `json:"device"`
	Driver  string `json:"driver"`
	Shaders string `json:"shaders"` // digest of all modules
}

func cachedFor(info compute.Info) cached { return cached{info.Name, info.Driver, shaders.Hash()} }

// maxCached bounds what is read of such a file, in bytes.
const maxCached = 1 << 20

// cachePath is the file of a kind about a device, or "" where the machine has no cache folder or nothing of the device is kept.
func cachePath(kind string, info compute.Info) string {
	dir, err := os.UserCacheDir()
	if err != nil || info.Emulated {
		return ""
	}
	return filepath.Join(dir, "tuff", kind+"-"+info.ID+".json")
}

// readCached fills v from a file. A file that is missing, larger than any that was written, or damaged is as none.
func readCached(path string, v any) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	b, err := io.ReadAll(io.LimitReader(f, maxCached+1))
	return f.Close() == nil && err == nil && len(b) <= maxCached && json.Unmarshal(b, v) == nil
}

// writeCached is for the next start; a folder that cannot be written only costs time then.
func writeCached(path string, v any) {
	b, err := json.MarshalIndent(v, "", "  ")
	if path == "" || err != nil || os.MkdirAll(filepath.Dir(path), 0o755) != nil {
		return
	}
	tmp := fmt.Sprintf("%s.%d", path, os.Getpid())
	if os.WriteFile(tmp, b, 0o644) == nil && os.Rename(tmp, path) != nil {
		_ = os.Remove(tmp)
	}
}

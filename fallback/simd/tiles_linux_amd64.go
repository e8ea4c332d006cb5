package simd

import "syscall"

// Of arch_prctl(2), and the number of the tiles' data among the parts of a processor's state (Intel SDM, volume 1, section 13.1).
const (
	requestPermission = 0x1023 // ARCH_REQ_XCOMP_PERM
	tileData          = 18
)

// allowTiles asks for the tile registers, which Linux gives to a process that wants their 8 KiB in every signal frame. It refuses where
// the system does not save them, or where a thread's signal stack is too small; Go's have 32 KiB.
func allowTiles() bool {
	_, _, errno := syscall.RawSyscall(syscall.SYS_ARCH_PRCTL, requestPermission, tileData, 0)
	return errno == 0
}

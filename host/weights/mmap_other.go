//go:build !unix

package weights

import (
	"errors"
	"os"
)

// mapFile is not needed for correctness: the file is read instead.
func mapFile(*os.File, int) (content, error) { return content{}, errors.ErrUnsupported }

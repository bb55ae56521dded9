package record

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// openWork makes this process' own folder for unfinished calls, and clears away
// those of processes of this host that have ended without doing so.
func openWork(dir string) (string, error) {
	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("cannot find the host's name: %w", err)
	}
	all := filepath.Join(dir, ".work")
	if err := os.MkdirAll(all, 0o750); err != nil {
		return "", unavailable("make working folder", err)
	}
	if err := clearWork(all, host); err != nil {
		return "", err
	}
	work, err := os.MkdirTemp(all, fmt.Sprintf("%s,%d,*", host, os.Getpid()))
	if err != nil {
		return "", unavailable("make working folder", err)
	}
	return work, nil
}

func clearWork(all, host string) error {
	entries, err := os.ReadDir(all)
	if err != nil {
		return unavailable("list working folders", err)
	}
	for _, e := range entries {
		part := strings.Split(e.Name(), ",")
		if len(part) != 3 || part[0] != host {
			continue
		}
		// A folder with our own number is of a process before us: containers
		// start counting anew.
		if pid, err := strconv.Atoi(part[1]); err != nil || pid != os.Getpid() && alive(pid) {
			continue
		}
		if err := removeWork(filepath.Join(all, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func alive(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

func removeWork(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return unavailable("clear working folder", err)
	}
	return nil
}

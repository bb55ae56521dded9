package mirror

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"earshot"
)

// journal notes every open call in a file of its own, so that the next start
// can close what a killed process left open.
type journal struct{ dir string }

// note is what the journal knows of a call.
type note struct {
	Facts earshot.Interaction `json:"facts"`
	// Reason is set once the call's end has been decided: the next start then
	// writes the same end again and not another one.
	Reason string                `json:"reason,omitempty"`
	Lost   map[earshot.LegID]int `json:"lost,omitempty"`
	// Gone are the legs that ended before the call did.
	Gone map[earshot.LegID]bool `json:"gone,omitempty"`
}

func openJournal(dir string) (*journal, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("cannot make journal folder: %w", err)
	}
	return &journal{dir}, nil
}

func (j *journal) path(id earshot.InteractionID) string {
	return filepath.Join(j.dir, string(id)+".json")
}

func (j *journal) write(n note) error {
	data, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("cannot write journal: %w", err)
	}
	tmp := j.path(n.Facts.ID) + ".new"
	if err := os.WriteFile(tmp, data, 0o640); err != nil {
		return fmt.Errorf("cannot write journal: %w", err)
	}
	if err := os.Rename(tmp, j.path(n.Facts.ID)); err != nil {
		return fmt.Errorf("cannot write journal: %w", err)
	}
	return nil
}

func (j *journal) remove(id earshot.InteractionID) error {
	if err := os.Remove(j.path(id)); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("cannot remove from journal: %w", err)
	}
	return nil
}

// open returns the calls that were open, and removes what can't be read: a
// file is renamed into place, so that only a failing disk makes such.
func (j *journal) open() ([]note, error) {
	names, err := filepath.Glob(filepath.Join(j.dir, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("cannot list journal: %w", err)
	}
	var out []note
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("cannot read journal: %w", err)
		}
		var n note
		if err := json.Unmarshal(data, &n); err != nil || n.Facts.ID == "" {
			if err := os.Rename(name, name+".damaged"); err != nil {
				return nil, fmt.Errorf("cannot put aside damaged journal entry: %w", err)
			}
			continue
		}
		out = append(out, n)
	}
	return out, nil
}

package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"earshot"
	"earshot/internal/bus"
	"earshot/media/audio"
)

// Store finds recordings. Below its folder lie
//
//	YYYY/MM/DD/<interaction>.wav    the recording, by the day (UTC) the call began
//	YYYY/MM/DD/<interaction>.json   its outline, and the records it was made from
//	.index/<ab>/<interaction>       the path of both, so that the id alone finds them
//
// It is safe for concurrent use, beside a recorder in this or another process.
type Store struct{ dir string }

// NewStore returns the store in a folder, which may not be there yet. The error
// is Invalid when no folder is named.
func NewStore(dir string) (*Store, error) {
	if dir == "" {
		return nil, earshot.InvalidField("recordings.dir", "write a folder, such as data/recordings", "it is empty")
	}
	return &Store{dir: dir}, nil
}

// entry is the file beside a recording.
type entry struct {
	audio.Peaks
	// Path of the recording below the store, without its ending.
	Path string `json:"-"`
	// Rate of the recording in Hz.
	Rate int `json:"rate"`
	// Partition, First and Last name the records of the audio topic that it was
	// made from.
	Partition int32 `json:"partition"`
	First     int64 `json:"first_offset"`
	Last      int64 `json:"last_offset"`
}

// covers says that the recording already holds what the record tells. After a
// restart the tail of a finished call may be read again without its beginning,
// and must not replace the whole.
func (e *entry) covers(r *bus.Record) bool {
	return e != nil && e.Partition == r.Partition && e.First <= r.Offset && r.Offset <= e.Last
}

func (s *Store) wav(path string) string  { return filepath.Join(s.dir, path+".wav") }
func (s *Store) json(path string) string { return filepath.Join(s.dir, path+".json") }

func (s *Store) index(id earshot.InteractionID) string {
	return filepath.Join(s.dir, ".index", string(id[:2]), string(id))
}

// validID says whether an id is a UUID in its canonical form, and so cannot
// lead out of the store.
func validID(id earshot.InteractionID) bool {
	if len(id) != 36 {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f':
		default:
			return false
		}
	}
	return true
}

// Open returns the recording of an interaction, a stereo WAV file with the agent
// left and the customer right, for reading from any place. The error is Invalid
// for an id that is no UUID and NotFound when there is no recording.
func (s *Store) Open(id earshot.InteractionID) (io.ReadSeekCloser, error) {
	path, err := s.locate(id)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(s.wav(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, notFound(id)
	}
	if err != nil {
		return nil, unavailable("open recording", err)
	}
	return f, nil
}

// Peaks returns the outline of a recording; errors are those of Open.
func (s *Store) Peaks(id earshot.InteractionID) (audio.Peaks, error) {
	path, err := s.locate(id)
	if err != nil {
		return audio.Peaks{}, err
	}
	e, err := s.read(path)
	if err != nil {
		return audio.Peaks{}, err
	}
	if e == nil {
		return audio.Peaks{}, notFound(id)
	}
	return e.Peaks, nil
}

func notFound(id earshot.InteractionID) error {
	return earshot.Errorf(earshot.NotFound, "interaction %s has no recording", id)
}

// locate returns the path of a recording by the index, or by looking through the
// days when the index is lost, as in a store that was copied by hand.
func (s *Store) locate(id earshot.InteractionID) (string, error) {
	if !validID(id) {
		return "", earshot.InvalidField("interaction", "use a UUID in lower case", "%q is no interaction id", id)
	}
	path, err := s.indexed(id)
	if err != nil || path != "" {
		return path, err
	}
	found, err := filepath.Glob(filepath.Join(s.dir, "[0-9]*", "[0-9]*", "[0-9]*", string(id)+".wav"))
	if err != nil || len(found) == 0 {
		return "", notFound(id)
	}
	rel, err := filepath.Rel(s.dir, found[0])
	if err != nil {
		return "", fmt.Errorf("cannot locate recording: %w", err)
	}
	return strings.TrimSuffix(rel, ".wav"), nil
}

// indexed returns the path that the index has, "" when it has none.
func (s *Store) indexed(id earshot.InteractionID) (string, error) {
	b, err := os.ReadFile(s.index(id))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", unavailable("read index of recordings", err)
	}
	path := strings.TrimSpace(string(b))
	if !filepath.IsLocal(path) || filepath.Base(path) != string(id) {
		return "", nil
	}
	return path, nil
}

// find returns what is recorded of an interaction, nil when nothing is.
func (s *Store) find(id earshot.InteractionID) (*entry, error) {
	path, err := s.indexed(id)
	if err != nil || path == "" {
		return nil, err
	}
	return s.read(path)
}

func (s *Store) read(path string) (*entry, error) {
	b, err := os.ReadFile(s.json(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, unavailable("read outline of recording", err)
	}
	e := &entry{}
	if err := json.Unmarshal(b, e); err != nil {
		return nil, earshot.Errorf(earshot.Internal, "cannot read outline of recording %s: %w", path, err)
	}
	e.Path = path
	return e, nil
}

// put moves a finished recording to its place. The index comes last: a crash
// before it means that the call is recorded again, to the same bytes.
func (s *Store) put(id earshot.InteractionID, tmp string, e *entry) error {
	day := filepath.Dir(s.wav(e.Path))
	for _, dir := range []string{day, filepath.Dir(s.index(id))} {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return unavailable("make folder of recordings", err)
		}
	}
	outline, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("cannot write outline of recording: %w", err)
	}
	if err := os.Rename(tmp, s.wav(e.Path)); err != nil {
		return unavailable("move recording to its place", err)
	}
	if err := writeFile(s.json(e.Path), append(outline, '\n'), filepath.Dir(tmp)); err != nil {
		return err
	}
	if err := syncDir(day); err != nil {
		return err
	}
	if err := writeFile(s.index(id), []byte(e.Path+"\n"), filepath.Dir(tmp)); err != nil {
		return err
	}
	return syncDir(filepath.Dir(s.index(id)))
}

// writeFile writes a file whole or not at all, by way of the folder tmp.
func writeFile(name string, b []byte, tmp string) error {
	f, err := os.CreateTemp(tmp, "new-*")
	if err != nil {
		return unavailable("create file beside recording", err)
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return unavailable("write file beside recording", err)
	}
	return nil
}

// syncDir makes renames in a folder last.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return unavailable("open folder of recordings", err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return unavailable("sync folder of recordings", err)
	}
	return nil
}

// Expire deletes the recordings of the days (UTC) that had ended before the
// given time, and returns how many that were.
func (s *Store) Expire(before time.Time) (n int, err error) {
	days, globErr := filepath.Glob(filepath.Join(s.dir, "[0-9][0-9][0-9][0-9]", "[0-9][0-9]", "[0-9][0-9]"))
	if globErr != nil {
		return 0, fmt.Errorf("cannot list recordings: %w", globErr)
	}
	for _, dir := range days {
		rel, relErr := filepath.Rel(s.dir, dir)
		day, dateErr := time.Parse("2006/01/02", filepath.ToSlash(rel))
		if relErr != nil || dateErr != nil || !day.AddDate(0, 0, 1).Before(before) {
			continue
		}
		gone, dirErr := s.removeDay(dir)
		n, err = n+gone, errors.Join(err, dirErr)
	}
	return n, err
}

func (s *Store) removeDay(dir string) (n int, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.wav"))
	if err != nil {
		return 0, fmt.Errorf("cannot list recordings: %w", err)
	}
	for _, f := range files {
		id := earshot.InteractionID(strings.TrimSuffix(filepath.Base(f), ".wav"))
		if !validID(id) {
			continue
		}
		if err := os.Remove(s.index(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return n, unavailable("remove recording from the index", err)
		}
		n++
	}
	if err := os.RemoveAll(dir); err != nil {
		return n, unavailable("remove old recordings", err)
	}
	return n, nil
}

package record_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"earshot"
	"earshot/internal/await"
	"earshot/internal/bus/bustest"
	"earshot/media/record"
)

func TestStore_RefusesIdsThatAreNoUUID(t *testing.T) {
	s := openStore(t, t.TempDir())
	for _, id := range []earshot.InteractionID{"", "x", "../../../../../../../etc/passwd-----", "0197B0B0-0000-7000-8000-000000000000",
		"0197b0b0-0000-7000-8000-00000000000g", "0197b0b0/0000-7000-8000-000000000000", "0197b0b0-0000-7000-8000-0000000000001"} {
		if _, err := s.Open(id); earshot.KindOf(err) != earshot.Invalid {
			t.Errorf("Open(%q): %v", id, err)
		}
		if _, err := s.Peaks(id); earshot.KindOf(err) != earshot.Invalid {
			t.Errorf("Peaks(%q): %v", id, err)
		}
	}
}

func TestStore_SaysNotFoundForACallWithoutRecording(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "not", "there"))
	id := earshot.CallID("", "none")
	_, err := s.Open(id)
	_, perr := s.Peaks(id)
	if earshot.KindOf(err) != earshot.NotFound || earshot.KindOf(perr) != earshot.NotFound {
		t.Errorf("Open: %v, Peaks: %v", err, perr)
	}
}

// recorded makes a store with one call of each day.
func recorded(t *testing.T, days ...time.Time) (string, []earshot.InteractionID) {
	t.Helper()
	c, cfg := bustest.New(t), config(t)
	var ids []earshot.InteractionID
	for _, day := range days {
		s := newScript(t, day.String())
		s.base, s.facts.StartedAt = day, day
		s.leg(earshot.Agent, earshot.PCMU).say(0, noise(1, 800))
		s.mark(earshot.AudioCallEnd, "", time.Second)
		produce(t, c, s.out...)
		ids = append(ids, s.facts.ID)
	}
	r := runRecorder(t, c, cfg)
	for _, id := range ids {
		awaitSound(t, openStore(t, cfg.Dir), id, nil)
	}
	r.stop() // and so until the outlines are there
	return cfg.Dir, ids
}

func TestStore_ExpiresWholeDaysAlone(t *testing.T) {
	dir, ids := recorded(t, start.AddDate(0, 0, -2), start.AddDate(0, 0, -1), start)
	s := openStore(t, dir)
	// The day before yesterday had ended then, yesterday had not quite.
	n, err := s.Expire(time.Date(2026, 3, 1, 23, 59, 0, 0, time.UTC))
	if err != nil || n != 1 {
		t.Fatalf("%d expired, %v", n, err)
	}
	for i, id := range ids {
		f, err := s.Open(id)
		if gone := earshot.KindOf(err) == earshot.NotFound; gone != (i == 0) {
			t.Errorf("call %d: %v", i, err)
		}
		if err == nil {
			err = f.Close()
		}
		if err != nil && i > 0 {
			t.Error(err)
		}
	}
	if n, err := s.Expire(start.AddDate(1, 0, 0)); err != nil || n != 2 {
		t.Errorf("%d expired, %v", n, err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".index", "*", "*")); err != nil || len(left) > 0 {
		t.Errorf("left in the index: %v %v", left, err)
	}
}

func TestStore_FindsARecordingWithoutItsIndex(t *testing.T) {
	dir, ids := recorded(t, start)
	if err := os.RemoveAll(filepath.Join(dir, ".index")); err != nil {
		t.Fatal(err)
	}
	s := openStore(t, dir)
	f, err := s.Open(ids[0])
	if err != nil {
		t.Fatal(err)
	}
	n, err := f.Seek(0, io.SeekEnd)
	if err := errors.Join(err, f.Close()); err != nil || n != 44+4*800 {
		t.Errorf("%d bytes, %v", n, err)
	}
	if p, err := s.Peaks(ids[0]); err != nil || p.DurationMS != 100 {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestRecorder_WaitsForADiskThatCannotBeWritten(t *testing.T) {
	c, cfg := bustest.New(t), config(t)
	s := newScript(t, "no room")
	s.leg(earshot.Agent, earshot.PCMU).say(0, noise(1, 8000))
	s.mark(earshot.AudioCallEnd, "", time.Second)
	if err := os.MkdirAll(cfg.Dir, 0o750); err != nil {
		t.Fatal(err)
	}
	inTheWay := filepath.Join(cfg.Dir, "2026") // where a folder is to be made
	if err := os.WriteFile(inTheWay, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewRegistry()
	failures := func() float64 {
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() == "earshot_recorder_failures_total" {
				return f.GetMetric()[0].GetCounter().GetValue()
			}
		}
		return 0
	}
	produce(t, c, s.out...)
	runRecorderWith(t, c, cfg, reg)
	await.That(t, "the recorder tries again", func() bool { return failures() >= float64(c.Config().Retries)+3 })
	if err := os.Remove(inTheWay); err != nil {
		t.Fatal(err)
	}
	if got := awaitSound(t, openStore(t, cfg.Dir), s.facts.ID, nil); len(got.left) != 8000 {
		t.Errorf("%d frames", len(got.left))
	}
}

func TestConfig_NamesTheWrongKey(t *testing.T) {
	for key, change := range map[string]func(*record.Config){
		"recordings.dir":            func(c *record.Config) { c.Dir = "" },
		"recordings.idle_end":       func(c *record.Config) { c.IdleEnd = time.Millisecond },
		"recordings.retention_days": func(c *record.Config) { c.RetentionDays = -1 },
	} {
		cfg := record.DefaultConfig()
		if err := cfg.Validate(); err != nil {
			t.Fatal(err)
		}
		change(&cfg)
		var e *earshot.Error
		if err := cfg.Validate(); !errors.As(err, &e) || e.Field != key || e.Kind != earshot.Invalid || e.Fix == "" {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestRecorder_DeletesWhatIsOlderThanTheRetention(t *testing.T) {
	dir, ids := recorded(t, start)
	cfg := config(t)
	cfg.Dir, cfg.RetentionDays = dir, 1
	runRecorder(t, bustest.New(t), cfg)
	s := openStore(t, dir)
	await.That(t, "the recording is gone", func() bool {
		f, err := s.Open(ids[0])
		if earshot.KindOf(err) == earshot.NotFound && err != nil {
			return true
		}
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		return false
	})
}

package bus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"earshot"
)

func TestTracker_LowIsTheLowestThatIsNotDone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gaps := rapid.SliceOfN(rapid.Int64Range(1, 5), 1, 40).Draw(t, "gaps")
		tr := newTracker(-1)
		var offsets []int64
		done := map[int64]func(){}
		at := int64(0)
		for _, g := range gaps {
			at += g
			offsets = append(offsets, at)
			done[at] = tr.add(at)
		}
		finished := map[int64]bool{}
		for _, o := range rapid.Permutation(offsets).Draw(t, "order") {
			done[o]()
			done[o]()
			finished[o] = true
			want := int64(-1)
			for i, o := range offsets {
				if !finished[o] {
					if i > 0 {
						want = o
					}
					break
				}
				want = o + 1
			}
			if low, _ := tr.pending(); low != want {
				t.Fatalf("low is %d, want %d", low, want)
			}
		}
		low, fresh := tr.pending()
		if !fresh {
			t.Fatal("nothing to commit")
		}
		tr.confirm(low)
		if _, fresh := tr.pending(); fresh {
			t.Fatal("committed twice")
		}
	})
}

func TestTracker_HoldsOnlyWhatIsNotDone(t *testing.T) {
	tr := newTracker(-1)
	first := tr.add(0) // a call that goes on for hours
	for o := int64(1); o <= 100_000; o++ {
		tr.add(o)()
	}
	if n := tr.open.Len(); n != 1 {
		t.Fatalf("%d records are kept for one that is not done", n)
	}
	first()
	if low, _ := tr.pending(); low != 100_001 {
		t.Fatalf("low is %d, want 100001", low)
	}
}

func TestPartitionOf_IsKafkasOwnChoice(t *testing.T) {
	kafka := kgo.StickyKeyPartitioner(nil).ForTopic("t")
	rapid.Check(t, func(t *rapid.T) {
		key, n := rapid.String().Filter(func(s string) bool { return s != "" }).Draw(t, "key"), rapid.IntRange(1, 100).Draw(t, "n")
		want := kafka.Partition(&kgo.Record{Key: []byte(key)}, n)
		if got := partitionOf(earshot.InteractionID(key), n); int(got) != want {
			t.Fatalf("%q of %d: got %d, want %d", key, n, got, want)
		}
	})
	// From Kafka's own UtilsTest.
	for text, want := range map[string]int32{"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536, "abc": 479470107} {
		if got := int32(murmur2([]byte(text))); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}

func TestEncode_ComesBack(t *testing.T) {
	at := time.Date(2026, 11, 23, 1, 2, 3, 456789, time.UTC)
	for name, m := range map[string]Message{
		"plain":   {Topic: "t", Interaction: "i", Key: "i", Type: "y", ID: "1", Source: "s", Time: at, Value: []byte("{}")},
		"own key": {Topic: "t", Interaction: "i", Key: "i/r", Type: "y", Value: []byte("{}")},
		"audio":   {Topic: "t", Interaction: "i", Key: "i", Type: earshot.TypeAudio, Value: []byte{1}},
	} {
		got := Decode(encode(&m, 3))
		if fmt.Sprint(got.Message) != fmt.Sprint(m) || got.Partition != 3 {
			t.Errorf("%s: got %+v, want %+v", name, got.Message, m)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("i"), "ce_time", []byte("2026-11-23T01:02:03Z"), []byte("{}"))
	f.Add([]byte("i/r"), "ce_partitionkey", []byte("i"), []byte(nil))
	f.Fuzz(func(t *testing.T, key []byte, header string, value, body []byte) {
		r := Decode(&kgo.Record{Key: key, Value: body, Headers: []kgo.RecordHeader{{Key: header, Value: value}}})
		if r.Key != string(key) || !bytes.Equal(r.Value, body) {
			t.Fatalf("key or value changed: %+v", r)
		}
		again := Decode(encode(&r.Message, 0))
		if again.Interaction != r.Interaction && r.Interaction != "" && len(key) > 0 {
			t.Fatalf("interaction %q became %q", r.Interaction, again.Interaction)
		}
		if !again.Time.Equal(r.Time) {
			t.Fatalf("time %v became %v", r.Time, again.Time)
		}
	})
}

func FuzzParseIntent(f *testing.F) {
	f.Add(int64(3), "I:7")
	f.Add(int64(-1), "I:7")
	f.Add(int64(3), "I:-9223372036854775808")
	f.Fuzz(func(t *testing.T, offset int64, meta string) {
		got, ok := parseIntent(position{offset, meta})
		if !ok {
			if got != (span{}) {
				t.Fatalf("no intent, but %+v", got)
			}
			return
		}
		if got.first != offset || got.last < got.first || got.first < 0 {
			t.Fatalf("range %+v of offset %d", got, offset)
		}
		if back, ok := parseIntent(position{offset, formatIntent(got.last)}); !ok || back != got {
			t.Fatalf("%+v came back as %+v", got, back)
		}
	})
}

func raw(offsets ...int64) []*kgo.Record {
	out := make([]*kgo.Record, len(offsets))
	for i, o := range offsets {
		out[i] = &kgo.Record{Offset: o}
	}
	return out
}

func TestQueue_PausesWhenFullAndResumesAtHalf(t *testing.T) {
	paused := false
	q := newQueue(limits{records: 4, bytes: math.MaxInt}, func() { paused = true }, func() { paused = false })
	q.push(raw(1, 2, 3))
	if paused {
		t.Fatal("paused at 3 of 4")
	}
	q.push(raw(4, 5))
	if !paused {
		t.Fatal("not paused at 5 of 4")
	}
	for range 2 {
		q.next(t.Context())
	}
	if !paused {
		t.Fatal("resumed at 3 of 4")
	}
	q.next(t.Context())
	if paused {
		t.Fatal("still paused at 2 of 4")
	}
	q.push(raw(6, 7))
	q.close()
	if paused || !q.idle() {
		t.Fatal("a closed queue keeps what nobody reads")
	}
}

func TestQueue_TakesABatchToItsBound(t *testing.T) {
	tests := map[string]struct {
		limits limits
		want   int
		full   bool
	}{
		"records":                    {limits{2, math.MaxInt, math.MaxInt64}, 2, true},
		"bytes, the last one fits":   {limits{9, 1, math.MaxInt64}, 1, true},
		"last offset":                {limits{9, math.MaxInt, 12}, 2, true},
		"last offset is a gap":       {limits{9, math.MaxInt, 13}, 2, true},
		"last offset before all":     {limits{9, math.MaxInt, 5}, 0, true},
		"more may come":              {limits{9, math.MaxInt, math.MaxInt64}, 4, false},
		"last offset is not there":   {limits{9, math.MaxInt, 99}, 4, false},
		"exactly the number waiting": {limits{4, math.MaxInt, math.MaxInt64}, 4, true},
	}
	for name, tt := range tests {
		q := newQueue(limits{records: 100, bytes: math.MaxInt}, func() {}, func() {})
		q.push(raw(10, 12, 14, 15))
		if got, full := q.take(tt.limits); len(got) != tt.want || full != tt.full {
			t.Errorf("%s: got %d and %v, want %d and %v", name, len(got), full, tt.want, tt.full)
		}
	}
}

func TestGather_EndsABatchInTimeUnlessItIsAnIntent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &Client{cfg: DefaultConfig()}
		w := &batches{client: c}
		q := newQueue(w.limits(), func() {}, func() {})
		began := time.Now()
		q.push(raw(1, 2))
		if got := w.gather(t.Context(), q, w.bound()); len(got) != 2 || time.Since(began) != c.cfg.BatchEvery {
			t.Fatalf("%d records after %v", len(got), time.Since(began))
		}
		began = time.Now()
		intent := make(chan int)
		go func() {
			intent <- len(w.gather(t.Context(), q, limits{records: math.MaxInt, bytes: math.MaxInt, last: 5}))
		}()
		q.push(raw(3))
		<-time.After(time.Hour) // in the test's own time: an intent is not cut
		q.push(raw(5, 6))
		if n := <-intent; n != 2 || time.Since(began) != time.Hour {
			t.Fatalf("%d records after %v", n, time.Since(began))
		}
	})
}

func TestPersist_WaitsLongerEachTimeAndEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &Client{cfg: DefaultConfig(), log: quietLog()}
		began, tries := time.Now(), 0
		ok := c.persist(t.Context(), "test", func() error {
			if tries++; tries < 5 {
				return errors.New("no")
			}
			return nil
		})
		if want := (100 + 200 + 400 + 800) * time.Millisecond; !ok || time.Since(began) != want {
			t.Fatalf("%v after %v, want %v", ok, time.Since(began), want)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		began = time.Now()
		if c.persist(ctx, "test", func() error { panic("no") }) || time.Since(began) != time.Hour {
			t.Fatalf("ended after %v", time.Since(began))
		}
	})
	if got := DefaultConfig().backoff(1000); got != DefaultConfig().RetryMax {
		t.Fatalf("longest wait is %v", got)
	}
}

func TestConfig_NamesTheWrongKey(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Fatalf("the defaults are wrong: %v", err)
	}
	if err := EmbeddedConfig("127.0.0.1:9092").Validate(); err != nil {
		t.Fatalf("the embedded defaults are wrong: %v", err)
	}
	tests := map[string]func(*Config){
		"kafka.brokers[1]":      func(c *Config) { c.Brokers = []string{"a:1", "b"} },
		"kafka.partitions":      func(c *Config) { c.Partitions = 0 },
		"kafka.replication":     func(c *Config) { c.Replication = 0 },
		"kafka.produce_timeout": func(c *Config) { c.ProduceTimeout = time.Millisecond },
		"kafka.commit_every":    func(c *Config) { c.CommitEvery = 0 },
		"kafka.buffer_records":  func(c *Config) { c.BufferRecords = -1 },
		"kafka.retries":         func(c *Config) { c.Retries = -1 },
		"kafka.retry_min":       func(c *Config) { c.RetryMin = 0 },
		"kafka.retry_max":       func(c *Config) { c.RetryMin, c.RetryMax = time.Second, time.Millisecond },
		"kafka.batch_records":   func(c *Config) { c.BatchRecords = 0 },
		"kafka.batch_bytes":     func(c *Config) { c.BatchBytes = 0 },
		"kafka.batch_every":     func(c *Config) { c.BatchEvery = 2 * time.Hour },
		"kafka.batch_writers":   func(c *Config) { c.BatchWriters = 0 },
		"kafka.session_timeout": func(c *Config) { c.SessionTimeout = 0 },
		"kafka.sasl":            func(c *Config) { c.SASL = "magic" },
		"kafka.user":            func(c *Config) { c.SASL = "plain" },
		"kafka.password_file":   func(c *Config) { c.SASL, c.User = "plain", "u" },
		"kafka.stall_timeout":   func(c *Config) { c.StallTimeout = 0 },
	}
	for key, spoil := range tests {
		c := DefaultConfig()
		spoil(&c)
		if err := c.Validate(); earshot.KindOf(err) != earshot.Invalid || !strings.HasPrefix(err.Error(), key+": ") {
			t.Errorf("%s: got %v", key, err)
		}
	}
}

func quietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

package mirror

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"earshot"
	"earshot/internal/bus"
	"earshot/media/spool"
)

// outlet hands messages to Kafka in the order in which they were put. While
// Kafka keeps up, they wait in memory for their acknowledgement; once it falls
// behind, everything unacknowledged goes to the spool, and what follows goes
// behind it, until the spool has been handed on in order.
type outlet struct {
	producer Producer
	spool    *spool.Spool
	log      *slog.Logger
	stats    *stats
	cfg      Config

	mu       sync.Mutex
	wake     chan struct{} // has room for one
	waiting  []*entry      // not yet given to the producer
	flying   []*entry      // given to it, not yet acknowledged, in order
	bytes    int           // of waiting and flying
	spooling bool
	unsettle int // calls of done that are still to come
	// onDisk has the number of each interaction's last record in the spool.
	onDisk map[earshot.InteractionID]uint64
}

// entry is a message on its way through memory.
type entry struct {
	msg    bus.Message
	stored func() // called once the message is in Kafka or on disk
	at     time.Time
	acked  bool
	id     uint64 // in the spool, when spooled
	inDisk bool
}

func newOutlet(cfg Config, p Producer, log *slog.Logger, st *stats) (*outlet, error) {
	s, err := spool.Open(cfg.Dir+"/spool", cfg.SpoolBytes)
	if err != nil {
		return nil, err
	}
	o := &outlet{
		producer: p, spool: s, log: log, stats: st, cfg: cfg,
		wake: make(chan struct{}, 1), spooling: s.Len() > 0, onDisk: map[earshot.InteractionID]uint64{},
	}
	return o, s.Each(func(r spool.Record) {
		if m, err := decodeMessage(r.Data); err == nil {
			o.onDisk[m.Interaction] = r.ID
		}
	})
}

// holds says whether records of an interaction are still on their way to Kafka.
func (o *outlet) holds(id earshot.InteractionID) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if last, ok := o.onDisk[id]; ok && last >= o.spool.Position() {
		return true
	}
	of := func(e *entry) bool { return !e.acked && e.msg.Interaction == id }
	return slices.ContainsFunc(o.flying, of) || slices.ContainsFunc(o.waiting, of)
}

// toDisk writes a message to the spool. o.mu is held.
func (o *outlet) toDisk(m bus.Message, must bool) (uint64, error) {
	id, err := o.spool.Append(encodeMessage(m), must)
	if err == nil {
		o.onDisk[m.Interaction] = id
		o.stats.spooled.Inc()
	}
	return id, err
}

// put queues a message. With must unset, a full spool refuses it with
// [spool.ErrFull]. stored may be nil.
func (o *outlet) put(m bus.Message, must bool, stored func()) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.spooling && o.bytes+len(m.Value) > o.cfg.InFlight {
		o.startSpooling("too much waits in memory")
	}
	if o.spooling {
		if _, err := o.toDisk(m, must); err != nil {
			return err
		}
		call(stored)
		o.signal()
		return nil
	}
	o.waiting = append(o.waiting, &entry{msg: m, stored: stored, at: time.Now()})
	o.bytes += len(m.Value)
	o.signal()
	return nil
}

func call(f func()) {
	if f != nil {
		f()
	}
}

func (o *outlet) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// startSpooling writes all that Kafka has not acknowledged to disk, oldest
// first. o.mu is held.
func (o *outlet) startSpooling(why string) {
	o.spooling = true
	o.log.Warn("Kafka does not keep up: audio goes to the spool", "why", why, "messages", len(o.flying)+len(o.waiting))
	for _, e := range append(o.flying, o.waiting...) {
		if e.acked {
			continue
		}
		id, err := o.toDisk(e.msg, true)
		if err != nil {
			o.stats.dropped.Inc()
			o.log.Error("cannot spool", "error", err, "interaction", e.msg.Interaction)
			continue
		}
		e.id, e.inDisk = id, true
		call(e.stored)
		e.stored = nil
	}
	o.flying, o.waiting, o.bytes = nil, nil, 0
	o.signal()
}

// run hands messages on until ctx ends, then drains within the bound.
func (o *outlet) run(ctx context.Context) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		o.send(ctx)
		if o.backlog(ctx) && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			o.drain()
			return
		case <-o.wake:
		case <-tick.C:
			o.checkPatience()
		}
	}
}

// send gives what waits to the producer. It may block there; put does not.
func (o *outlet) send(ctx context.Context) {
	for {
		o.mu.Lock()
		if len(o.waiting) == 0 {
			o.mu.Unlock()
			return
		}
		e := o.waiting[0]
		o.waiting[0] = nil
		o.waiting = o.waiting[1:]
		o.flying = append(o.flying, e)
		o.unsettle++
		o.mu.Unlock()
		o.producer.ProduceAsync(context.WithoutCancel(ctx), e.msg, func(err error) { o.settle(e, err) })
	}
}

// settle takes the producer's answer for one message.
func (o *outlet) settle(e *entry, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.unsettle--
	defer o.signal()
	switch {
	case err == nil:
		e.acked = true
		if e.inDisk {
			o.spool.Skip(e.id)
		}
	case earshot.KindOf(err) == earshot.Invalid || earshot.KindOf(err) == earshot.Denied:
		// No retry mends it, and nothing else may wait behind it.
		e.acked = true
		if e.inDisk {
			o.spool.Skip(e.id)
		}
		o.stats.dropped.Inc()
		o.log.Error("Kafka refuses a record", "error", err, "interaction", e.msg.Interaction)
	case !o.spooling:
		o.startSpooling(err.Error())
	}
	if e.acked {
		call(e.stored)
		e.stored = nil
	}
	for len(o.flying) > 0 && o.flying[0].acked {
		o.bytes -= len(o.flying[0].msg.Value)
		o.flying[0] = nil
		o.flying = o.flying[1:]
	}
}

// checkPatience starts spooling when the oldest message waits too long.
func (o *outlet) checkPatience() {
	o.mu.Lock()
	defer o.mu.Unlock()
	oldest := o.flying
	if len(oldest) == 0 {
		oldest = o.waiting
	}
	if !o.spooling && len(oldest) > 0 && time.Since(oldest[0].at) > o.cfg.Patience {
		o.startSpooling("no acknowledgement for " + o.cfg.Patience.String())
	}
}

// backlogBatch is how many spooled records are handed on at a time.
const backlogBatch = 1024

// backlog hands one batch of the spool on, and says whether more is left to do
// at once. It waits until the producer has settled all that came before.
func (o *outlet) backlog(ctx context.Context) bool {
	o.mu.Lock()
	ready := o.spooling && o.unsettle == 0
	o.mu.Unlock()
	if !ready {
		return false
	}
	records, upTo, err := o.spool.Next(backlogBatch)
	if err != nil {
		o.log.Error("cannot read the spool", "error", err)
		return false
	}
	if len(records) == 0 {
		return o.caughtUp(upTo)
	}
	if !o.produceAll(ctx, records) {
		return false
	}
	if err := o.spool.Commit(upTo); err != nil {
		o.log.Error("cannot note how far the spool was handed on", "error", err)
		return false
	}
	return true
}

// caughtUp goes back to memory when nothing is left on disk.
func (o *outlet) caughtUp(upTo uint64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.spool.Commit(upTo); err != nil {
		o.log.Error("cannot note how far the spool was handed on", "error", err)
		return false
	}
	if o.spool.Len() > 0 {
		return true
	}
	o.spooling = false
	clear(o.onDisk)
	o.log.Info("Kafka is back and the spool is empty")
	return false
}

// produceAll waits for all records of a batch. Interactions go side by side, and
// within one the next record waits for the one before: after a failure nothing
// may overtake it. What arrived is skipped when the batch is tried again.
func (o *outlet) produceAll(ctx context.Context, records []spool.Record) bool {
	chains := map[earshot.InteractionID][]link{}
	for _, r := range records {
		m, err := decodeMessage(r.Data)
		if err != nil {
			o.refused(r.ID, err)
			continue
		}
		chains[m.Interaction] = append(chains[m.Interaction], link{r.ID, m})
	}
	ok := true
	for len(chains) > 0 {
		if !o.produceRound(ctx, chains) {
			ok = false
		}
	}
	return ok
}

// link is a spooled record and the message in it.
type link struct {
	id  uint64
	msg bus.Message
}

// produceRound sends the first record of each interaction, and gives an
// interaction up whose record failed.
func (o *outlet) produceRound(ctx context.Context, chains map[earshot.InteractionID][]link) bool {
	type answer struct {
		link
		err error
	}
	answers := make(chan answer, len(chains))
	for _, chain := range chains {
		l := chain[0]
		o.producer.ProduceAsync(ctx, l.msg, func(err error) { answers <- answer{l, err} })
	}
	ok := true
	for range len(chains) {
		a := <-answers
		id := a.msg.Interaction
		switch kind := earshot.KindOf(a.err); {
		case a.err == nil:
			o.spool.Skip(a.id)
		case kind == earshot.Invalid || kind == earshot.Denied:
			o.refused(a.id, a.err)
		default:
			ok = false
			delete(chains, id)
			continue
		}
		if chains[id] = chains[id][1:]; len(chains[id]) == 0 {
			delete(chains, id)
		}
	}
	return ok
}

// refused leaves out a record that no retry brings to Kafka.
func (o *outlet) refused(id uint64, err error) {
	o.spool.Skip(id)
	o.stats.dropped.Inc()
	o.log.Error("a spooled record is lost", "error", err)
}

// drain waits a bounded time for what is in memory, and leaves the rest on disk.
func (o *outlet) drain() {
	ctx, cancel := context.WithTimeout(context.Background(), o.cfg.Drain)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		o.send(ctx)
		more := o.backlog(ctx)
		o.mu.Lock()
		left := len(o.waiting) + o.unsettle
		idle := left == 0 && !more && (!o.spooling || ctx.Err() != nil)
		o.mu.Unlock()
		if idle {
			break
		}
		select {
		case <-ctx.Done():
			o.mu.Lock()
			if !o.spooling && left > 0 {
				o.startSpooling("stopping")
			}
			o.mu.Unlock()
			o.close()
			return
		case <-o.wake:
		case <-tick.C:
		}
	}
	o.close()
}

func (o *outlet) close() {
	if err := o.spool.Close(); err != nil && !errors.Is(err, context.Canceled) {
		o.log.Error("cannot close the spool", "error", err)
	}
}

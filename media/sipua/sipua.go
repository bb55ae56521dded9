// Package sipua holds what the recorder and the caller share of the SIP stack:
// its settings and its log.
package sipua

import (
	"context"
	"log/slog"
	"sync"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// maxMessage is the largest SIP message that is read or sent, in bytes: the
// most that a UDP datagram carries.
const maxMessage = 65535

// prepare sets what the stack keeps in its own globals, once: otherwise it
// drops UDP responses over 1,300 bytes (it applies RFC 3261, section 18.1.1, a
// rule for requests, to them) and cuts datagrams at 32 KiB.
var prepare = sync.OnceFunc(func() {
	sip.UDPMTUSize = maxMessage
	sip.TransportBufferReadSize = maxMessage
	sip.SetDefaultLogger(slog.New(slog.DiscardHandler))
})

// New makes a user agent. The filter sees what is read before it is parsed; it
// may be nil, and must never return an error: that would end the listener.
func New(log *slog.Logger, filter sip.TransportReadFilter) (*sipgo.UserAgent, error) {
	prepare()
	quiet := Quiet(log)
	options := []sip.TransportLayerOption{sip.WithTransportLayerLogger(quiet)}
	if filter != nil {
		options = append(options, sip.WithTransportLayerReadFilter(filter))
	}
	return sipgo.NewUA(
		sipgo.WithUserAgent("earshot"),
		sipgo.WithUserAgentTransportLayerOptions(options...),
		sipgo.WithUserAgentTransactionLayerOptions(
			sip.WithTransactionLayerLogger(quiet),
			sip.WithTransactionLayerUnhandledResponseHandler(func(*sip.Response) {}),
		),
	)
}

// Quiet returns a logger that writes everything at debug level. The stack logs
// whole messages as errors; they hold people's numbers, and what matters of
// them is counted and said by the caller.
func Quiet(log *slog.Logger) *slog.Logger { return slog.New(quiet{log.Handler()}) }

type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, _ slog.Level) bool {
	return q.Handler.Enabled(ctx, slog.LevelDebug)
}

func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	r.Level = slog.LevelDebug
	return q.Handler.Handle(ctx, r)
}

func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }

func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name)} }

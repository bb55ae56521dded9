package media_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"earshot"
	"earshot/internal/bus"
	"earshot/internal/bus/bustest"
)

// need skips a test whose tool is missing, and fails it where all must run.
func need(t *testing.T, ok bool, what string) {
	t.Helper()
	switch {
	case ok:
	case os.Getenv("EARSHOT_E2E") == "require":
		t.Fatal(what)
	default:
		t.Skip(what)
	}
}

// pcapOf writes a capture of two RTP streams of n packets each, to UDP ports
// base and base+2, 20 ms apart.
func pcapOf(n int) []byte {
	var out bytes.Buffer
	le := binary.LittleEndian
	head := le.AppendUint32(nil, 0xa1b2c3d4)
	head = le.AppendUint16(head, 2)
	head = le.AppendUint16(head, 4)
	head = append(head, make([]byte, 8)...)
	head = le.AppendUint32(head, 65535)
	out.Write(le.AppendUint32(head, 1)) // Ethernet
	for i := range n {
		for leg := range 2 {
			at := i * 20000
			frame := udpFrame(uint16(30000+2*leg), rtpPacket(i, uint32(1000+leg), byte(0x80+leg)))
			rec := le.AppendUint32(nil, uint32(at/1e6))
			rec = le.AppendUint32(rec, uint32(at%1e6))
			rec = le.AppendUint32(rec, uint32(len(frame)))
			rec = le.AppendUint32(rec, uint32(len(frame)))
			out.Write(append(rec, frame...))
		}
	}
	return out.Bytes()
}

func rtpPacket(i int, ssrc uint32, sample byte) []byte {
	be := binary.BigEndian
	p := be.AppendUint16([]byte{0x80, 0}, uint16(i))
	p = be.AppendUint32(p, uint32(i*160))
	p = be.AppendUint32(p, ssrc)
	return append(p, bytes.Repeat([]byte{sample}, 160)...)
}

func udpFrame(port uint16, payload []byte) []byte {
	be := binary.BigEndian
	f := append(make([]byte, 12), 8, 0)
	ip := be.AppendUint16([]byte{0x45, 0}, uint16(28+len(payload)))
	ip = append(ip, 0, 0, 0, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1)
	f = append(f, ip...)
	f = be.AppendUint16(f, port)
	f = be.AppendUint16(f, port)
	f = be.AppendUint16(f, uint16(8+len(payload)))
	return append(append(f, 0, 0), payload...)
}

// sipp runs a scenario against the service and returns its output.
func sipp(t *testing.T, scenario, target string, args ...string) {
	t.Helper()
	bin, err := exec.LookPath("sipp")
	need(t, err == nil, "sipp is not installed (apt-get install sip-tester)")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "call.pcap"), pcapOf(50), 0o600); err != nil {
		t.Fatal(err)
	}
	path, err := filepath.Abs(scenario)
	if err != nil {
		t.Fatal(err)
	}
	args = append([]string{"-sf", path, "-i", "127.0.0.1", "-nostdin", "-timeout", "60s", "-timeout_error", "-trace_err", "-trace_msg", "-error_file", "err.log", "-message_file", "msg.log"}, args...)
	cmd := exec.CommandContext(t.Context(), bin, append(args, target)...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		errs, _ := os.ReadFile(filepath.Join(dir, "err.log"))
		msgs, _ := os.ReadFile(filepath.Join(dir, "msg.log"))
		t.Fatalf("sipp: %v\n%s\n%s\n%.8000s", err, out[max(0, len(out)-1500):], errs, msgs)
	}
}

// events returns the types of an interaction's events, read until it has ended.
func events(t *testing.T, c *bus.Client, id earshot.InteractionID) []earshot.EventType {
	t.Helper()
	var out []earshot.EventType
	isEnd := func(r bus.Record) bool { return event(t, r).Type == earshot.InteractionEnded }
	for _, r := range read(t, c, earshot.TopicEvents, id, isEnd) {
		out = append(out, event(t, r).Type)
	}
	return out
}

func TestService_TakesACallFromSipp(t *testing.T) {
	need(t, os.Geteuid() == 0, "sipp plays captures through raw sockets, which needs root")
	for i, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			client := bustest.New(t)
			c := config(t, 31400+200*i)
			c.Agents = []string{"sip:*@agents.example.com"}
			s := start(t, c, client)
			mode := map[string]string{"udp": "u1", "tcp": "t1"}[transport]
			sipp(t, "testdata/sipp/siprec.xml", s.Addr(transport).String(), "-m", "1", "-t", mode, "-mp", strconv.Itoa(41000+100*i))
			id := bustest.ReadAll(t, client, earshot.TopicAudio, 1)[0].Interaction
			got := readAudio(t, client, id)
			legs := got.last.Interaction.Legs
			if len(legs) != 2 || legs[0].Label != "96" || legs[0].Role != earshot.Agent || legs[0].Name != "Alice" || legs[1].Role != earshot.Customer || legs[1].Name != "" {
				t.Fatalf("legs: %+v", legs)
			}
			for _, l := range legs {
				if got.packets[l.ID] != 50 {
					t.Fatalf("leg %s has %d packets, 50 were sent", l.Label, got.packets[l.ID])
				}
			}
			want := []earshot.EventType{earshot.InteractionStarted, earshot.Held, earshot.InteractionEnded}
			if types := events(t, client, id); !slices.Equal(types, want) {
				t.Fatalf("events: %v", types)
			}
			if d := time.Since(got.last.Interaction.StartedAt); d <= 0 || d > time.Minute {
				t.Fatalf("started %v ago", d)
			}
		})
	}
}

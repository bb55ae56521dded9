// Package mediatest holds what the tests of media talk to: sipp, with what it
// plays, and a Kafka in memory.
package mediatest

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"earshot/internal/need"
)

// Capture returns a pcap file of two PCMU streams of n packets each, 20 ms
// apart, to UDP ports two apart. payload gives the 160 bytes of a packet.
func Capture(n int, payload func(leg, packet int) []byte) []byte {
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
			frame := udpFrame(uint16(30000+2*leg), rtpPacket(i, uint32(1000+leg), payload(leg, i)))
			rec := le.AppendUint32(nil, uint32(at/1e6))
			rec = le.AppendUint32(rec, uint32(at%1e6))
			rec = le.AppendUint32(rec, uint32(len(frame)))
			rec = le.AppendUint32(rec, uint32(len(frame)))
			out.Write(append(rec, frame...))
		}
	}
	return out.Bytes()
}

func rtpPacket(i int, ssrc uint32, payload []byte) []byte {
	be := binary.BigEndian
	p := be.AppendUint16([]byte{0x80, 0}, uint16(i))
	p = be.AppendUint32(p, uint32(i*160))
	p = be.AppendUint32(p, ssrc)
	return append(p, payload...)
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

// Call is one SIPREC call of the scenario testdata/sipp/siprec.xml of media.
type Call struct {
	// Scenario is the path of the scenario.
	Scenario string
	// Capture is what it plays, see [Capture], and Plays how long that takes.
	Capture []byte
	Plays   time.Duration
	// Target is host:port, Transport "udp" or "tcp".
	Target, Transport string
	// MediaPort is sipp's own first media port; each call needs four.
	MediaPort int
}

// Sipp makes the call and returns when it has ended. It needs sipp and, since
// that plays captures through raw sockets, root.
func Sipp(t testing.TB, c Call) {
	t.Helper()
	bin := need.Tool(t, "sipp")
	need.That(t, os.Geteuid() == 0, "root, without which sipp plays no captures,")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "call.pcap"), c.Capture, 0o600); err != nil {
		t.Fatal(err)
	}
	path, err := filepath.Abs(c.Scenario)
	if err != nil {
		t.Fatal(err)
	}
	mode := map[string]string{"udp": "u1", "tcp": "t1"}[c.Transport]
	cmd := exec.CommandContext(t.Context(), bin, "-sf", path, "-i", "127.0.0.1", "-nostdin", "-timeout", "90s", "-timeout_error",
		"-trace_err", "-trace_msg", "-error_file", "err.log", "-message_file", "msg.log",
		"-d", strconv.FormatInt((c.Plays+500*time.Millisecond).Milliseconds(), 10), "-m", "1", "-t", mode, "-mp", strconv.Itoa(c.MediaPort), c.Target)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		errs, _ := os.ReadFile(filepath.Join(dir, "err.log")) // absent when nothing went wrong
		msgs, _ := os.ReadFile(filepath.Join(dir, "msg.log"))
		t.Fatalf("sipp: %v\n%s\n%s\n%.8000s", err, out[max(0, len(out)-1500):], errs, msgs)
	}
}

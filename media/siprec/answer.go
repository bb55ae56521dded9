package siprec

import (
	"bytes"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Answer describes an SDP answer or, with Offer set, an offer.
type Answer struct {
	// Session and Version stand in the o-line: the id stays for the life of the
	// dialog, the version rises when the description changes (RFC 3264, section 8).
	Session uint64
	Version uint64
	Addr    netip.Addr
	// Ports holds one RTP port for each m-line of the offer; 0 rejects it.
	Ports []int
}

// WriteAnswer answers an offer: one m-line for each that was offered, in the
// same order, with the same label; only the codecs that can be decoded, all of
// them, because some senders want every codec that they may send answered.
func WriteAnswer(offer *SDP, a Answer) []byte {
	var b bytes.Buffer
	writeHead(&b, a)
	for i := range offer.Media {
		port := 0
		if i < len(a.Ports) {
			port = a.Ports[i]
		}
		writeAnswerMedia(&b, &offer.Media[i], port)
	}
	return b.Bytes()
}

func writeHead(b *bytes.Buffer, a Answer) {
	family := "IP4"
	if a.Addr.Is6() {
		family = "IP6"
	}
	fmt.Fprintf(b, "v=0\r\no=earshot %d %d IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\n",
		a.Session, a.Version, family, a.Addr, family, a.Addr)
}

func writeAnswerMedia(b *bytes.Buffer, m *Media, port int) {
	if port == 0 {
		fmt.Fprintf(b, "m=%s 0 %s %s\r\n", m.Kind, m.Proto, strings.Join(m.Formats, " "))
		writeLabel(b, m.Label)
		return
	}
	var taken []Payload
	var formats []string
	for _, p := range m.Payloads {
		if p.Codec() != "" || strings.EqualFold(p.Name, "telephone-event") || strings.EqualFold(p.Name, "CN") {
			taken = append(taken, p)
			formats = append(formats, strconv.Itoa(int(p.Type)))
		}
	}
	fmt.Fprintf(b, "m=%s %d %s %s\r\n", m.Kind, port, m.Proto, strings.Join(formats, " "))
	for _, p := range taken {
		fmt.Fprintf(b, "a=rtpmap:%d %s/%d\r\n", p.Type, p.Name, p.Clock)
	}
	if m.RTCPMux {
		b.WriteString("a=rtcp-mux\r\n")
	}
	fmt.Fprintf(b, "a=%s\r\n", reply(m.Direction))
	writeLabel(b, m.Label)
}

func writeLabel(b *bytes.Buffer, label string) {
	if label != "" {
		fmt.Fprintf(b, "a=label:%s\r\n", label)
	}
}

// reply is what a receiver that never sends answers (RFC 7866, section 7.2.2).
func reply(d Direction) Direction {
	if d == SendRecv || d == SendOnly {
		return RecvOnly
	}
	return Inactive
}

// WriteOffer writes the offer of a sender: one sendonly m-line with one payload
// type for each label, at the port of the same index.
func WriteOffer(a Answer, p Payload, labels []string, d Direction) []byte {
	var b bytes.Buffer
	writeHead(&b, a)
	for i, label := range labels {
		fmt.Fprintf(&b, "m=audio %d RTP/AVP %d\r\na=rtpmap:%d %s/%d\r\na=ptime:20\r\na=%s\r\n", a.Ports[i], p.Type, p.Type, p.Name, p.Clock, d)
		writeLabel(&b, label)
	}
	return b.Bytes()
}

package srs_test

import (
	"context"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"earshot"
	"earshot/internal/address"
	"earshot/internal/bus"
	"earshot/media/srs"
)

func TestServer_TakesMetadataInEitherOrder(t *testing.T) {
	tests := map[string][]string{
		"SDP first":      {sdpType, offer("sendonly", "sendonly"), "application/rs-metadata+xml", metadata("s-1")},
		"metadata first": {"application/rs-metadata", metadata("s-1"), sdpType, offer("sendonly", "sendonly")},
		"third part":     {"application/gtd", "IAM,", sdpType, offer("sendonly", "sendonly"), "application/rs-metadata+xml", metadata("s-1")},
	}
	for name, parts := range tests {
		t.Run(name, func(t *testing.T) {
			k := newKafka()
			p := newPeer(t, serve(t, k, nil))
			a := p.want(200, "INVITE", "Require: siprec\r\n", mixedType, mixed(parts...))
			if a.header("Content-Type") != sdpType || strings.Count(a.body, "a=recvonly") != 2 {
				t.Fatalf("answer: %s %s", a.raw, a.body)
			}
			if got := regexp.MustCompile(`a=label:\d`).FindAllString(a.body, -1); len(got) != 2 || got[0] != "a=label:1" || got[1] != "a=label:2" {
				t.Fatalf("labels %v", got)
			}
			for _, port := range ports(t, a.body) {
				if port%2 != 0 {
					t.Fatalf("RTP port %d is odd", port)
				}
			}
			p.want(200, "BYE", "", "", "")
			i := k.ended(t).Interaction
			if i.ID != earshot.CallID("", "s-1") || i.Agent != "1001" || i.AgentName != "Ann" {
				t.Fatalf("facts: %+v", i)
			}
			if l := i.Legs; l[0].Role != earshot.Agent || l[1].Role != earshot.Customer || l[1].RoleSource != "address" || l[1].Name != "" || l[1].AoR != "" || l[1].AddressHash != address.Hash([]byte("key"), "+49 30 123456") {
				t.Fatalf("legs: %+v", l)
			}
		})
	}
}

func TestServer_NeverKeepsACustomersAddress(t *testing.T) {
	k := newKafka()
	p := newPeer(t, serve(t, k, nil))
	meta := strings.Replace(metadata("s"), "</recording>", `<ext:data xmlns:ext="urn:x"><ext:callingParty>+4930123456</ext:callingParty><ext:ucid>00FA08</ext:ucid></ext:data></recording>`, 1)
	p.want(200, "INVITE", "", mixedType, mixed(sdpType, offer("sendonly", "sendonly"), "application/rs-metadata+xml", meta))
	p.want(200, "BYE", "", "", "")
	if i := k.ended(t).Interaction; i.Attributes["siprec.data.ucid"] != "00FA08" || !strings.HasPrefix(i.Attributes["siprec.data.callingParty"], "hmac:") {
		t.Fatalf("attributes: %v", i.Attributes)
	}
	for _, m := range k.Wait(t, "records", func([]bus.Message) bool { return true }) {
		if strings.Contains(string(m.Value), "30123456") || strings.Contains(string(m.Value), "30 123456") {
			t.Fatalf("a record holds the customer's number: %s", m.Value)
		}
	}
}

func TestServer_TakesACallWithoutMetadata(t *testing.T) {
	k := newKafka()
	p := newPeer(t, serve(t, k, nil))
	p.want(200, "INVITE", "", sdpType, offer("sendonly", "sendonly"))
	if e := k.event(t, earshot.MetadataDegraded); !strings.Contains(e.Data["reason"], "no recording metadata") {
		t.Fatalf("event: %+v", e)
	}
	p.want(200, "BYE", "", "", "")
	i := k.ended(t).Interaction
	if i.ID != earshot.CallID("", p.callID) || i.Legs[0].Role != earshot.Agent || i.Legs[1].Role != earshot.Customer || i.Legs[1].RoleSource != "order" {
		t.Fatalf("facts: %+v", i)
	}
}

func TestServer_RefusesWithAReasonThatHelps(t *testing.T) {
	video := "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
	tests := map[string]struct {
		status                    int
		method, extra, kind, body string
		say                       string
	}{
		"unknown option":     {420, "INVITE", "Require: siprec, teleport\r\n", sdpType, offer("sendonly"), "teleport"},
		"no SDP":             {488, "INVITE", "", "", "", "no SDP"},
		"only video":         {488, "INVITE", "", sdpType, video + "m=video 4000 RTP/AVP 96\r\n", "only audio"},
		"unknown codec":      {488, "INVITE", "", sdpType, video + "m=audio 4000 RTP/AVP 18\r\n", "PCMU"},
		"SRTP":               {488, "INVITE", "", sdpType, video + "m=audio 4000 RTP/SAVP 0\r\n", "RTP/SAVP"},
		"broken SDP":         {400, "INVITE", "", sdpType, "v=0\r\nm=audio\r\n", "m=audio"},
		"broken multipart":   {400, "INVITE", "", mixedType, "nothing", "multipart"},
		"BYE of nothing":     {481, "BYE", "", "", "", "not known"},
		"UPDATE of nothing":  {481, "UPDATE", "", "", "", "not known"},
		"INFO of nothing":    {481, "INFO", "", "", "", "not known"},
		"CANCEL of nothing":  {481, "CANCEL", "", "", "", "nothing to cancel"},
		"REGISTER":           {405, "REGISTER", "", "", "", "REGISTER"},
		"SUBSCRIBE":          {405, "SUBSCRIBE", "", "", "", "SUBSCRIBE"},
		"re-INVITE of a lie": {481, "INVITE", "", sdpType, offer("sendonly"), "not known"},
	}
	s := serve(t, newKafka(), nil)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t, s)
			if name == "re-INVITE of a lie" {
				p.toTag = "lie"
			}
			a := p.want(tt.status, tt.method, tt.extra, tt.kind, tt.body)
			if line := strings.SplitN(a.raw, "\r\n", 2)[0]; !strings.Contains(line, tt.say) {
				t.Fatalf("%q does not say %q", line, tt.say)
			}
			if tt.status == 420 && a.header("Unsupported") != "teleport" {
				t.Fatalf("Unsupported: %q", a.header("Unsupported"))
			}
		})
	}
}

func TestServer_RefusesMoreCallsThanItIsGood(t *testing.T) {
	k := newKafka()
	s := serve(t, k, func(c *srs.Config) { c.MaxCalls = 1 })
	one, two := newPeer(t, s), newPeer(t, s)
	one.want(200, "INVITE", "", sdpType, offer("sendonly"))
	if a := two.want(503, "INVITE", "", sdpType, offer("sendonly")); a.header("Retry-After") == "" {
		t.Fatalf("no Retry-After: %s", a.raw)
	}
	one.want(200, "BYE", "", "", "")
	k.ended(t)
	two.callID += "b"
	two.want(200, "INVITE", "", sdpType, offer("sendonly"))
}

func TestServer_RefusesACallThatKafkaDoesNotTake(t *testing.T) {
	k := newKafka()
	k.Set(true, false)
	p := newPeer(t, serve(t, k, nil))
	a := p.want(503, "INVITE", "", sdpType, offer("sendonly"))
	if !strings.Contains(a.raw, "Kafka") || a.header("Retry-After") == "" {
		t.Fatalf("answer: %s", a.raw)
	}
}

func TestServer_AnswersOptionsToKeepAlive(t *testing.T) {
	p := newPeer(t, serve(t, newKafka(), nil))
	a := p.want(200, "OPTIONS", "", "", "")
	if !strings.Contains(a.header("Accept"), "application/rs-metadata+xml") || !strings.Contains(a.header("Allow"), "INVITE") {
		t.Fatalf("answer: %s", a.raw)
	}
}

func TestServer_MendsBareLineFeedsInHeadersAlone(t *testing.T) {
	k := newKafka()
	p := newPeer(t, serve(t, k, nil))
	p.cseq++
	body := strings.ReplaceAll(mixed(sdpType, offer("sendonly", "sendonly"), "application/rs-metadata", metadata("lf")), "\r\n", "\n")
	msg := p.request("INVITE", p.cseq, "", mixedType, body)
	head, _, _ := strings.Cut(msg, "\r\n\r\n")
	p.send(strings.ReplaceAll(head, "\r\n", "\n") + "\n\n" + body)
	if a := p.read("INVITE"); a.status != 200 {
		t.Fatalf("answer: %s", a.raw)
	}
	k.Wait(t, "the call", func(msgs []bus.Message) bool {
		return len(msgs) > 0 && msgs[0].Interaction == earshot.CallID("", "lf")
	})
}

func TestServer_AnswersWhatCannotBeParsed(t *testing.T) {
	p := newPeer(t, serve(t, newKafka(), nil))
	p.cseq++
	msg := p.request("INVITE", p.cseq, "", sdpType, offer("sendonly"))
	p.send(regexp.MustCompile(`Contact: <(.*?)>`).ReplaceAllString(msg, "Contact: <$1"))
	if a := p.read("INVITE"); a.status != 400 {
		t.Fatalf("answer: %s", a.raw)
	}
	p.callID += "b"
	p.want(200, "INVITE", "", sdpType, offer("sendonly"))
}

func TestServer_SendsLargeAnswersOverUDP(t *testing.T) {
	p := newPeer(t, serve(t, newKafka(), nil))
	extra := ""
	for i := range 8 {
		extra += fmt.Sprintf("Record-Route: <sip:proxy%d.%s.example.com;lr;ftag=%s>\r\n", i, strings.Repeat("x", 60), strings.Repeat("y", 120))
	}
	if a := p.want(200, "INVITE", extra, sdpType, offer("sendonly")); len(a.raw) < 1500 {
		t.Fatalf("the answer has %d bytes: this tests nothing", len(a.raw))
	}
}

func TestServer_AnswersARetransmittedInviteOnceAndTheSame(t *testing.T) {
	k := newKafka()
	p := newPeer(t, serve(t, k, nil))
	p.cseq++
	msg := p.request("INVITE", p.cseq, "", sdpType, offer("sendonly"))
	for range 3 {
		p.send(msg)
	}
	first := p.read("INVITE")
	again := p.read("INVITE") // the 200 comes again until its ACK
	if first.status != 200 || first.header("To") != again.header("To") || first.body != again.body {
		t.Fatalf("answers differ:\n%s\n%s", first.raw, again.raw)
	}
	starts := 0
	for _, b := range bundles(k.Wait(t, "start", func(m []bus.Message) bool { return len(m) > 0 })) {
		if b.Kind == earshot.AudioLegStart {
			starts++
		}
	}
	if starts != 1 {
		t.Fatalf("%d leg starts", starts)
	}
}

func TestServer_TakesAckReinviteAndByeInOneBurst(t *testing.T) {
	k := newKafka()
	s := serve(t, k, func(c *srs.Config) { c.MaxCalls = 20 })
	for i := range 20 {
		p := newPeer(t, s)
		p.callID += "-" + strconv.Itoa(i)
		p.cseq = 1
		p.send(p.request("INVITE", 1, "", sdpType, offer("sendonly")))
		a := p.read("INVITE")
		p.toTag = regexp.MustCompile(`tag=([^;>\s]+)`).FindStringSubmatch(a.header("To"))[1]
		p.send(p.request("ACK", 1, "", "", ""))
		p.send(p.request("INVITE", 2, "", sdpType, offer("sendonly")))
		if a := p.read("2 INVITE"); a.status != 200 {
			t.Fatalf("re-INVITE: %s", a.raw)
		}
		p.send(p.request("ACK", 2, "", "", ""))
		p.send(p.request("BYE", 3, "", "", ""))
		if a := p.read("3 BYE"); a.status != 200 {
			t.Fatalf("BYE: %s", a.raw)
		}
	}
	k.Wait(t, "20 ends", func(msgs []bus.Message) bool {
		n := 0
		for _, b := range bundles(msgs) {
			if b.Kind == earshot.AudioCallEnd {
				n++
			}
		}
		return n == 20
	})
}

func TestServer_HoldsAndResumes(t *testing.T) {
	k := newKafka()
	p := newPeer(t, serve(t, k, nil))
	first := p.want(200, "INVITE", "", sdpType, offer("sendonly", "sendonly"))
	held := p.want(200, "INVITE", "", sdpType, offer("inactive", "inactive"))
	if strings.Count(held.body, "a=inactive") != 2 || version(t, held.body) != version(t, first.body)+1 || origin(held.body) != origin(first.body) {
		t.Fatalf("answers:\n%s\n%s", first.body, held.body)
	}
	k.event(t, earshot.Held)
	resumed := p.want(200, "INVITE", "", sdpType, offer("sendonly", "sendonly"))
	if strings.Count(resumed.body, "a=recvonly") != 2 || fmt.Sprint(ports(t, resumed.body)) != fmt.Sprint(ports(t, first.body)) {
		t.Fatalf("answer: %s", resumed.body)
	}
	k.event(t, earshot.Resumed)
	refreshed := p.want(200, "INVITE", "", sdpType, offer("sendonly", "sendonly"))
	if refreshed.body != resumed.body {
		t.Fatalf("a refresh changed the answer:\n%s\n%s", resumed.body, refreshed.body)
	}
	if bare := p.want(200, "INVITE", "", "", ""); bare.body != resumed.body {
		t.Fatalf("a refresh without SDP is answered %s", bare.raw)
	}
	old := strings.ReplaceAll(offer("sendonly", "sendonly"), "c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0")
	p.want(200, "UPDATE", "", sdpType, old)
	k.Wait(t, "a second hold", func(msgs []bus.Message) bool {
		n := 0
		for _, e := range eventsOf(msgs) {
			if e.Type == earshot.Held {
				n++
			}
		}
		return n == 2
	})
}

func origin(sdp string) string { return regexp.MustCompile(`o=earshot (\d+)`).FindString(sdp) }

func version(t *testing.T, sdp string) int {
	t.Helper()
	m := regexp.MustCompile(`o=earshot \d+ (\d+)`).FindStringSubmatch(sdp)
	if m == nil {
		t.Fatalf("no o-line: %s", sdp)
	}
	n, _ := strconv.Atoi(m[1])
	return n
}

func TestServer_AddsAndRemovesStreams(t *testing.T) {
	k := newKafka()
	p := newPeer(t, serve(t, k, nil))
	one := p.want(200, "INVITE", "", sdpType, offer("sendonly"))
	two := p.want(200, "INVITE", "", sdpType, offer("sendonly", "sendonly"))
	if a, b := ports(t, one.body), ports(t, two.body); len(b) != 2 || a[0] != b[0] || b[1] == 0 {
		t.Fatalf("ports %v, then %v", a, b)
	}
	gone := strings.Replace(offer("sendonly", "sendonly"), "m=audio 45002", "m=audio 0", 1)
	if p := ports(t, p.want(200, "INVITE", "", sdpType, gone).body); len(p) != 2 || p[0] == 0 || p[1] != 0 {
		t.Fatalf("ports %v", p)
	}
	p.want(200, "BYE", "", "", "")
	k.ended(t)
	var kinds []string
	for _, b := range bundles(k.Wait(t, "all", func([]bus.Message) bool { return true })) {
		kinds = append(kinds, fmt.Sprint(b.Kind, b.Mark.Reason))
	}
	want := fmt.Sprint([]string{"1", "1", "2re-invite", "2bye", "3bye"})
	if fmt.Sprint(kinds) != want {
		t.Fatalf("marks %v, want %v", kinds, want)
	}
}

func TestServer_LearnsFromMetadataThatComesLater(t *testing.T) {
	for _, method := range []string{"UPDATE", "INFO", "INVITE"} {
		t.Run(method, func(t *testing.T) {
			k := newKafka()
			p := newPeer(t, serve(t, k, nil))
			p.want(200, "INVITE", "", sdpType, offer("sendonly", "sendonly"))
			a := p.want(200, method, "", "application/rs-metadata+xml", metadata("later"))
			if (a.body != "") != (method == "INVITE") {
				t.Fatalf("answer: %s\n%s", a.raw, a.body)
			}
			e := k.event(t, earshot.InteractionUpdated)
			if e.Facts.AgentName != "Ann" || e.Facts.ID != earshot.CallID("", p.callID) {
				t.Fatalf("facts: %+v", e.Facts)
			}
		})
	}
}

func TestServer_EndsACallWhoseByeForgetsTheTag(t *testing.T) {
	k := newKafka()
	p := newPeer(t, serve(t, k, nil))
	p.want(200, "INVITE", "", sdpType, offer("sendonly"))
	p.toTag = ""
	p.want(481, "BYE", "", "", "")
	if m := k.ended(t); m.Reason != "bye" {
		t.Fatalf("reason %q", m.Reason)
	}
}

func TestServer_EndsACallThatWentSilent(t *testing.T) {
	k := newKafka()
	p := newPeer(t, serve(t, k, func(c *srs.Config) { c.IdleTimeout = 300 * time.Millisecond }))
	p.want(200, "INVITE", "", sdpType, offer("sendonly"))
	bye := p.read("BYE")
	if !strings.HasPrefix(bye.raw, "BYE ") || !strings.Contains(bye.header("To"), "tag=src1") || !strings.Contains(bye.header("From"), p.toTag) {
		t.Fatalf("got %s", bye.raw)
	}
	if m := k.ended(t); m.Reason != "timeout" {
		t.Fatalf("reason %q", m.Reason)
	}
}

func TestServer_MirrorsEveryPacketOfTheRightSender(t *testing.T) {
	k := newKafka()
	p := newPeer(t, serve(t, k, nil))
	port := ports(t, p.want(200, "INVITE", "", sdpType, offer("sendonly")).body)[0]
	c, err := net.Dial("udp", "127.0.0.1:"+strconv.Itoa(port))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const n = 60
	for i := range n {
		sendRTP(t, c, uint16(65500+i), byte(i/30)) // wraps, and changes its SSRC
	}
	rtpTo(t, port, 7, 9) // from another port: somebody else's
	k.Wait(t, "the packets", func(msgs []bus.Message) bool { return countPackets(msgs) >= n })
	p.want(200, "BYE", "", "", "")
	k.ended(t)
	msgs := k.Wait(t, "all", func([]bus.Message) bool { return true })
	seq := uint16(65500)
	for _, b := range bundles(msgs) {
		for _, pkt := range b.Packets {
			if got := uint16(pkt.RTP[2])<<8 | uint16(pkt.RTP[3]); got != seq {
				t.Fatalf("packet %d, want %d", got, seq)
			}
			seq++
		}
	}
	if countPackets(msgs) != n {
		t.Fatalf("%d packets, %d were sent", countPackets(msgs), n)
	}
}

func countPackets(msgs []bus.Message) (n int) {
	for _, b := range bundles(msgs) {
		n += len(b.Packets)
	}
	return n
}

func TestServer_EndsItsCallsWhenItStops(t *testing.T) {
	k := newKafka()
	var p *peer
	t.Run("run", func(t *testing.T) {
		p = newPeer(t, serve(t, k, nil))
		p.want(200, "INVITE", "", sdpType, offer("sendonly"))
	})
	if m := k.ended(t); m.Reason != "interrupted" {
		t.Fatalf("reason %q", m.Reason)
	}
}

// slow answers only after its context has ended.
type slow struct{ kafka }

func TestServer_EndsACancelledCall(t *testing.T) {
	k := newKafka()
	p := newPeer(t, serveOn(t, slow{k}))
	p.cseq++
	invite := p.request("INVITE", p.cseq, "", sdpType, offer("sendonly"))
	p.send(invite)
	cancel := strings.NewReplacer("INVITE sip:", "CANCEL sip:", "CSeq: 1 INVITE", "CSeq: 1 CANCEL").Replace(invite)
	head, _, _ := strings.Cut(cancel, "Content-Type")
	k.Wait(t, "the INVITE", func(m []bus.Message) bool { return len(m) > 0 })
	p.send(head + "Content-Length: 0\r\n\r\n")
	if a := p.read("INVITE"); a.status != 487 {
		t.Fatalf("answer: %s", a.raw)
	}
	k.ended(t)
}

func (s slow) Produce(ctx context.Context, msgs ...bus.Message) error {
	if err := s.kafka.Produce(ctx, msgs...); err != nil {
		return err
	}
	<-ctx.Done()
	return earshot.Errorf(earshot.Unavailable, "cannot produce: %w", ctx.Err())
}

func TestServer_MarksAMixedStream(t *testing.T) {
	k := newKafka()
	p := newPeer(t, serve(t, k, nil))
	p.want(200, "INVITE", "", mixedType, mixed(sdpType, offer("sendonly"), "application/rs-metadata+xml", metadata("mix")))
	p.want(200, "BYE", "", "", "")
	if i := k.ended(t).Interaction; len(i.Legs) != 1 || i.Legs[0].Role != earshot.Other || i.Attributes["channel_layout"] != "mixed" {
		t.Fatalf("facts: %+v", i)
	}
}

func TestServer_TakesParticipantsByOrderWhenNothingTiesThemToStreams(t *testing.T) {
	k := newKafka()
	p := newPeer(t, serve(t, k, func(c *srs.Config) { c.Agents = []string{"sip:1001@*"} }))
	meta := regexp.MustCompile(`<participantstreamassoc.*?</participantstreamassoc>`).ReplaceAllString(metadata("order"), "")
	p.want(200, "INVITE", "", mixedType, mixed(sdpType, offer("sendonly", "sendonly"), "application/rs-metadata+xml", meta))
	if e := k.event(t, earshot.MetadataDegraded); !strings.Contains(e.Data["reason"], "by order") {
		t.Fatalf("event: %+v", e)
	}
	p.want(200, "BYE", "", "", "")
	if l := k.ended(t).Interaction.Legs; l[0].Name != "Ann" || l[0].RoleSource != "config" || l[1].Role != earshot.Customer || l[1].RoleSource != "config" {
		t.Fatalf("legs: %+v", l)
	}
}

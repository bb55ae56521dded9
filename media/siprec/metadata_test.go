package siprec_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"earshot/media/siprec"
)

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "metadata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestParseMetadata_ReadsEveryDialect(t *testing.T) {
	tests := map[string]struct {
		session, attribute, value string
		start                     time.Time
	}{
		"rfc7865.xml":   {session: "hVpd7YQgRW2nD22h7q60JQ==", start: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)},
		"draft.xml":     {"draft-session", "extensiondata.ucid", "00FA0800010203;encoding=hex", time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)},
		"siprec-ns.xml": {session: "bw-session", attribute: "extensiondata.broadWorksRecordingMetadata.extTrackingID", value: "9ab1-44"},
		"prefixed.xml":  {"tns-session", "callData.callID", "orig-77", time.Unix(0, 0).UTC()},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m, err := siprec.ParseMetadata(fixture(t, name))
			if err != nil {
				t.Fatal(err)
			}
			if m.SessionID() != tt.session || !m.Sessions[0].Start.Equal(tt.start) || len(m.Warnings) != 0 || m.Partial {
				t.Fatalf("session %+v, warnings %v", m.Sessions, m.Warnings)
			}
			one, two := m.Sender("1"), m.Sender("2")
			if one == nil || one.Name != "Ann" || !strings.HasSuffix(one.AoR, "ann@agents.example.com") {
				t.Fatalf("sender of 1: %+v", one)
			}
			if two == nil || two.Name != "Bob" || !strings.Contains(two.AoR, "+15550100123") {
				t.Fatalf("sender of 2: %+v", two)
			}
			if tt.attribute != "" && m.Attributes[tt.attribute] != tt.value {
				t.Fatalf("attributes %v", m.Attributes)
			}
		})
	}
}

func TestParseMetadata_ReadsWhatIsLeftOfABrokenDocument(t *testing.T) {
	whole := string(fixture(t, "rfc7865.xml"))
	tests := map[string]string{
		"cut off":          whole[:strings.Index(whole, "<sessionrecordingassoc")],
		"bare ampersand":   strings.Replace(whole, "Bob", "Bob & Co", 1),
		"another charset":  strings.Replace(whole, "UTF-8", "GB18030", 1),
		"space before":     "\r\n\r\n  " + whole,
		"unquoted garbage": strings.Replace(whole, "<sessionrecordingassoc ", "<sessionrecordingassoc <<", 1),
	}
	for name, doc := range tests {
		t.Run(name, func(t *testing.T) {
			m, err := siprec.ParseMetadata([]byte(doc))
			if err != nil || len(m.Participants) != 2 || len(m.Streams) != 2 || m.SessionID() == "" {
				t.Fatalf("got %+v, %v", m, err)
			}
		})
	}
}

func TestParseMetadata_SaysWhenThereIsNone(t *testing.T) {
	for _, doc := range []string{"", "no xml", "<?xml version='1.0'?>", "<!-- -->"} {
		if m, err := siprec.ParseMetadata([]byte(doc)); !errors.Is(err, siprec.ErrMetadata) {
			t.Errorf("%q: got %+v, %v", doc, m, err)
		}
	}
}

func TestParseMetadata_BoundsWhatADocumentCosts(t *testing.T) {
	deep := strings.Repeat("<a>", 100000)
	m, err := siprec.ParseMetadata([]byte("<recording>" + deep))
	if err != nil || len(m.Warnings) == 0 || len(m.Attributes) > 64 {
		t.Fatalf("got %+v, %v", m, err)
	}
	wide := "<recording>" + strings.Repeat("<x>y</x>", 50000)
	if m, err = siprec.ParseMetadata([]byte(wide)); err != nil || len(m.Warnings) == 0 {
		t.Fatalf("got %+v, %v", m.Warnings, err)
	}
}

func sample() siprec.Metadata {
	return siprec.Metadata{
		Sessions: []siprec.Session{{ID: "c2Vzc2lvbg==", SIPSessionIDs: []string{"ab;remote=cd"}}},
		Participants: []siprec.Participant{
			{ID: "a", AoR: "sip:ann@example.com", Name: `张伟 <"&'>`, Role: "agent"},
			{ID: "b", AoR: "tel:+1555", Role: "customer"},
		},
		Streams:     []siprec.Stream{{ID: "1s", Session: "c2Vzc2lvbg==", Label: "1"}, {ID: "2s", Session: "c2Vzc2lvbg==", Label: "2"}},
		Sends:       map[string][]string{"a": {"1s"}, "b": {"2s"}},
		Interaction: &siprec.Interaction{Queue: "账单", Direction: "inbound", Language: "zh", Attributes: map[string]string{"k": "v & w"}},
	}
}

func TestWriteMetadata_IsReadBackAsItWas(t *testing.T) {
	want := sample()
	start := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	data, err := siprec.WriteMetadata(want, start)
	if err != nil {
		t.Fatal(err)
	}
	got, err := siprec.ParseMetadata(data)
	if err != nil {
		t.Fatal(err)
	}
	want.Sessions[0].Start = start
	want.Attributes = map[string]string{}
	if !reflect.DeepEqual(*got, want) {
		t.Fatalf("got  %+v\nwant %+v\n%s", *got, want, data)
	}
}

func TestMetadata_MergesWhatAPartialDocumentChanges(t *testing.T) {
	whole := sample()
	partial, err := siprec.ParseMetadata([]byte(`<recording><datamode>partial</datamode>
<participant participant_id="a"><nameID aor="sip:eve@example.com"><name>Eve</name></nameID></participant></recording>`))
	if err != nil || !partial.Partial {
		t.Fatalf("got %+v, %v", partial, err)
	}
	m := whole.Merge(partial)
	if p := m.Sender("1"); p == nil || p.Name != "Eve" || len(m.Participants) != 2 || m.Interaction == nil || m.SessionID() == "" {
		t.Fatalf("got %+v", m)
	}
	complete, err := siprec.ParseMetadata(fixture(t, "rfc7865.xml"))
	if err != nil {
		t.Fatal(err)
	}
	if m = whole.Merge(complete); m.Sender("1").Name != "Ann" || len(m.Participants) != 2 || m.Interaction == nil {
		t.Fatalf("got %+v", m)
	}
}

func FuzzParseMetadata(f *testing.F) {
	for _, name := range []string{"rfc7865.xml", "draft.xml", "siprec-ns.xml", "prefixed.xml"} {
		f.Add(fixture(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := siprec.ParseMetadata(data)
		if err != nil {
			return
		}
		if len(m.Attributes) > 64 {
			t.Fatalf("%d attributes", len(m.Attributes))
		}
		out, err := siprec.WriteMetadata(*m, time.Unix(0, 0))
		if err != nil {
			t.Fatalf("read but cannot be written: %v", err)
		}
		again, err := siprec.ParseMetadata(out)
		if err != nil || len(again.Participants) != len(m.Participants) || len(again.Streams) != len(m.Streams) {
			t.Fatalf("written but not read back: %v\n%s", err, out)
		}
	})
}

func BenchmarkParseMetadata(b *testing.B) {
	data := fixture(b, "rfc7865.xml")
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := siprec.ParseMetadata(data); err != nil {
			b.Fatal(err)
		}
	}
}

package earshot_test

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	"earshot"
)

var at = time.Date(2026, 11, 23, 9, 0, 0, 123456789, time.UTC)

func TestAudioBundle_RoundTrip(t *testing.T) {
	tests := map[string]earshot.AudioBundle{
		"media": {
			Kind: earshot.AudioMedia, Leg: "leg-1", Codec: earshot.G722, ClockRate: 8000, ReceivedAt: at,
			Packets: []earshot.AudioPacket{{RTP: []byte{0x80, 9, 0, 1}}, {After: 20 * time.Millisecond, RTP: []byte{0x80, 9, 0, 2}}},
		},
		"leg start": {
			Kind: earshot.AudioLegStart, Leg: "leg-1", Codec: earshot.PCMU, ClockRate: 8000, ReceivedAt: at,
			Mark: &earshot.AudioMark{Interaction: earshot.Interaction{ID: "i", Channel: earshot.Voice, StartedAt: at,
				Legs: []earshot.Leg{{ID: "leg-1", Role: earshot.Agent, Name: "张伟"}}}},
		},
		"call end": {Kind: earshot.AudioCallEnd, ReceivedAt: at, Mark: &earshot.AudioMark{Reason: "bye", Lost: 2}},
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			data, err := want.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			var got earshot.AudioBundle
			if err := got.UnmarshalBinary(data); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestAudioBundle_RefusesWhatItCannotWrite(t *testing.T) {
	tests := map[string]earshot.AudioBundle{
		"unknown codec":     {Codec: "OPUS"},
		"long leg id":       {Leg: earshot.LegID(make([]byte, 256))},
		"packet too long":   {Packets: []earshot.AudioPacket{{RTP: make([]byte, 65536)}}},
		"packet before":     {Packets: []earshot.AudioPacket{{After: -time.Second}}},
		"packet much later": {Packets: []earshot.AudioPacket{{After: 2 * time.Hour}}},
	}
	for name, b := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := b.MarshalBinary(); !errors.Is(err, earshot.ErrAudioBundle) {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func FuzzAudioBundle(f *testing.F) {
	media := earshot.AudioBundle{Leg: "a", Codec: earshot.PCMA, ClockRate: 8000, ReceivedAt: at, Packets: []earshot.AudioPacket{{RTP: []byte{1, 2, 3}}}}
	mark := earshot.AudioBundle{Kind: earshot.AudioLegEnd, Leg: "a", Mark: &earshot.AudioMark{Reason: "bye"}}
	for _, b := range []earshot.AudioBundle{media, mark} {
		data, err := b.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var b earshot.AudioBundle
		if err := b.UnmarshalBinary(data); err != nil {
			return
		}
		again, err := b.MarshalBinary()
		if err != nil {
			t.Fatalf("read but cannot be written: %v", err)
		}
		if b.Kind == earshot.AudioMedia && !bytes.Equal(again, data) {
			t.Fatalf("wrote %x, read %x", again, data)
		}
	})
}

func BenchmarkAudioBundle_Unmarshal(b *testing.B) {
	bundle := earshot.AudioBundle{Leg: "leg", Codec: earshot.PCMU, ClockRate: 8000, ReceivedAt: at}
	for range 10 {
		bundle.Packets = append(bundle.Packets, earshot.AudioPacket{RTP: make([]byte, 172)})
	}
	data, err := bundle.MarshalBinary()
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		var got earshot.AudioBundle
		if err := got.UnmarshalBinary(data); err != nil {
			b.Fatal(err)
		}
	}
}

func TestAudioBundle_RefusesWhatItCannotRead(t *testing.T) {
	head := func(kind, codec, legLen byte, rest ...byte) []byte {
		return append([]byte{1, kind, codec, legLen, 0, 0, 0x1f, 0x40, 0, 0, 0, 0, 0, 0, 0, 0}, rest...)
	}
	tests := map[string][]byte{
		"nothing":            {},
		"half a header":      head(0, 0, 0)[:15],
		"version 2":          append([]byte{2}, head(0, 0, 0)[1:]...),
		"unknown kind":       head(4, 0, 0),
		"unknown codec":      head(0, 5, 0),
		"half a leg id":      head(0, 0, 2, 'a'),
		"half a packet head": head(0, 0, 0, 0, 0, 0, 0, 0),
		"half a packet":      head(0, 0, 0, 0, 0, 0, 0, 0, 2, 0x80),
		"mark that is none":  head(3, 0, 0, '{'),
	}
	for name, data := range tests {
		t.Run(name, func(t *testing.T) {
			var b earshot.AudioBundle
			if err := b.UnmarshalBinary(data); !errors.Is(err, earshot.ErrAudioBundle) {
				t.Fatalf("got %v, %+v", err, b)
			}
		})
	}
}

package redact_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"earshot/internal/redact"
)

func digits(t *rapid.T, n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = byte('0' + rapid.IntRange(0, 9).Draw(t, "digit"))
	}
	return out
}

// drawCard makes a number of 13 to 19 digits that passes Luhn's check.
func drawCard(t *rapid.T) string {
	d := digits(t, rapid.IntRange(12, 18).Draw(t, "length"))
	d[0] = byte('3' + rapid.IntRange(0, 3).Draw(t, "network"))
	sum := 0
	for i := range d {
		n := int(d[len(d)-1-i] - '0')
		if i%2 == 0 {
			n = n*2 - 9*(n/5)
		}
		sum += n
	}
	return string(d) + strconv.Itoa((10-sum%10)%10)
}

// drawResident makes a Chinese resident id with the weights of GB 11643.
func drawResident(t *rapid.T) string {
	region := rapid.IntRange(110000, 659999).Draw(t, "region")
	born := time.Date(1920, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 38000).Draw(t, "born"))
	d := fmt.Sprintf("%d%s%s", region, born.Format("20060102"), digits(t, 3))
	sum := 0
	for i, w := range []int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} {
		sum += int(d[i]-'0') * w
	}
	return d + "10X98765432"[sum%11:sum%11+1]
}

func drawMobile(t *rapid.T) string {
	return "1" + string(rune('0'+rapid.IntRange(3, 9).Draw(t, "second"))) + string(digits(t, 9))
}

// grouped writes the number in groups of four, with spaces or dashes, or in one.
func grouped(t *rapid.T, s string) string {
	sep := rapid.SampledFrom([]string{"", " ", "-"}).Draw(t, "separator")
	var parts []string
	for len(s) > 4 {
		parts, s = append(parts, s[:4]), s[4:]
	}
	return strings.Join(append(parts, s), sep)
}

func fullWidth(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r - '0' + '０'
		}
		return r
	}, s)
}

// spoken reads the digits aloud, with fillers now and then.
func spoken(t *rapid.T, s string) string {
	english := strings.Fields("zero one two three four five six seven eight nine")
	chinese := []rune(rapid.SampledFrom([]string{"零一二三四五六七八九", "洞幺两三四五六拐八勾", "〇一二三四五六七八九"}).Draw(t, "style"))
	isChinese := rapid.Bool().Draw(t, "chinese")
	var b strings.Builder
	for i, c := range s {
		if i > 0 && rapid.IntRange(0, 5).Draw(t, "filler") == 0 {
			b.WriteString(map[bool]string{true: "嗯", false: "uh "}[isChinese])
		}
		switch {
		case c == 'X' && isChinese:
			b.WriteString("叉")
		case c == 'X':
			b.WriteString("x")
		case isChinese:
			b.WriteRune(chinese[c-'0'])
		default:
			b.WriteString(english[c-'0'] + " ")
		}
	}
	return strings.TrimSpace(b.String())
}

func TestText_MasksEveryValidNumberInAnyFormat(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var raw string
		switch rapid.SampledFrom([]string{"card", "resident", "mobile"}).Draw(t, "kind") {
		case "card":
			raw = drawCard(t)
		case "resident":
			raw = drawResident(t)
		default:
			raw = drawMobile(t)
		}
		written := raw
		switch rapid.SampledFrom([]string{"grouped", "full width", "spoken"}).Draw(t, "form") {
		case "grouped":
			written = grouped(t, raw)
		case "full width":
			written = fullWidth(grouped(t, raw))
		case "spoken":
			written = spoken(t, raw)
		}
		frame := rapid.SampledFrom([][2]string{{"", ""}, {"my number is ", ", thanks"}, {"号码是", "，谢谢"}, {"it is ", " okay"}, {"（", "）"}}).Draw(t, "frame")
		got, spans := redact.Text(frame[0]+written+frame[1], "")
		if len(spans) != 1 || got != frame[0]+"["+spans[0].Type+"]"+frame[1] {
			t.Fatalf("%q became %q", frame[0]+written+frame[1], got)
		}
	})
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"call 4155552671", "卡号４１１１ １１１１ １１１１ １１１１", "a@b.co 12:30 ::1", "double two oh 两个八 x", "\xff[CARD]", "DE89 3704 0044 0532 0130 00"} {
		f.Add(s, "en")
		f.Add(s, "zh")
	}
	f.Fuzz(func(t *testing.T, s, language string) {
		got, spans := redact.Text(s, language)
		if !utf8.ValidString(got) {
			t.Fatalf("%q became invalid UTF-8 %q", s, got)
		}
		at := 0
		for _, span := range spans {
			if span.Start < at || span.End > len(got) || got[span.Start:span.End] != "["+span.Type+"]" {
				t.Fatalf("%q: span %v of %q", s, span, got)
			}
			at = span.End
		}
	})
}

func BenchmarkText(b *testing.B) {
	for name, s := range map[string]string{
		"nothing": "thank you for calling i am sorry to hear that let me have a look at it right away ",
		"english": "my card is 4111 1111 1111 1111 and my number is four one five five five five oh one nine nine on 2026-11-23 ",
		"chinese": "您好，我的手机号是一三八一二三四五六七八，身份证11010519491231002X，订单金额是12500.50元。",
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(s)))
			b.ReportAllocs()
			for b.Loop() {
				redact.Text(s, "")
			}
		})
	}
}

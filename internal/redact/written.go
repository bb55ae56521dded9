package redact

import (
	"net/netip"
	"regexp"
	"strings"
	"sync"
)

// patterns are compiled once, when the first text comes.
type patterns struct {
	email, spokenEmail, iban, ipv6, ipv4, x *regexp.Regexp
	// harmless are numbers that stay: dates, times, amounts, percentages.
	harmless []*regexp.Regexp
	secrets  []secret
}

// secret is a word after which a short number is a secret.
type secret struct {
	// hints are what the word begins with; without one there is no word.
	hints       []string
	word        *regexp.Regexp
	kind        string
	least, most int
}

var compiled = sync.OnceValue(func() *patterns {
	re := regexp.MustCompile
	return &patterns{
		email: re(`[a-z0-9][a-z0-9._%+\-]*@[a-z0-9](?:[a-z0-9\-]*[a-z0-9])?(?:\.[a-z0-9\-]+)+`),
		spokenEmail: re(`\b[a-z0-9]+(?: (?:dot|underscore|dash|hyphen|点|下划线) [a-z0-9]+)* ?(?:at|艾特) ?[a-z0-9]+` +
			`(?: ?(?:dot|点) ?(?:com|net|org|edu|gov|io|co|cn|uk|de|fr|info|me))+\b`),
		iban: re(`\b[a-z]{2}[0-9]{2}(?: ?[a-z0-9]{4}){2,7}(?: ?[a-z0-9]{1,4})?\b`),
		ipv4: re(`\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b`),
		ipv6: re(`[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}`),
		x:    re(`^(?:[ \-]|uh|um|er|嗯|啊|呃){0,6}(?:x|ex|艾克斯|叉)`),
		harmless: []*regexp.Regexp{
			re(`(?:19|20)[0-9]{2}[\-/.][01]?[0-9][\-/.][0-3]?[0-9]`),
			re(`[0-3]?[0-9][\-/.][0-3]?[0-9][\-/.](?:19|20)?[0-9]{2}`),
			re(`[0-9]{2,4} ?年(?: ?[0-9]{1,2} ?月(?: ?[0-9]{1,2} ?[日号])?)?`),
			re(`[0-2]?[0-9]:[0-5][0-9](?::[0-5][0-9])?`),
			re(`(?:[$€£¥]|us\$|rmb|usd|eur|gbp|cny) ?[0-9][0-9,]*(?:\.[0-9]{1,2})?`),
			re(`[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?`),
			re(`(?:0[1-9]|1[0-2])/[0-9]{2}`),
			re(`[0-9]{1,4}\.[0-9]{1,6}`),
			re(`[0-9]{1,10}(?:\.[0-9]+)? ?(?:%|percent|per cent|dollars?|euros?|pounds?|cents?|yuan|usd|eur|rmb|元|块|万|亿|美元|人民币|分钱|港币|欧元)`),
		},
		secrets: []secret{
			{[]string{"cv", "code", "card", "digits", "安全码", "校验码", "后三位", "背面"}, re(`\b(?:cvv2?|cvc2?|security code|card verification|three digits|3 digits)\b|安全码|校验码|后三位|背面`), cvv, 3, 4},
			{[]string{"pin", "pass", "code", "otp", "密码", "验证码", "口令"}, re(`\b(?:pin|pin code|pin number|password|passcode|pass code|verification code|one time code|otp)\b|密码|验证码|口令`), code, 4, 8},
		},
	}
})

// findWritten finds what has a form of its own.
func (t *text) findWritten() []finding {
	var out []finding
	p := compiled()
	if strings.ContainsRune(t.folded, '@') {
		out = t.all(out, p.email, email, nil)
	}
	if containsAny(t.folded, "at", "艾特") && containsAny(t.folded, "dot", "点") {
		out = t.all(out, p.spokenEmail, email, nil)
	}
	if !t.hasDigit {
		return out
	}
	if mayHoldIBAN(t.folded) {
		out = t.ibans(out, p.iban)
	}
	if strings.ContainsRune(t.folded, '.') {
		out = t.all(out, p.ipv4, ip, isIP)
	}
	if strings.ContainsRune(t.folded, ':') {
		out = t.all(out, p.ipv6, ip, isIP)
	}
	return out
}

func containsAny(s string, words ...string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

// mayHoldIBAN looks for two letters and two digits, as every IBAN begins.
func mayHoldIBAN(s string) bool {
	for i := 3; i < len(s); i++ {
		if isDigit(s[i]) && isDigit(s[i-1]) && isLetter(s[i-2]) && isLetter(s[i-3]) {
			return true
		}
	}
	return false
}

func (t *text) all(out []finding, re *regexp.Regexp, kind string, check func(string) bool) []finding {
	for _, at := range re.FindAllStringIndex(t.folded, -1) {
		if check == nil || check(t.folded[at[0]:at[1]]) {
			out = append(out, finding{at[0], at[1], kind})
		}
	}
	return out
}

// ibans takes, of each candidate, the longest beginning that is valid: a word of
// four letters after an IBAN looks like one more group of it.
func (t *text) ibans(out []finding, re *regexp.Regexp) []finding {
	for _, at := range re.FindAllStringIndex(t.folded, -1) {
		for end := at[1]; end > at[0]; {
			if isIBAN(t.folded[at[0]:end]) {
				out = append(out, finding{at[0], end, iban})
				break
			}
			end = at[0] + max(0, strings.LastIndexByte(t.folded[at[0]:end], ' '))
		}
	}
	return out
}

func isIP(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && !a.IsUnspecified() && len(s) > 2
}

// isIBAN checks the ISO 13616 number modulo 97 (ISO 7064).
func isIBAN(s string) bool {
	s = strings.ReplaceAll(s, " ", "")
	if len(s) < 15 || len(s) != ibanLength(s[:2]) {
		return false
	}
	rest := 0
	for _, c := range []byte(s[4:] + s[:4]) {
		if isDigit(c) {
			rest = (rest*10 + int(c-'0')) % 97
		} else {
			rest = (rest*100 + int(c-'a') + 10) % 97
		}
	}
	return rest == 1
}

// ibanLength returns how long an IBAN of the country is (SWIFT IBAN registry), 0
// where there is none.
func ibanLength(country string) int {
	for length, countries := range ibanCountries {
		if i := strings.Index(countries, country); i >= 0 && i%3 == 0 {
			return length
		}
	}
	return 0
}

// ibanCountries lists the countries by the length of their IBANs.
var ibanCountries = [...]string{
	15: "no",
	16: "be",
	18: "dk fo fi gl nl sd fk",
	19: "mk si",
	20: "at ba ee kz xk lt lu mn",
	21: "hr lv li ch",
	22: "bh bg cr ge de ie me rs gb va",
	23: "tl gi iq il om so ae",
	24: "ad cz md pk ro sa sk es se tn vg",
	25: "ly pt st",
	26: "is tr",
	27: "bi dj fr gr it mr mc sm",
	28: "al az by cy do gt hu lb ni pl sv",
	29: "br eg ps qa ua",
	30: "jo kw mu ye",
	31: "mt sc",
	32: "lc",
	33: "ru",
}

// harmless returns which bytes of the folded text belong to a date, a time, an
// amount or a percentage.
func (t *text) harmless() []bool {
	var out []bool
	if !t.hasDigit {
		return nil
	}
	for _, re := range compiled().harmless {
		for _, at := range re.FindAllStringIndex(t.folded, -1) {
			if !t.standsAlone(at[0], at[1]) {
				continue
			}
			if out == nil {
				out = make([]bool, len(t.folded))
			}
			for i := at[0]; i < at[1]; i++ {
				out[i] = true
			}
		}
	}
	return out
}

// standsAlone says whether no digit, and no separator with a digit behind it,
// touches the place: a part of a longer number is no date.
func (t *text) standsAlone(start, end int) bool {
	s := t.folded
	if start > 0 && (isDigit(s[start-1]) || start > 1 && isJoint(s[start-1]) && isDigit(s[start-2])) {
		return false
	}
	return end >= len(s) || !isDigit(s[end]) && (!isJoint(s[end]) || end+1 >= len(s) || !isDigit(s[end+1]))
}

func isJoint(c byte) bool { return c == '-' || c == '/' || c == '.' || c == ',' }
